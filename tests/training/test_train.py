"""Training end to end on a tiny real data folder: fit, resume, evaluate, refuse bad input."""

import contextlib
import csv
import os
import re
import resource
import runpy
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from functools import partial

import cv2
import numpy as np
import pytest

from backend.errors import SetupError
from backend.settings import ROOT
from backend.training.data.index import load, read_index
from backend.training.evaluate.predictions import QUICK
from backend.training.evaluate.run import _shortcuts
from backend.training.fit.checkpoint import is_finished
from backend.training.fit.loop import fit
from backend.training.fit.step import build_optimizer
from backend.training.measure.ablation import strangers
from backend.training.output_paths import prepare
from backend.training.recipe import Mix, read_recipe
from backend.training.train import make
from tests.training_data import CONFIG, RECIPE, png, write_recipe

TRAINING = ROOT / "backend" / "training"


def line(*arguments):
    return [sys.executable, "-m", "backend", *map(str, arguments)]


def command(*arguments):
    return subprocess.run(
        line(*arguments), cwd=ROOT, capture_output=True, text=True, check=False
    )  # fmt: skip


def training(config, data, model, runs):
    return line("train", config, "--data", data, "--runs", runs, "--model", model)


def train(*arguments):
    return command(*training(*arguments)[3:])


def run(*arguments, expect=0):
    done = command(*arguments)
    assert done.returncode == expect, done.stderr[-2000:]
    return done


def begin(config, data, runs, before=lambda: None):
    """Start training and wait until ten steps are done; `before` runs in the new process."""

    def prepare():
        # A test run started in the background hands on that Ctrl-C is ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        before()

    started = subprocess.Popen(
        training(config, data, runs / "model.h5", runs), cwd=ROOT, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=prepare,
    )  # fmt: skip
    log = runs / config.stem / "run.csv"
    while not log.is_file() or "\n10," not in log.read_text():
        assert started.poll() is None, started.stderr.read()
        time.sleep(0.01)
    return started


def test_a_full_disk_is_said_and_ends_the_training(data, tmp_path):
    config = write_recipe(tmp_path / "tiny.toml", checkpoint_every=12)
    most = 20 << 20  # bytes a file; the checkpoint takes more
    full = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (most, most))
    started = begin(config, data, tmp_path, full)
    said = started.communicate(timeout=60)[1]
    assert started.returncode == 2 and "Traceback" not in said
    assert said.splitlines()[-1].startswith("error: Cannot write ")
    assert not list((tmp_path / "tiny").glob("*.pt*"))


def test_an_interrupted_training_ends_at_once_and_goes_on_from_its_checkpoint(data, tmp_path):
    config, model, runs = tmp_path / "tiny.toml", tmp_path / "model.h5", tmp_path / "runs"
    write_recipe(config, until=20)
    first = begin(config, data, runs)
    log = runs / "tiny" / "run.csv"
    os.killpg(first.pid, signal.SIGINT)  # as Ctrl-C does
    said = first.communicate(timeout=60)[1]
    assert first.returncode == 130 and said.splitlines()[-1] == "interrupted"
    assert "Traceback" not in said
    kept = torch_load(runs / "tiny" / "checkpoint.pt")
    assert kept["step"] % 7 == 0 and kept["step"]
    done = train(config, data, model, runs)
    assert "going on from step" in done.stderr
    # So few steps may or may not be enough to tell the labels apart; if not, it says so.
    assert model.exists() == (done.returncode == 0)
    assert done.returncode == 0 or "train it longer" in done.stderr
    with log.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["10", "20"]
    seconds = [float(row["seconds"]) for row in rows]
    assert seconds == sorted(seconds)


@pytest.mark.parametrize("spoiled", (b"not a checkpoint", b"spoiled"))
def test_a_checkpoint_of_another_network_is_refused(spoiled, data, tmp_path):
    config = tmp_path / "tiny.toml"
    config.write_text(RECIPE.replace("size = 160 ", "size = 64 "))
    (tmp_path / "runs" / "tiny").mkdir(parents=True)
    (tmp_path / "runs" / "tiny" / "checkpoint.pt").write_bytes(spoiled)
    done = train(config, data, tmp_path / "model.h5", tmp_path / "runs")
    assert done.returncode == 2 and "checkpoint in tiny" in done.stderr


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """(recipe, dataset, folder, content) of a run whose last checkpoint is written."""
    torch = pytest.importorskip("torch")
    from backend.training.networks.efficientnet_b0 import EfficientNetB0

    folder = tmp_path_factory.mktemp("finished")
    recipe = read_recipe(write_recipe(folder / "tiny.toml"))
    network = EfficientNetB0()
    content = {
        "network": network.state_dict(),
        "average": network.state_dict(),
        "optimizer": build_optimizer(network, recipe).state_dict(),
        "random": torch.get_rng_state(),
        "step": recipe.last,
    }
    torch.save(content, folder / "checkpoint.pt")
    return recipe, load(data, data / "cache", ("train",)), folder, content


def test_averaged_weights_that_were_lost_are_written_again(finished):
    recipe, dataset, folder, _ = finished  # the checkpoint is of before recipes were kept in it
    network = fit(recipe, dataset, folder).state_dict()
    assert set(torch_load(folder / "average.pt")) == set(network)


def torch_load(path):
    return pytest.importorskip("torch").load(path, weights_only=True)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: [1, 2],
        lambda content: content["random"],
        lambda content: dict.fromkeys(content, 5),
        lambda content: content | {"step": "many"},
        lambda content: content | {"optimizer": [3]},
        lambda content: content | {"average": {3: 4}},
        lambda content: content | {"recipe": 3},
    ],
)
def test_a_damaged_checkpoint_is_refused(spoil, finished, tmp_path):
    recipe, dataset, _, content = finished
    pytest.importorskip("torch").save(spoil(content), tmp_path / "checkpoint.pt")
    with pytest.raises(SetupError, match="The checkpoint in .* is damaged"):
        fit(recipe, dataset, tmp_path)


@pytest.mark.parametrize("content", ([1], {3: 4}, {"stem.0.weight": 5}))
def test_a_damaged_run_to_begin_from_is_refused(content, finished, tmp_path):
    recipe, dataset, *_ = finished
    (tmp_path / "one").mkdir()
    pytest.importorskip("torch").save(content, tmp_path / "one" / "average.pt")
    with pytest.raises(SetupError, match="The run one is of another network"):
        fit(replace(recipe, start=("one",)), dataset, tmp_path / "two")


def test_a_checkpoint_is_gone_on_with_under_its_own_recipe_alone(finished, data, tmp_path):
    recipe, dataset, _, content = finished
    kept = content | {"recipe": asdict(recipe)}
    torch, run = pytest.importorskip("torch"), tmp_path / "first"
    run.mkdir()
    torch.save(kept, run / "checkpoint.pt")
    fit(replace(recipe, checkpoint_every=3), dataset, run)  # nothing is learned so
    with pytest.raises(SetupError, match="made with another learning_rate, seed"):
        fit(replace(recipe, seed=3, learning_rate=1.0), dataset, run)
    assert is_finished(run, recipe)
    for name, fields in {"first": {"seed": 3}, "last": {"start": ["first"]}}.items():
        write_recipe(tmp_path / f"{name}.toml", **fields)
    with pytest.raises(SetupError, match="The checkpoint in first was made with another seed"):
        make(tmp_path / "last.toml", data, tmp_path, tmp_path / "model.h5")
    assert not (tmp_path / "last").exists()
    torch.save(kept | {"step": 39}, run / "checkpoint.pt")
    assert not is_finished(run, recipe)  # as where `until` was raised


@pytest.mark.parametrize(
    ("kept", "lacking"),
    [
        (lambda s: s.archive == "stills.tar", "swap, blend_video"),
        (lambda s: not s.fake, "swap, generated"),
        (lambda s: s.archive == "dfdc.tar", "blend_still, cross, generated"),
    ],
)
def test_kinds_of_pairs_that_the_data_has_no_pictures_for_are_named(
    kept, lacking, finished, tmp_path
):
    recipe, dataset, *_ = finished
    poor = replace(dataset, samples=[s for s in dataset.samples if kept(s)])
    with pytest.raises(SetupError, match=f"kinds of the mix: {lacking}\\.$"):
        fit(recipe, poor, tmp_path)


def test_where_the_model_goes_is_made_sure_of_before_training(data, tmp_path):
    config = write_recipe(tmp_path / "tiny.toml")
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match="Cannot write .*model.h5: "):
        make(config, data, tmp_path / "runs", tmp_path / "file" / "model.h5")
    with pytest.raises(SetupError, match="it is a folder"):
        make(config, data, tmp_path / "runs", tmp_path)
    assert not (tmp_path / "runs").exists()
    prepare(tmp_path / "new" / "model.h5")
    assert (tmp_path / "new").is_dir()


def test_shortcuts_that_cannot_be_drawn_are_left_out(data, tmp_path):
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / "stills.tar").write_bytes((data / "faces" / "stills.tar").read_bytes())
    header, *lines = (data / "faces" / "index.csv").read_text().splitlines()
    stills = [each for each in lines if each.startswith("stills.tar")]
    (tmp_path / "faces" / "index.csv").write_text("\n".join([header, *stills]) + "\n")
    rows = read_index(tmp_path)
    held_out = [row for row in rows if row["split"] != "train"]
    for given in (rows, held_out):
        assert _shortcuts(given, tmp_path, tmp_path / "runs", [CONFIG], QUICK) == []


def test_shortcuts_are_looked_for_in_the_pairs_of_both_networks(data, tmp_path):
    none = dict.fromkeys(Mix.__slots__, 0.0)
    write_recipe(tmp_path / "one.toml", mix=none | {"blend_still": 1.0})
    last = tmp_path / "two.toml"
    write_recipe(last, mix=none | {"generated": 1.0}, manipulated_by=["one"])
    rows = _shortcuts(read_index(data), data, tmp_path / "runs", [last], QUICK)
    assert {row["kind"] for row in rows} == {"all", "blend_still", "generated"}


def test_a_run_begins_and_ends_with_means_of_others_and_a_missing_one_is_named(data, tmp_path):
    torch = pytest.importorskip("torch")
    from backend.training.networks.efficientnet_b0 import EfficientNetB0

    networks = {}
    for name in ("three", "four", "one", "two"):
        networks[name] = EfficientNetB0().state_dict()
        (tmp_path / name).mkdir()
        torch.save(networks[name], tmp_path / name / "average.pt")
    text = 'average_with = ["one", "two"]\n' + RECIPE.replace("steps = 2000 ", "steps = 0 ")
    config = tmp_path / "mean.toml"
    config.write_text(text.replace('start = ["lite0"] ', 'start = ["three", "four"] '))
    recipe, dataset = read_recipe(config), load(data, tmp_path / "cache", ("train",))
    mean = fit(recipe, dataset, tmp_path / "mean").state_dict()
    key = "stem.0.weight"
    begun = (networks["three"][key] + networks["four"][key]) / 2
    assert torch.allclose(mean[key], sum((begun, *(networks[n][key] for n in ("one", "two")))) / 3)
    (tmp_path / "two" / "average.pt").unlink()
    with pytest.raises(SetupError, match="The run two is needed"):
        fit(recipe, dataset, tmp_path / "mean")


def test_two_networks_are_put_side_by_side_each_for_its_own_head(data, face, tmp_path):
    torch = pytest.importorskip("torch")
    from backend.engines.tensorflow import load_keras
    from backend.training.networks.efficientnet_b0 import EfficientNetB0

    crop = cv2.resize(face[0], (64, 64))[None]
    expected = []
    for column, name in enumerate(("one", "two")):
        network = EfficientNetB0()
        torch.nn.init.normal_(network.logits.weight, std=0.1)
        (tmp_path / name).mkdir()
        torch.save(network.state_dict(), tmp_path / name / "average.pt")
        with torch.no_grad():
            logits, _ = network.eval()(torch.from_numpy(crop).permute(0, 3, 1, 2))
        expected.append(float(logits[0, column]))
    config = tmp_path / "beside.toml"
    write_recipe(config, steps=0, start=["two"], manipulated_by=["one"])
    with contextlib.suppress(SetupError):  # networks that learned nothing cannot be calibrated
        make(config, data, tmp_path, tmp_path / "model.h5")
    network = load_keras(tmp_path / "beside" / "average.h5")
    assert network(crop.astype(np.float32)).numpy()[0] == pytest.approx(expected, abs=1e-4)
    (tmp_path / "one" / "average.pt").unlink()
    with pytest.raises(SetupError, match="The run one is needed"):
        make(config, data, tmp_path, tmp_path / "model.h5")


def test_runs_that_are_needed_are_trained_before_and_finished_ones_are_kept(
    data, tmp_path, capsys, monkeypatch
):
    torch = pytest.importorskip("torch")
    from backend.training.networks.efficientnet_b0 import EfficientNetB0

    finished = []
    monkeypatch.setattr("backend.training.train.finish", lambda *given: finished.append(given))
    needs = {"one": {}, "two": {"start": ["one"]}, "last": {"start": ["two"]}}
    for name, fields in needs.items():
        write_recipe(tmp_path / f"{name}.toml", steps=0, **fields)
    kept = tmp_path / "runs" / "one" / "average.pt"
    kept.parent.mkdir(parents=True)
    torch.save(EfficientNetB0().state_dict(), kept)
    before = kept.stat().st_mtime_ns
    making = tmp_path / "last.toml", data, tmp_path / "runs", tmp_path / "model.h5"
    make(*making)
    assert re.findall(r"run (.*)", capsys.readouterr().err) == ["1 of 2: two", "2 of 2: last"]
    assert kept.stat().st_mtime_ns == before
    assert [config.stem for _, config, *_ in finished] == ["last"]
    kept.unlink()
    make(*making)  # two is finished: what it began from is needed no more
    assert re.findall(r"run (.*)", capsys.readouterr().err) == ["1 of 1: last"]
    (tmp_path / "one.toml").unlink()
    (tmp_path / "runs" / "two" / "average.pt").unlink()
    with pytest.raises(SetupError, match="The run one is needed"):
        make(*making)
    assert not capsys.readouterr().err.count("run 1")


def test_faces_of_a_source_left_out_are_counted_with_thresholds_that_left_it_out(face, data):
    torch = pytest.importorskip("torch")
    recipe = replace(read_recipe(CONFIG), leave_out=("portraits",))

    class Brightness(torch.nn.Module):  # a network that takes bright pictures for fakes
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.tensor(0.1))

        def forward(self, images):
            return (images.float().mean((1, 2, 3)) - 90)[:, None] * self.scale, None

    def shown(sample, alpha):
        return replace(sample, data=png(cv2.convertScaleAbs(face[0], alpha=alpha)))

    train, test = (load(data, data / "cache", splits) for splits in (("train",), ("val",)))
    for dataset in (train, test):
        for i, sample in enumerate(dataset.samples):
            bright = i % 8 == 0 if sample.source == "portraits" and not sample.fake else sample.fake
            dataset.samples[i] = shown(sample, 1.0 if bright else 0.6)
    found = strangers(recipe, Brightness(), train, test)
    unseen = [s for s in (*train.samples, *test.samples) if s.source == "portraits" and not s.fake]
    bright = sum(s.image().mean() > 90 for s in unseen)
    assert 0 < bright < len(unseen) == found["portraits"]["faces"]
    assert found["portraits"]["called_fake"] == pytest.approx(bright / len(unseen), abs=1e-3)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda d: (d / "stills.tar").unlink(), "faces/stills.tar is missing"),
        (lambda d: (d / "stills.tar").write_bytes(b"x" * 2000), "faces/stills.tar is damaged"),
        (lambda d: (d / "index.csv").unlink(), "faces/index.csv is missing"),
        (lambda d: (d / "index.csv").write_text("file,label\na,real\n"), "lacks the columns"),
    ],
)  # fmt: skip
def test_spoiled_data_is_one_sentence_and_exit_code_2(data, tmp_path, spoil, sentence):
    copy = tmp_path / "data"
    (copy / "faces").mkdir(parents=True)
    for file in (data / "faces").iterdir():
        (copy / "faces" / file.name).write_bytes(file.read_bytes())
    spoil(copy / "faces")
    done = run("evaluate", copy, "--runs", tmp_path / "runs", expect=2)
    assert sentence in done.stderr and len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "name",
    [
        ".".join(path.relative_to(TRAINING).with_suffix("").parts)
        for path in sorted(TRAINING.rglob("*.py"))
        if "__main__" in path.read_text()
    ],
)
def test_every_measuring_command_names_what_is_missing(tmp_path, monkeypatch, capsys, name):
    page = tmp_path / "page.md"
    writes = ["--out", str(page)] if name == "measure.faces" else []
    monkeypatch.setattr(sys, "argv", [name, str(tmp_path / "nowhere"), *writes])
    module = f"backend.training.{name}"
    monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(module, run_name="__main__")
    assert ended.value.code == 2 and not page.exists()
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("error: There ") and said.endswith("/index.csv is missing.")
