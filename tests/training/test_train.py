"""Training end to end on a small data folder: a model that serves, and what stops it in time."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from backend.analysis.pipeline import build_pipeline
from backend.cli.commands import main
from backend.errors import SetupError
from backend.models.model_file import read_config
from backend.settings import ROOT, load_settings
from backend.training.data.face_cache import FaceCache
from backend.training.data.index import read_index
from backend.training.fit.loop import check
from backend.training.recipe import read_recipe
from backend.training.train import tell_lost
from tests.made_models import describe, keras_models, member, sha256
from tests.training_data import write_recipe

STEPS = 24


def recipes(folder, **changes):
    """Small recipes of both members."""
    folder.mkdir(exist_ok=True)
    small = {"start": "imagenet", "steps": STEPS, "pairs": 4, "choose_every": 8, "redraw": 0.0}
    mix = {"manipulated": 0.6, "blend_image": 0.2, "generated": 0.2}
    write_recipe(folder / "face.toml", "face", **{**small, "mix": mix, **changes})
    write_recipe(folder / "pixels.toml", "pixels", **{**small, "steps": 8, **changes})
    return folder


def line(data, runs, small, *options):
    return [
        sys.executable, "-m", "backend", "train", str(data), "--runs", str(runs),
        "--model", str(runs / "model.h5"), "--recipes", str(small), *options,
    ]  # fmt: skip


def train(*arguments):
    return subprocess.run(line(*arguments), cwd=ROOT, capture_output=True, text=True)


def marks(run):
    with (run / "chosen.csv").open(newline="") as file:
        return list(csv.reader(file))


@pytest.fixture(scope="module")
def interrupted(data, runs, tmp_path_factory):
    """Training that Ctrl-C ended, was refused with another recipe, and went on to its end."""
    small = recipes(tmp_path_factory.mktemp("recipes"))
    started = subprocess.Popen(
        line(data, runs, small), cwd=ROOT, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    while not (runs / "face" / "checkpoint.pt").is_file():
        assert started.poll() is None, started.stderr.read()
        time.sleep(0.02)
    started.send_signal(signal.SIGINT)
    said = started.communicate()[1]
    other = train(data, runs, recipes(tmp_path_factory.mktemp("other"), seed=5))
    done = train(data, runs, small)
    assert done.returncode == 0, done.stderr[-3000:]
    return runs, (started.returncode, said), other, done


def test_the_trained_model_is_served(interrupted, make_app, portrait):
    runs, *_ = interrupted
    config = read_config(runs / "model.h5")
    assert [member.name for member in config.members] == ["face", "pixels"]
    assert (runs / "models" / "pixels.h5").is_file()
    for kind in ("video", "image", "small_image"):
        ends = config.readings.of(kind).thresholds
        assert ends.strict.fake >= ends.balanced.fake >= ends.sensitive.fake
    settings = load_settings(_env_file=None, model=runs / "model.h5", cache=runs / "converted")
    client = make_app(pipeline=build_pipeline(settings)).test_client()
    with portrait.open("rb") as file:
        answer = client.post("/predict", data={"file": (file, "portrait.jpg")}).get_json()
    assert answer["status"] == "success" and 0 <= answer["probability_fake"] <= 1
    assert answer["model"]["sha256"] == config.sha256


def test_what_training_calibrated_comes_out_the_same_again(interrupted, data, capsys):
    runs, *_ = interrupted
    path = runs / "model.json"
    before = json.loads(path.read_text())
    line = ["calibrate", str(data), "--runs", str(runs), "--model", str(runs / "model.h5")]
    assert main([*line, "--ensemble", "face,pixels"]) == 0
    assert capsys.readouterr().out.startswith("face,pixels: video: face ")
    after = json.loads(path.read_text())
    assert (after["default"], len(after["ensembles"])) == (["face", "pixels"], 1)
    for old, new in zip(before["members"], after["members"], strict=True):
        for kind in ("video", "image"):
            if old["readings"][kind]:
                weights = new["readings"][kind]["weights"]
                assert weights == pytest.approx(old["readings"][kind]["weights"], rel=1e-3)
    assert main([*line, "--default", "face,nobody"]) == 2
    assert "There is no member 'nobody'; there are face, pixels" in capsys.readouterr().err


def test_interrupted_training_goes_on_where_it_was(interrupted):
    runs, (code, said), other, done = interrupted
    assert code == 130 and "Traceback" not in said
    assert "face: going on from step" in done.stderr
    assert marks(runs / "face")[-1][0] == str(STEPS)
    steps = [row[0] for row in marks(runs / "face")[1:]]
    assert steps == sorted(set(steps), key=int)  # none was done twice
    assert other.returncode == 2 and "was begun with another seed" in other.stderr


def test_a_checkpoint_that_is_damaged_is_named(interrupted, data, tmp_path):
    runs, *_ = interrupted
    small = recipes(tmp_path / "small")
    (tmp_path / "runs" / "face").mkdir(parents=True)
    (tmp_path / "runs" / "cache").symlink_to(runs / "cache")
    (tmp_path / "runs" / "face" / "checkpoint.pt").write_bytes(b"\x80junk")
    done = train(data, tmp_path / "runs", small)
    assert done.returncode == 2 and "checkpoint.pt of the run face is damaged" in done.stderr


def test_kinds_of_pairs_without_pictures_are_named_before_the_first_step(faces, tmp_path):
    recipe = read_recipe(write_recipe(tmp_path / "face.toml"))
    lacking = FaceCache([f for f in faces.faces if f.row.family != "gan"], [])
    with pytest.raises(SetupError, match="kinds of pairs of face: generated"):
        check(recipe, lacking)
    real = FaceCache([f for f in faces.faces if not f.row.fake and f.row.kind == "image"], [])
    with pytest.raises(SetupError, match="manipulated, generated, blend_video"):
        check(recipe, real)


def test_too_many_files_without_a_face_stop_the_training(data, capsys):
    rows = read_index(data)
    few = FaceCache([], [(rows[0], "no_face")])
    tell_lost(few, 100)
    assert "1 of 100 rows gave no face: no_face 1." in capsys.readouterr().err
    many = FaceCache([], [(replace(row, file="x"), "missing") for row in rows[:6]])
    with pytest.raises(SetupError, match=r"6 of 100 rows .*\(missing 6\): more than 5%"):
        tell_lost(many, 100)


def test_training_without_data_or_with_a_wrong_place_is_refused(tmp_path, data):
    done = train(tmp_path, tmp_path, recipes(tmp_path / "small"))
    assert done.returncode == 2 and "index.csv is missing" in done.stderr
    (tmp_path / "model.h5").mkdir()
    done = train(data, tmp_path, recipes(tmp_path / "small"))
    assert done.returncode == 2 and "it is a folder" in done.stderr


def test_one_more_member_is_trained_and_calibrated_with_a_model(
    data, runs, faces, tmp_path, capsys
):
    (tmp_path / "cache").symlink_to(runs / "cache")  # with the faces
    # Whatever it sees speaks for a fake or against it: so its votes can be calibrated.
    keras_models(
        tmp_path,
        """
i = I((64, 64, 3))
x = D(1)(G()(C(4, 3, strides=8, activation="relu")(i)))
save("model", i, keras.layers.Concatenate()([x, keras.layers.Rescaling(-1.0)(x)]))""",
    )
    model = tmp_path / "model.h5"
    describe(model, [member(model, heads=["fake", "real"])])
    small = tmp_path / "small"
    small.mkdir()
    # It goes on from weights that tell something already, else it would take long to learn.
    (tmp_path / "models").mkdir()
    shutil.copyfile(ROOT / "temp_model.h5", tmp_path / "models" / "second.h5")
    few = {"pairs": 2, "steps": 2, "choose_every": 2, "redraw": 0.0}
    changes = {"start": "committed", "size": 224, **few}
    write_recipe(small / "second.toml", "face", **changes, name="second")
    write_recipe(small / "own.toml", "face", **changes, name="face")
    assert main([*line(data, tmp_path, small)[3:], "--member", "own"]) == 2
    assert "another use for the name 'face'" in capsys.readouterr().err
    done = train(data, tmp_path, small, "--member", "second")
    assert done.returncode == 0, done.stderr[-3000:]
    assert {path.name for path in (tmp_path / "models").iterdir()} == {"second.h5", "second.json"}
    # Calibrating has served it already: whole files were judged with both.
    config = read_config(model, "all")
    assert config.name == "face-second" and not config.guests
    assert config.members[1].sha256 == sha256(tmp_path / "models" / "second.h5")
    assert all(config.readings.of(kind).thresholds for kind in ("video", "image"))
