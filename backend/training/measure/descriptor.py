"""How well looks tell people apart: `python -m backend.training.measure.descriptor DATA`."""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from backend.cli.exit_codes import answered
from backend.faces.descriptor import describe
from backend.faces.detector import FaceDetector
from backend.faces.tracker import ALIKE
from backend.faces.video_detector import Follower
from backend.media import intake
from backend.media.decode import Decoder
from backend.settings import load_settings
from backend.training.data.index import load, reading

POINTS = (1, 50, 99)  # per cent
SHORTEST = 3  # looks of a stretch that might be another person

PAGE = """<!-- How well `backend.faces.descriptor` tells people apart. -->
# Looks alike?

Printed by `python -m backend.training.measure.descriptor DATA`: how unlike two looks
are, over pairs of looks at {speakers} VidTIMIT speakers, frontal and in one light. The tracker uses
it to tell who is who after two people crossed.

| pairs | 1 % | 50 % | 99 % |
|---|---|---|---|
{rows}

The chance that two people are more unlike than two looks at one: {auc:.3f}. Of the pairs of two
people {strangers:.1%} are more alike than the tracker's limit of {limit:g}, of the pairs of one
{lost:.1%} are not. The tracker compares a look with many of a person and takes the nearest: of the
looks at somebody else {nearest:.1%} are then more alike than the limit.

## Why a change of identity is no signal

The value would be: how much less alike a stretch of a track is to the rest than to itself.

| track | tracks | least | median | most |
|---|---|---|---|---|
{changes}

On heads that hold still a change stands out. On real clips, in which heads turn, the value of one
and the same person is as high. A signal with that range would find nothing, so there is none.
"""


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds faces/ and clips/")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--out", type=Path, default=Path("docs/measurements/appearance.md"))
    args = parser.parse_args()
    detector, looks = FaceDetector(), defaultdict(list)
    for sample in load(args.data, args.runs / "cache", ("dev",)).samples:
        if sample.archive == "timit.tar":
            faces = detector.detect(sample.image())
            if faces:
                looks[sample.group, sample.fake].append(describe(sample.image(), faces[0]))
    looks = {key: np.stack(each) for key, each in looks.items()}
    names = sorted(group for group, fake in looks if not fake and (group, True) in looks)
    same = np.concatenate([_pairs(looks[name, False]) for name in names])
    different = np.concatenate(
        [_between(looks[a, False], looks[b, False]).ravel() for a in names for b in names if a < b]
    )
    swapped = np.concatenate(
        [_between(looks[name, False], looks[name, True]).ravel() for name in names]
    )
    joined = [
        _change(np.concatenate([looks[n, False][: len(looks[n, False]) // 2],
                                looks[n, True][len(looks[n, True]) // 2 :]]))
        for n in names
    ]  # fmt: skip
    text = PAGE.format(
        speakers=len(names),
        rows=_rows({
            "one person": same, "two people": different, "a face and its swap": swapped
        }, POINTS),
        auc=roc_auc_score(np.repeat([0, 1], [len(same), len(different)]),
                          np.concatenate([same, different])),
        limit=ALIKE,
        strangers=(different < ALIKE).mean(),
        lost=(same >= ALIKE).mean(),
        nearest=(np.concatenate([
            _between(looks[a, False], looks[b, False]).min(axis=1)
            for a in names for b in names if a != b
        ]) < ALIKE).mean(),
        changes=_rows({
            "real speakers": [_change(looks[n, False]) for n in names],
            "speakers, the second half swapped": joined,
            "real clips": _clips(args.data / "clips", detector),
        }, (0, 50, 100), counted=True),
    )  # fmt: skip
    args.out.write_text(text)
    print(text)


def _clips(folder: Path, detector: FaceDetector) -> list[float]:
    """The value on each whole real clip."""
    settings = load_settings()
    decoder, found = Decoder(settings), []
    for path in sorted(folder.glob("real*.mp4")):
        follower, looks = Follower(detector), []
        with reading(path), decoder.open(intake.check(path, path.name, settings)) as clip:
            for frame in clip:
                faces = follower.find(frame.image, frame.time)
                looks += [describe(frame.image, max(faces, key=lambda f: f.size))] if faces else []
        found.append(_change(np.stack(looks)))
    return found


def _change(looks: np.ndarray) -> float:
    """Most by which a stretch of looks is less alike to its nearest look outside than inside."""
    distances = _between(looks, looks)
    np.fill_diagonal(distances, np.inf)
    count, most = len(looks), 0.0
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


def _pairs(looks: np.ndarray) -> np.ndarray:
    return _between(looks, looks)[np.triu_indices(len(looks), 1)]


def _rows(values: dict, points: tuple[int, ...], counted: bool = False) -> str:
    lines = []
    for name, each in values.items():
        cells = [f"{value:.3f}" for value in np.percentile(each, points)]
        lines.append("| " + " | ".join([name, *([str(len(each))] if counted else []), *cells]))
    return " |\n".join(lines) + " |"


if __name__ == "__main__":
    sys.exit(answered(main))
