"""How well face descriptors tell people apart, over the clips of a data folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from sklearn.metrics import roc_auc_score

from backend.errors import SetupError
from backend.faces.descriptor import describe
from backend.faces.detector import FaceDetector
from backend.faces.tracker import ALIKE
from backend.training.data.face_cache import CutFace, FaceCache
from backend.training.data.pools import spread

SPLITS = ("val", "dev-a")
CLIPS = 150  # real ones
SHORTEST = 3  # moments of a stretch that might be another person
POINTS = (1, 50, 99)  # per cent

PAGE = """<!-- How well `backend.faces.descriptor` tells people apart. -->
# How alike people are

Printed by `python -m backend measure descriptor DATA`: how unlike two descriptors are, over pairs
of moments of {clips} real clips. The tracker uses it to tell who is who after two people crossed.
Two people are of two groups of one source. The clips were followed with it, so that one person is
a little too alike here.

| pairs | 1 % | 50 % | 99 % |
|---|---|---|---|
{rows}

The chance that two people are more unlike than two moments of one: {auc:.3f}. Of the pairs of two
people {strangers:.1%} are more alike than the tracker's limit of {limit:g}, of the pairs of one
{lost:.1%} are not. The tracker compares a face with many of a person and takes the nearest: of the
moments of somebody else {nearest:.1%} are then more alike than the limit.

## Why a change of identity is no signal

The value would be: how much less alike a stretch of a track is to the rest than to itself.

| track | tracks | least | median | most |
|---|---|---|---|---|
{changes}

Where the value of real clips, in which heads turn, is as high as that of clips with a change, a
signal would find nothing.
"""


def measure(faces: FaceCache) -> str:
    """The page in Markdown.

    Raises:
        SetupError: there are too few clips to compare.
    """
    real, swapped = _described(faces)
    clips = sorted(real)
    same = np.concatenate([_pairs(real[clip]) for clip in clips] or [[]])
    others = [(a, b) for a in clips for b in clips if a[0] == b[0] and a[1] != b[1]]
    if not len(same) or not others:
        raise SetupError("Descriptors are compared over real clips of two groups of one source.")
    different = np.concatenate([_between(real[a], real[b]).ravel() for a, b in others])
    nearest = np.concatenate([_between(real[a], real[b]).min(axis=1) for a, b in others])
    kinds = {"one person": same, "two people": different}
    changes = {"real clips": [_change(each) for each in real.values() if _long(each)]}
    both = [clip for clip in clips if clip in swapped]
    if both:
        kinds["a face and its swap"] = np.concatenate(
            [_between(real[clip], swapped[clip]).ravel() for clip in both]
        )
        changes["real clips, the second half swapped"] = [
            _change(_joined(real[clip], swapped[clip])) for clip in both if _long(real[clip])
        ]
    return PAGE.format(
        clips=len(clips),
        rows=_rows(kinds, POINTS),
        auc=roc_auc_score(
            np.repeat([0, 1], [len(same), len(different)]), np.concatenate([same, different])
        ),
        limit=ALIKE,
        strangers=(different < ALIKE).mean(),
        lost=(same >= ALIKE).mean(),
        nearest=(nearest < ALIKE).mean(),
        changes=_rows({name: own for name, own in changes.items() if own}, (0, 50, 100), True),
    )


def _described(faces: FaceCache) -> tuple[dict, dict]:
    """(source, group) -> descriptors (moments, 512) of a real clip, and of a swap beside it."""
    files = defaultdict(list)
    for face in faces.faces:
        if face.row.split in SPLITS and face.row.kind == "video":
            files[face.row.key].append(face)
    detector = FaceDetector()
    real = {
        (face.row.source, face.row.group): _descriptors(files[face.row.key], detector)
        for face in spread((own[0] for own in files.values() if not own[0].row.fake), CLIPS)
    }
    groups = {group: source for source, group in real}
    swaps = {
        (groups[row.group], row.group): _descriptors(own, detector)
        for own in files.values()
        for row in [own[0].row]
        if row.family == "swap" and row.group in groups
    }
    return ({key: own for key, own in each.items() if len(own)} for each in (real, swaps))


def _descriptors(faces: Sequence[CutFace], detector: FaceDetector) -> np.ndarray:
    """Of the moments in which the face is found again: float32, shape (n, 512)."""
    found = []
    for face in faces:
        image = np.ascontiguousarray(face.image())
        if seen := detector.detect(image):
            found.append(describe(image, max(seen, key=lambda each: each.size)))
    return np.reshape(found, (len(found), -1))


def _long(moments: np.ndarray) -> bool:
    return len(moments) >= 2 * SHORTEST


def _joined(real: np.ndarray, swapped: np.ndarray) -> np.ndarray:
    half = len(real) // 2
    return np.concatenate([real[:half], swapped[len(swapped) // 2 :]])


def _change(moments: np.ndarray) -> float:
    """Most by which a stretch is less alike to its nearest moment outside than inside."""
    distances = _between(moments, moments)
    np.fill_diagonal(distances, np.inf)
    count, most = len(moments), 0.0
    for length in range(SHORTEST, count // 2 + 1):
        for start in range(count - length + 1):
            inside = np.zeros(count, bool)
            inside[start : start + length] = True
            across = np.median(distances[inside][:, ~inside].min(axis=1))
            within = np.median(distances[inside][:, inside].min(axis=1))
            most = max(most, float(across - within))
    return most


def _between(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.linalg.norm(one[:, None] - other[None], axis=2)


def _pairs(moments: np.ndarray) -> np.ndarray:
    return _between(moments, moments)[np.triu_indices(len(moments), 1)]


def _rows(values: dict, points: tuple[int, ...], counted: bool = False) -> str:
    lines = []
    for name, each in values.items():
        cells = [f"{value:.3f}" for value in np.percentile(each, points)]
        lines.append(f"| {' | '.join([name, *([str(len(each))] if counted else []), *cells])} |")
    return "\n".join(lines)
