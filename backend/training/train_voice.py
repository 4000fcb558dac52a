"""From the voices of a data folder to `models/voice.h5` and its JSON: fit, calibrate, put there."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np

from backend.audio.classifier import HEAD, VoiceConfig
from backend.audio.windows import FRAMES
from backend.errors import SetupError
from backend.memory import keep_memory
from backend.models.calibration import Profiles, Reading, Thresholds, probabilities
from backend.settings import ROOT
from backend.training.data.index import Row, read_index
from backend.training.data.voice_cache import Voices, Windows, joined, make_round, read_rounds
from backend.training.data.voices import families
from backend.training.evaluate.left_out import Judged, file_windows, left_out
from backend.training.fit.voice import VoiceRecipe, fit, read_voice_recipe
from backend.training.networks.listener import Listener
from backend.training.output_paths import prepare
from backend.training.readings import finish, unread
from backend.training.recipe import RECIPES
from backend.training.thresholds import FALSE_FAKE, SOURCES

LEARNT = "train"
FEW = 10  # real files of a source that a bound of its own needs
STEP = 1e-4  # between a probability and the next


def train_voice(data: Path, runs: Path, model: Path, recipes: Path = RECIPES) -> None:
    """Make the rounds, train, calibrate on what trainings left out, put the model in place.

    Args:
        data: folder with an `index.csv`, see docs/training.md; its rows of kind "audio" count.
        runs: folder for what is kept between calls.
        model: where the weights go, e.g. `models/voice.h5`; the JSON goes beside it.
        recipes: folder with `voice.toml`.

    Raises:
        SetupError: the recipe or the data cannot be used, or nothing can be written to `model`.
    """
    keep_memory()
    prepare(model)
    recipe = read_voice_recipe(recipes / "voice.toml")
    listener = listener_of(recipe)
    rows, files, voices = read_voices(data, runs, recipe, listener)
    judged = left_out(recipe, voices, files, rows, runs / "voice")
    chosen = [i for i, entry in enumerate(voices.table) if entry["split"] == LEARNT]
    network = fit(recipe, voices, chosen, runs / "voice" / "run.csv")
    network.listener = listener
    reading = reading_of(judged)
    with tempfile.TemporaryDirectory(dir=model.parent) as place:
        from backend.training.networks.keras_file import write_keras

        made = Path(place) / model.name
        write_keras(network, FRAMES, made)
        config = VoiceConfig(
            name="voice",
            made_with="python -m backend train DATA --voice",
            sha256=hashlib.sha256(made.read_bytes()).hexdigest(),
            reading=reading,
        )
        described = made.with_suffix(".json")
        described.write_text(config.model_dump_json(indent=2) + "\n", encoding="utf-8")
        os.replace(made, model)
        os.replace(described, model.with_suffix(".json"))


def listener_of(recipe: VoiceRecipe) -> Listener:
    """The frozen layers that a recipe starts from: of the voice model in place, or Whisper's.

    Raises:
        SetupError: they are missing.
    """
    from backend.training.networks.keras_file import read_keras
    from backend.training.networks.voice import VoiceNetwork
    from backend.training.networks.whisper import load_whisper, whisper_weights

    network = VoiceNetwork(0.0)
    if recipe.start == "whisper":
        load_whisper(network.listener, whisper_weights())
    else:
        read_keras(network, ROOT / "models" / "voice.h5")
    return network.listener.eval()


def read_voices(
    data: Path, runs: Path, recipe: VoiceRecipe, listener: Listener
) -> tuple[list[Row], dict[str, Windows], Voices]:
    """The rows of kind "audio" of a folder, the windows of their files, and all windows.

    Raises:
        SetupError: there are none, or the vocoder that the recipe wants is missing.
    """
    rows = [row for row in read_index(data) if row.kind == "audio"]
    if not rows:
        raise SetupError(f"There are no voices at {data}: no row is of the kind audio.")
    cache = runs / "cache" / "voices"
    vocoded = recipe.vocoded > 0
    paths = [make_round(data, rows, cache, number, vocoded, listener)
             for number in range(recipe.rounds)]  # fmt: skip
    files = file_windows(data, rows, runs / "voice", listener)
    return rows, files, with_files(read_rounds(paths), rows, files)


def with_files(voices: Voices, rows: list[Row], files: dict[str, Windows]) -> Voices:
    """The rounds, and beside them the windows of all files as they are."""
    windows, table = [voices.windows], list(voices.table)
    for row in rows:
        windows.append(files[row.file])
        known = {"file": row.file, "fake": row.fake, "way": "given", "source": row.source,
                 "families": " ".join(families(row)), "group": row.group, "split": row.split,
                 "method": row.method}  # fmt: skip
        table += [known] * len(files[row.file].values)
    return Voices(joined(windows), table)


def reading_of(judged: list[Judged]) -> Reading:
    """How logits are read, from files whose family or source each training left out.

    Fake begins where the profile's share of the real files lies above: of all together, and in at
    least `SOURCES` of the sources of `FEW` files or more by themselves.
    """
    rows = [
        replace(one.row, split="dev-a", family=(families(one.row) or ("none",))[0])
        for one in judged
    ]
    raw = np.array([one.logit for one in judged])
    reading = finish(unread({HEAD: 1.0}), raw, rows)
    scores, sources = probabilities(reading.logits({HEAD: raw})), defaultdict(list)
    for row, score in zip(rows, scores, strict=True):
        if not row.fake:
            sources[row.source].append(score)
    every = list(sources.values())
    large = [own for own in every if len(own) >= FEW] or every
    found = {}
    for profile, share in FALSE_FAKE.items():
        each = [np.quantile(own, 1 - share, method="higher") for own in large]
        together = np.quantile(np.concatenate(every), 1 - share, method="higher")
        bound = max(np.quantile(each, SOURCES, method="higher"), together)
        low = getattr(reading.thresholds, profile).real
        high = float(np.clip(bound + STEP, 0.5, 0.9999))
        found[profile] = Thresholds(real=low and min(low, high - STEP), fake=round(high, 4))
    return reading.model_copy(update={"thresholds": Profiles(**found)})
