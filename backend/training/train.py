"""The whole way from data folder to `temp_model.h5` and its JSON: fit, calibrate, write."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

from backend.memory import keep_memory
from backend.models.classifier import Classifier
from backend.settings import ROOT
from backend.training.augment.conditions import CONDITIONS
from backend.training.calibrate import TAKEN, calibrate, quiet_floor
from backend.training.data.index import Dataset, load
from backend.training.evaluate.predictions import score
from backend.training.fit.checkpoint import is_finished
from backend.training.fit.loop import fit, material, mean_of
from backend.training.networks.efficientnet_b0 import HEADS
from backend.training.output_paths import prepare
from backend.training.recipe import Recipe, stages

# Faces made half as bright are told much less well, and get it back when brightened to this;
# brightened to 100, those that were dark to begin with are told less well than before.
DIM = 70.0

CONFIGS = ROOT / "backend" / "training" / "configs"


def make(config: Path, data: Path, runs: Path, model: Path) -> None:
    """Train, or go on with an interrupted run, then calibrate and put the model in place.

    Runs that are needed and not finished are trained before, where their configurations lie beside
    this one; see `stages`. Finished ones are kept.

    Args:
        config: TOML file, see `configs/first.toml`.
        data: folder that holds `faces/`.
        runs: folder for checkpoints and logs, one folder a run.
        model: where the weights go, e.g. `temp_model.h5`; the JSON goes beside it.

    Raises:
        SetupError: a configuration, the data or a checkpoint cannot be used, a run is needed and
            missing or of another network, or nothing can be written to `model`.
    """
    keep_memory()
    prepare(model)
    finished = {
        path: is_finished(runs / path.stem, recipe) for path, recipe in stages(config).items()
    }
    left = stages(config, finished.get)
    # What is lacking is said before the first step and not hours after it.
    for path, recipe in left.items():
        for name in recipe.needs:
            if path.with_name(f"{name}.toml") not in left:
                mean_of([runs / name])
    dataset, held_out = (load(data, runs / "cache", each) for each in (("train",), ("val", "dev")))
    for recipe in left.values():
        material(recipe, dataset)
    for number, (path, recipe) in enumerate(left.items(), 1):
        print(f"run {number} of {len(left)}: {path.stem}", file=sys.stderr)
        network = fit(recipe, dataset, runs / path.stem)
    recipe, weights = left[config], runs / config.stem / "average.h5"
    beside = [runs / name for name in recipe.manipulated_by]
    networks = [mean_of(beside), network] if beside else [network]
    # torch must come after fit's settings
    from backend.training.networks.keras_export import write_keras

    write_keras(networks, recipe.size, weights)
    finish(recipe, config, held_out, weights, model)


def finish(recipe: Recipe, config: Path, dataset: Dataset, weights: Path, model: Path) -> None:
    """Calibrate `weights` on `val` and the real faces of `dev`; put them in place with a JSON."""
    held_out = [s for s in dataset.samples if s.split == "val" or not s.fake]
    facts = {
        "name": recipe.name,
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "input_size": recipe.size,
        "crop_margin": recipe.margin,
        "dim": DIM,
        "output": "heads",
        "heads": [(1.0, 1.0)] * len(HEADS),
        "looks": TAKEN["image"],
        "threshold_real": 0.4,
        "threshold_fake": 0.6,
        "made_with": _made_with(config),
    }
    with tempfile.TemporaryDirectory() as place:
        trial = Path(place) / "model.h5"
        shutil.copyfile(weights, trial)
        trial.with_suffix(".json").write_text(json.dumps(facts))
        classifier = Classifier(trial, Path(place))
        found = {name: score(classifier, held_out, change) for name, change in CONDITIONS.items()}
        real = [s for s in held_out if s.split == "val" and not s.fake]
        maps = classifier.judge(np.stack([classifier.cut(s.image(), s.box) for s in real])).maps
    looks = [{name: each[part] for name, each in found.items()} for part in (0, 1)]
    facts |= calibrate("image", held_out, *looks).model_dump()
    facts["clips"] = calibrate("video", held_out, *looks).model_dump()
    facts["mask_floor"] = quiet_floor(maps)
    # Both appear whole; serving refuses the moment between the two by the hash.
    for path, content in (
        (model, weights.read_bytes()),
        (model.with_suffix(".json"), (json.dumps(facts, indent=2) + "\n").encode()),
    ):
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(content)
        os.replace(part, path)


def _made_with(config: Path) -> str:
    """The command for people; where a recipe lies is told of those of this project alone."""
    config = config.resolve()
    if config.parent == CONFIGS:
        return f"make model DATA=folder; last stage: {config.relative_to(ROOT)}"
    return f"python -m backend train {config.name}"
