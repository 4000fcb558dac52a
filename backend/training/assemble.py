"""Puts trained networks together to a model: members, readings, and the JSON that says so."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from backend.evidence.verdict import pool
from backend.models.calibration import Profiles, Reading, Thresholds
from backend.models.model_config import (
    FaceNetwork,
    Member,
    ModelConfig,
    Readings,
    WindowNetwork,
)
from backend.models.quality import DIM
from backend.models.registry import open_scorer
from backend.records.media import Kind as FileKind
from backend.settings import Settings
from backend.training.calibrate import finish, fit_weights
from backend.training.data.face_cache import FaceCache
from backend.training.data.index import Row
from backend.training.evaluate.files import judge_files
from backend.training.evaluate.heads import HeadLogits, head_logits
from backend.training.recipe import Recipe

VIEWS = 2  # of each face: as it is, and wider and mirrored
ENGINE = "openvino"  # in float32, so that what is measured is the same on every machine
QUIET = 0.1  # share of the real faces whose heat map may show anything at all


def member_of(recipe: Recipe, model: Path, path: Path) -> Member:
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


def calibrated(
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
            moments = Counter(face.row.key for face in held_out)
            own = [row for row in rows if row.kind == "video" and moments[row.key] > 1] or own
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
    model.with_suffix(".json").write_bytes(to_json(config))
    return config


def to_json(config: ModelConfig) -> bytes:
    return (json.dumps(config.model_dump(mode="json"), indent=2) + "\n").encode()
