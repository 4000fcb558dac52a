"""From a data folder to `temp_model.h5` and its JSON: fit each member, calibrate, put in place."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from backend.errors import SetupError
from backend.evidence.verdict import pool
from backend.memory import keep_memory
from backend.models.calibration import Profiles, Reading, Thresholds
from backend.models.model_config import (
    FaceNetwork,
    Member,
    ModelConfig,
    Readings,
    WindowNetwork,
)
from backend.models.registry import open_scorer
from backend.records.media import Kind as FileKind
from backend.settings import ROOT, Settings
from backend.training.calibrate import finish, fit_weights
from backend.training.data.face_cache import FaceCache, face_cache
from backend.training.data.index import Row, read_index
from backend.training.evaluate.files import judge_files
from backend.training.evaluate.heads import HeadLogits, head_logits
from backend.training.fit.loop import check, fit
from backend.training.output_paths import prepare
from backend.training.recipe import Recipe, read_recipe

RECIPES = ROOT / "backend" / "training" / "recipes"
MEMBERS = ("face", "pixels")  # in the order of the JSON; the first is `temp_model.h5` itself
MOST_LOST = 0.05  # share of the rows that may give no face
# Faces made half as bright are told much less well, and get it back when brightened to this;
# brightened to 100, those that were dark to begin with are told less well than before.
DIM = 70.0
VIEWS = 2  # of each face: as it is, and wider and mirrored
ENGINE = "openvino"  # in float32, so that what is measured is the same on every machine
QUIET = 0.1  # share of the real faces whose heat map may show anything at all


def train(data: Path, runs: Path, model: Path, recipes: Path = RECIPES) -> None:
    """Train all members, or go on with what was interrupted; calibrate; put the model in place.

    Args:
        data: folder with an `index.csv`, see docs/training.md.
        runs: folder for the faces found, checkpoints and logs; `runs/<recipe>` a network.
        model: where the weights of the first member go, e.g. `temp_model.h5`. The JSON goes beside
            it and the other members into `models/`.
        recipes: folder with one TOML file a member.

    Raises:
        SetupError: a recipe, the data or a checkpoint cannot be used, too many files have no face,
            or nothing can be written to `model`.
    """
    keep_memory()
    files = {name: model if name == MEMBERS[0] else model.parent / "models" / f"{name}.h5"
             for name in MEMBERS}  # fmt: skip
    for path in files.values():
        prepare(path)
    chosen = {name: read_recipe(recipes / f"{name}.toml") for name in MEMBERS}
    rows = read_index(data)
    faces = face_cache(data, rows, runs / "cache")
    tell_lost(faces, len(rows))
    for recipe in chosen.values():
        check(recipe, faces)
    trained = {}
    for name, recipe in chosen.items():
        open_faces = partial(face_cache, data, rows, runs / "cache")
        network = fit(recipe, faces, open_faces, files[name], runs / name)
        trained[name] = runs / name / f"{name}.h5"
        from backend.training.networks.keras_file import write_keras  # torch after fit's settings

        write_keras(network, recipe.size, trained[name])
    with tempfile.TemporaryDirectory() as place:
        trial = Path(place) / model.name
        paths = {name: trial.parent / path.relative_to(model.parent)
                 for name, path in files.items()}  # fmt: skip
        for name, path in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(trained[name], path)
        members = [_member(chosen[name], trial, paths[name]) for name in MEMBERS]
        config = _calibrated(members, faces, data, rows, trial)
        for name, path in paths.items():
            _put(files[name], path.read_bytes())
        # The JSON last: serving refuses the moment between by the hashes.
        _put(model.with_suffix(".json"), _to_json(config))


def tell_lost(faces: FaceCache, rows: int) -> None:
    """Say how many rows gave no face, and why.

    Raises:
        SetupError: they are too many to be a matter of chance.
    """
    reasons = ", ".join(f"{reason} {count}" for reason, count in faces.reasons().most_common())
    if faces.lost:
        print(f"{len(faces.lost)} of {rows} rows gave no face: {reasons}.", file=sys.stderr)
    if len(faces.lost) > MOST_LOST * rows:
        raise SetupError(
            f"{len(faces.lost)} of {rows} rows of the training data gave no face ({reasons}): more "
            f"than {MOST_LOST:.0%}. See that the files are whole and the index is right."
        )


def _member(recipe: Recipe, model: Path, path: Path) -> Member:
    """What the JSON says of a network, before anything is measured."""
    fields = {
        "name": recipe.name,
        "file": str(path.relative_to(model.parent)),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "input": recipe.sampler,
        "input_size": recipe.size,
        "heads": recipe.heads,
    }
    if recipe.sampler == "windows":
        return WindowNetwork(**fields)
    return FaceNetwork(**fields, margin=recipe.margin, dim=DIM, views=VIEWS, mask_floor=0.0)


def _calibrated(
    members: list[Member], faces: FaceCache, data: Path, rows: Sequence[Row], model: Path
) -> ModelConfig:
    """Fit the readings, and write the JSON beside `model` on the way, for the pipeline to read."""
    held_out = [face for face in faces.faces if face.row.split in ("val", "dev-a")]
    scorers = {m.name: open_scorer(m, model.parent, model.parent, ENGINE) for m in members}
    found: dict[FileKind, HeadLogits] = {
        kind: head_logits(scorers, [face for face in held_out if face.row.kind == kind])
        for kind in ("video", "image")
    }
    members[0] = members[0].model_copy(update={"mask_floor": _quiet_floor(found["image"])})
    fitted = {}
    for kind in Readings.model_fields:
        judged = found["video" if kind == "video" else "image"]
        names = [f"{m.name}.{head}" for m in members for head in m.heads
                 if kind == "image" or isinstance(m, FaceNetwork)]  # fmt: skip
        heads = np.stack([judged.heads[name] for name in names])
        seen = ~np.isnan(heads).any(axis=0)
        own = [row for row, each in zip(judged.rows, seen, strict=True) if each]
        weights, bias = fit_weights(dict(zip(names, heads[:, seen], strict=True)), own)
        slopes = np.array([weights.get(name, 0.0) for name in names])
        fitted[kind] = (weights, bias, own, slopes @ heads[:, seen] + bias)
    _write(members, {kind: _unread(*each[:2]) for kind, each in fitted.items()}, model)
    readings = {}
    for kind, (weights, bias, own, logits) in fitted.items():
        own, logits = _by_file(own, logits)
        if kind == "video":  # many moments and several people: as the product itself judges them
            own = [row for row in rows if row.kind == "video" and row.split in ("val", "dev-a")]
            answers = judge_files(Settings(model=model, engine=ENGINE), data, own)
            logits = np.array([answer.logit for answer in answers])
        readings[kind] = finish(weights, bias, logits, own)
    return _write(members, readings, model)


def _by_file(rows: Sequence[Row], logits: np.ndarray) -> tuple[list[Row], np.ndarray]:
    """One score a file from those of its moments, as serving pools them."""
    files: dict[str, tuple[Row, list[float]]] = {}
    for row, logit in zip(rows, logits, strict=True):
        files.setdefault(row.key, (row, []))[1].append(float(logit))
    pooled = np.array([pool(scores)[0] for _, scores in files.values()])
    return [row for row, _ in files.values()], pooled


def _unread(weights: dict[str, float], bias: float = 0.0) -> Reading:
    """A reading before its thresholds are known."""
    ends = Thresholds(real=0.4, fake=0.6)
    profiles = Profiles(strict=ends, balanced=ends, sensitive=ends)
    return Reading(weights=weights, bias=bias, thresholds=profiles)


def _quiet_floor(judged: HeadLogits) -> float | None:
    """Where a heat map may begin: all but `QUIET` of the real faces stay below it everywhere."""
    if judged.maps is None:
        return None
    real = [not row.fake for row in judged.rows]
    return float(np.quantile(judged.maps[real].max(axis=(1, 2, 3)), 1 - QUIET))


def _write(members: list[Member], readings: dict[str, Reading], model: Path) -> ModelConfig:
    config = ModelConfig(
        name="-".join(member.name for member in members),
        made_with="make model DATA=folder",
        members=tuple(members),
        readings=Readings(**readings),
    )
    model.with_suffix(".json").write_bytes(_to_json(config))
    return config


def _to_json(config: ModelConfig) -> bytes:
    return (json.dumps(config.model_dump(mode="json"), indent=2) + "\n").encode()


def _put(path: Path, content: bytes) -> None:
    """Write whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    os.replace(part, path)
