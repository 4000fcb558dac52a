"""Fits the temporal network on the clips of the training data, as the face network sees them."""

from __future__ import annotations

import sys
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from backend.models.scorer import FaceScorer, spread
from backend.training.augment import degrade
from backend.training.augment.degrade import Change
from backend.training.data.face_cache import CutFace
from backend.training.data.face_finder import MOMENTS
from backend.training.data.index import Row
from backend.training.evaluate.heads import cut_of
from backend.training.networks.temporal import bounded, keras_model, variation
from backend.training.thresholds import file_weights

MOST = 250  # clips of one source of real ones, or of one method
LEAST = 20  # clips of each label, without which there is no such network
STRENGTH = 0.01  # of the weights: the inverse of what they are held down by


def fit_temporal(faces: Sequence[CutFace], scorer: FaceScorer, path: Path) -> bool:
    """Fit the network and write it as Keras HDF5.

    Each clip is seen as it is, and once with the same loss of quality at all of its moments.

    Args:
        faces: of the split "train".
        scorer: the trained face network, one with a mask.
        path: of the file.

    Returns:
        Whether there were clips enough; nothing is written where not.
    """
    clips = _clips(faces)
    counts = Counter(clip[0].row.fake for clip in clips)
    if min(counts[False], counts[True]) < LEAST:
        return False
    rows: list[Row] = []
    varied, shape = [], None
    for place, clip in enumerate(clips, 1):
        for change in _changes(clip[0].row, scorer.member.input_size):
            cuts = [cut_of(scorer, face, change) for face in clip]
            track = scorer.judge(cuts, views=1).features
            shape = track.shape
            varied.append(variation(track[None])[0])
            rows.append(clip[0].row)
        told = f"\rtemporal: {place} of {len(clips)} clips"
        print(told, end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    seen, fake = np.array(varied), np.array([row.fake for row in rows])
    usual = np.median(seen, axis=0) + 1e-6
    inputs = bounded(seen, usual)
    mean, deviation = inputs.mean(axis=0), inputs.std(axis=0) + 1e-6
    found = LogisticRegression(C=STRENGTH, max_iter=1000).fit(
        (inputs - mean) / deviation, fake, sample_weight=file_weights(rows)
    )
    weights = found.coef_[0] / deviation
    keras_model(shape, usual, weights, float(found.intercept_[0] - mean @ weights)).save(path)
    return True


def _clips(faces: Sequence[CutFace]) -> list[list[CutFace]]:
    """The faces of each clip with `MOMENTS` of them, in order of time; not too many of a source."""
    clips: dict[str, list[CutFace]] = defaultdict(list)
    for face in faces:
        if face.row.kind == "video":
            clips[face.row.key].append(face)
    counts: Counter[tuple] = Counter()
    chosen = []
    for key in sorted(clips, key=lambda key: zlib.crc32(key.encode())):
        own, row = clips[key], clips[key][0].row
        kind = row.fake, row.method if row.fake else row.source
        if len(own) >= MOMENTS and counts[kind] < MOST:
            counts[kind] += 1
            chosen.append([own[place] for place in spread(len(own), MOMENTS)])
    return chosen


def _changes(row: Row, size: int) -> Iterator[Change | None]:
    """None, and a loss of quality that depends on the clip alone."""
    yield None
    yield degrade.draw(np.random.default_rng(zlib.crc32(row.key.encode())), size)
