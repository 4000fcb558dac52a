"""The voice network's training on a small data folder, through the command line."""

import csv
import json
import subprocess
import sys
import tomllib

import av
import numpy as np
import pytest

from backend.audio.classifier import VoiceClassifier, read_voice_config
from backend.audio.windows import SAMPLES, cut
from backend.errors import SetupError
from backend.records.sound import RATE
from backend.settings import ROOT, load_settings
from backend.training.augment.sound_losses import decode
from backend.training.augment.vocode import WAYS, as_loud
from backend.training.fit.voice import read_voice_recipe
from backend.training.recipe import RECIPES
from backend.training.train_voice import read_voices

SPEECH = ROOT / "backend" / "bench" / "speech.opus"
COLUMNS = ("file", "label", "kind", "source", "group", "split", "method")
METHODS = ("hifigan", "tacotron2", "diffwave")  # one of each family that is left out


@pytest.fixture(scope="module")
def spoken():
    return decode(str(SPEECH))


def write(path, wave):
    with av.open(str(path), "w") as out:
        stream = out.add_stream("flac", rate=RATE, layout="mono")
        whole = (np.clip(wave, -1, 1) * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(whole[None], "s16", "mono")
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)


@pytest.fixture(scope="module")
def folder(spoken, tmp_path_factory):
    """Four real voices of two sources in each split, and a fake of each family."""
    place, rows = tmp_path_factory.mktemp("voices"), []
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for number in range(4):
            piece = spoken[number * RATE // 2 :][: 3 * RATE] * rng.uniform(0.4, 0.9)
            write(place / f"{split}{number}.flac", piece)
            rows.append((f"{split}{number}.flac", "real", "audio", f"{split} studio {number % 2}",
                         f"{split}{number}", split, ""))  # fmt: skip
        for number, method in enumerate(METHODS):
            made = WAYS["griffin-lim"](spoken[: 3 * RATE], rng)
            write(place / f"{split}-{method}.flac", made)
            rows.append((f"{split}-{method}.flac", "fake", "audio", f"{split} page",
                         f"{split} page {number}", split, method))  # fmt: skip
    with (place / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return place


def recipe(folder, **changes):
    fields = tomllib.loads((RECIPES / "voice.toml").read_text())
    fields |= {"rounds": 1, "vocoded": 0.0, "steps": 40, "batch": 16, "warmup": 4} | changes
    lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items()]
    folder.mkdir(exist_ok=True)
    (folder / "voice.toml").write_text("\n".join(lines))
    return folder / "voice.toml"


def train(folder, runs):
    recipes = recipe(runs / "recipes").parent
    line = [sys.executable, "-m", "backend", "train", str(folder), "--voice", "--runs", str(runs),
            "--recipes", str(recipes), "--model", str(runs / "voice.h5")]  # fmt: skip
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True)


def test_a_small_training_gives_a_model_that_tells_its_fakes_from_its_voices(folder, tmp_path):
    done = train(folder, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    classifier = VoiceClassifier(tmp_path / "voice.h5", tmp_path / "converted")
    real, fake = (
        [classifier.logits(cut(decode(str(path)))[1]).mean() for path in folder.glob(names)]
        for names in ("train?.flac", "train-*.flac")
    )
    assert len(real) == 4 and len(fake) == 3 and max(real) < min(fake)
    ends = read_voice_config(tmp_path / "voice.h5").reading.thresholds
    assert ends.strict.fake >= ends.balanced.fake >= ends.sensitive.fake
    with next((tmp_path / "cache" / "voices").glob("round-0-*.csv")).open(newline="") as file:
        table = list(csv.DictReader(file))
    real = [row for row in table if row["fake"] == "0"]
    of_real = [row for row in table if row["fake"] == "1" and row["way"] != "given"]
    assert [row["file"] for row in real] == [row["file"] for row in of_real]
    assert {row["families"] for row in table} == {"", "made", "vocoder", "autoregressive",
                                                  "diffusion"}  # fmt: skip


def test_without_the_vocoder_training_says_what_to_do(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match="fargan_demo, is not on the PATH.*vocoded = 0"):
        read_voices(
            folder, tmp_path / "runs", read_voice_recipe(recipe(tmp_path, vocoded=0.3)), None
        )
    assert not (tmp_path / "runs").exists()  # before any work


def test_what_stops_a_training_in_time(tmp_path):
    with pytest.raises(SetupError, match="voice.toml cannot be used: batch"):
        read_voice_recipe(recipe(tmp_path, batch=0))
    (tmp_path / "index.csv").write_text(",".join(COLUMNS) + "\na.jpg,real,image,s,g,train,\n")
    with pytest.raises(SetupError, match="no row is of the kind audio"):
        read_voices(tmp_path, tmp_path, read_voice_recipe(recipe(tmp_path)), None)


def test_the_shipped_model_tells_an_engine_that_it_never_heard(spoken):
    """espeak-ng read it; what Griffin-Lim made of that is told more clearly still."""
    settings = load_settings(_env_file=None)
    classifier = VoiceClassifier(ROOT / "models" / "voice.h5", settings.cache)
    read = classifier.logits(cut(spoken)[1]).mean()
    made = as_loud(WAYS["griffin-lim"](spoken, np.random.default_rng(1)), spoken)
    assert read + 0.2 < classifier.logits(cut(made)[1]).mean()
    assert classifier.probabilities(read) >= classifier.card.threshold_fake
    with pytest.raises(ValueError, match=f"windows of {SAMPLES} samples"):
        classifier.logits(np.zeros((1, 8), np.float32))
