"""Made observations of one face, with the scores that a test wants."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backend.records.observations import Face, FaceObservation
from backend.records.results import ModelCard

FACE = Face((0, 0, 100, 100), 0.9, np.zeros((6, 2), np.float32))
CARD = ModelCard("m", "0" * 64, threshold_real=0.3, threshold_fake=0.9)


def calibrate(logits):
    return 1 / (1 + np.exp(-np.asarray(logits, float)))


def observed(
    logits: Sequence[float | None],
    track: int = 0,
    start: int = 0,
    rejection: str | None = None,
    spacing: float = 0.1,
) -> list[FaceObservation]:
    """One observation a frame from `start` on, `spacing` seconds apart; None is not judged."""
    return [
        FaceObservation(
            id=1000 * track + frame,
            frame=frame,
            time=frame * spacing,
            face=FACE,
            track=track,
            rejection=rejection,
            logit=logit,
            probability=None if logit is None else float(calibrate(logit)),
        )
        for frame, logit in enumerate(logits, start)
    ]
