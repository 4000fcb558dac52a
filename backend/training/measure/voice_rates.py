"""How often the answers about voices were right, as `backend.report.error_rates` reads it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from backend.audio.classifier import HEAD, VoiceClassifier
from backend.models.calibration import probabilities
from backend.training.evaluate.left_out import Judged, left_out
from backend.training.evaluate.metrics import share
from backend.training.evaluate.tables import bins
from backend.training.fit.voice import read_voice_recipe
from backend.training.recipe import RECIPES
from backend.training.train_voice import listener_of, read_voices

SPLIT = "dev-b"  # what `error_rates` calls unseen
NAMES = {False: "Real voices", True: "Synthetic voices"}


def measure(
    classifier: VoiceClassifier, data: Path, runs: Path, out: Path, recipes: Path = RECIPES
) -> None:
    """Write what the pages tell of the voice's errors.

    The files are of synthesisers and sources that the network that judged each had not seen.

    Args:
        classifier: the shipped model, whose reading and thresholds hold.
        data, runs: see `backend.training.measure.voices.measure`.
        out: the JSON.
    """
    recipe = read_voice_recipe(recipes / "voice.toml")
    rows, files, voices = read_voices(data, runs, recipe, listener_of(recipe))
    document = document_of(classifier, left_out(recipe, voices, files, rows, runs / "voice"))
    out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def document_of(classifier: VoiceClassifier, judged: list[Judged]) -> dict:
    """The JSON, ready to be written."""
    logits = classifier.config.reading.logits({HEAD: np.array([one.logit for one in judged])})
    probability = probabilities(logits)
    fake = np.array([one.row.fake for one in judged])
    groups = np.array([one.row.group for one in judged])
    card = classifier.card
    called = {
        True: probability >= card.threshold_fake,
        False: np.zeros(len(judged), bool)
        if card.threshold_real is None
        else probability <= card.threshold_real,
    }
    return {
        "model": classifier.facts,
        "command": "python -m backend measure voices DATA",
        "people": [_line(name, fake == label, called[label], called[not label], groups)
                   for label, name in NAMES.items()],
        "bins": {"audio": bins(fake, probability)},
    }  # fmt: skip


def _line(
    name: str, own: np.ndarray, right: np.ndarray, wrong: np.ndarray, groups: np.ndarray
) -> dict:
    shares = {"right": right, "wrong": wrong, "silent": ~right & ~wrong}
    told = {each: share(hits[own], groups[own].tolist()) for each, hits in shares.items()}
    return {
        "split": SPLIT, "kind": "audio", "name": name, "files": int(own.sum()), "unjudged": 0,
        **{each: found and {"value": found.value, "low": found.low, "high": found.high}
           for each, found in told.items()},
    }  # fmt: skip
