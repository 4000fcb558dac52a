"""What the heads of a model say of faces that were cut out before, under any loss of quality."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backend.models.scorer import FaceScorer, Scorer, by_head
from backend.training.augment.degrade import Change
from backend.training.data.face_cache import CutFace
from backend.training.data.index import Row

BATCH = 32


@dataclass(frozen=True, slots=True)
class HeadLogits:
    """What was said of N faces.

    Attributes:
        rows: what the faces are.
        heads: "member.head" -> float64, shape (N,); NaN where no window fits into a picture.
        maps: member -> float32, shape (N, h, w, M), see `backend.models.scorer.Judged`; of those
            that have maps.
    """

    rows: list[Row]
    heads: dict[str, np.ndarray]
    maps: dict[str, np.ndarray]


def head_logits(
    scorers: Mapping[str, Scorer], faces: Sequence[CutFace], change: Change | None = None
) -> HeadLogits:
    """Ask each member, with a line of progress.

    Args:
        scorers: by the members' names.
        faces: that were cut out of the data.
        change: applied to each picture before it is cut; None leaves it.
    """
    heads: dict[str, list[np.ndarray]] = {
        f"{name}.{head}": [] for name, scorer in scorers.items() for head in scorer.member.heads
    }
    maps: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(faces), BATCH):
        batch = faces[start : start + BATCH]
        for name, scorer in scorers.items():
            found = np.full((len(batch), len(scorer.member.heads)), np.nan)
            cuts = [cut_of(scorer, face, change) for face in batch]
            fit = [i for i, cut in enumerate(cuts) if cut is not None]
            if fit:
                judged = scorer.judge([cuts[i] for i in fit])
                found[fit] = judged.logits
                if judged.maps is not None:
                    maps.setdefault(name, []).append(judged.maps)
            for head, logits in by_head(scorer.member, found).items():
                heads[head].append(logits)
        done = min(start + BATCH, len(faces))
        print(f"\rjudging faces: {done} of {len(faces)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return HeadLogits(
        [face.row for face in faces],
        {name: np.concatenate(parts) if parts else np.zeros(0) for name, parts in heads.items()},
        {name: np.concatenate(parts) for name, parts in maps.items()},
    )


def cut_of(scorer: Scorer, face: CutFace, change: Change | None = None) -> np.ndarray | None:
    """What a member needs of a face, see `Scorer.cut`; None where no window fits."""
    change = change or (lambda image: image)
    if isinstance(scorer, FaceScorer):
        return scorer.cut(change(face.image()), face.box)
    if min(face.native().shape[:2]) < scorer.member.input_size:
        return None
    return scorer.cut(change(face.native()), face.native_box)
