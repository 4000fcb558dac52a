"""Judges a picture again after two harmless changes: at half its size, and saved as a JPEG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import cv2
import numpy as np

from backend.evidence.stability import held
from backend.models.classifier import Classifier, FaceCut
from backend.models.crops import Box
from backend.models.quality import rejection, sharpness
from backend.records.observations import Face, FaceObservation
from backend.records.results import Verdict

FEW = 2  # faces that are judged again, those that score highest
QUALITY = 85  # of the JPEG
MOST = 6_000_000  # px around a face; what is larger would take too long to save
GRID = 16  # px between which a JPEG begins anew
ROUND = 1.0  # sizes of a face on each side of its middle: all that a turned one's views show
HALF, JPEG = "at half its size", f"saved as a JPEG of quality {QUALITY}"

Decide = Callable[[Sequence[FaceObservation]], Verdict]


def settled(
    verdict: Verdict,
    image: np.ndarray,
    scale: float,
    faces: Sequence[FaceObservation],
    classifier: Classifier,
    decide: Decide,
) -> Verdict:
    """The verdict on a picture, if it takes a side and holds; else see `stability.held`.

    Args:
        verdict: on the picture as it is.
        image: uint8 RGB, shape (height, width, 3), as it was judged.
        scale: px of the file's picture per px of `image`.
        faces: of the picture, scored, in px of the file.
        classifier: that scored them.
        decide: gives the verdict on faces.
    """
    if verdict.prediction == "Inconclusive":
        return verdict
    judged = [face for face in faces if face.logit is not None]
    judged = sorted(judged, key=lambda face: face.logit, reverse=True)[:FEW]
    again: list[tuple[str, FaceObservation, FaceCut]] = []
    for change, changed in _changes(image, classifier).items():
        for seen in judged:
            cut = changed(seen.face.scaled(1 / scale))
            if cut is not None:
                again.append((change, seen, cut))
    if not again:
        return verdict
    logits = classifier.logits([cut for *_, cut in again])
    probabilities = classifier.probabilities(logits)
    after: dict[str, dict[int, FaceObservation]] = {}
    for place, (change, seen, _) in enumerate(again):
        new = replace(seen, logit=float(logits[place]), probability=float(probabilities[place]))
        after.setdefault(change, {})[seen.id] = new
    return held(
        verdict,
        {
            change: decide([scored.get(face.id, face) for face in faces])
            for change, scored in after.items()
        },
    )


def _changes(
    image: np.ndarray, classifier: Classifier
) -> dict[str, Callable[[Face], FaceCut | None]]:
    """Each change, and what cuts a face from the changed picture, None where it cannot be judged.

    A picture that another reading would be right for at half its size is not made smaller: it
    would lose what it is judged by.
    """
    changes = {JPEG: partial(_from_jpeg, image, classifier)}
    height, width = image.shape[:2]
    smaller = classifier.of_file("image", width // 2, height // 2)
    if smaller.reading == classifier.reading:
        changes[HALF] = partial(_from_half, image, classifier)
    return changes


def _from_jpeg(image: np.ndarray, classifier: Classifier, face: Face) -> FaceCut | None:
    part, box = _around(image, face, classifier.reach)
    if part.shape[0] * part.shape[1] > MOST:
        return None
    part = cv2.cvtColor(part, cv2.COLOR_RGB2BGR)
    _, saved = cv2.imencode(".jpg", part, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    part = cv2.cvtColor(cv2.imdecode(saved, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return _cut(part, replace(face, box=box), classifier)


def _from_half(image: np.ndarray, classifier: Classifier, face: Face) -> FaceCut | None:
    part, box = _around(image, face, 2 * classifier.reach)
    height, width = part.shape[0] // 2, part.shape[1] // 2
    half = cv2.resize(
        part[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA
    )
    return _cut(half, replace(face, box=box).scaled(0.5), classifier)


def _cut(part: np.ndarray, face: Face, classifier: Classifier) -> FaceCut | None:
    cut = classifier.cut(part, face.box, face.roll)
    return None if rejection(face, cut.crop, sharpness(cut.crop, face.size)) else cut


def _around(image: np.ndarray, face: Face, reach: int) -> tuple[np.ndarray, Box]:
    """The part of a picture that a face is judged by, and its box there, px.

    Args:
        reach: px around the middle of the face that are needed at least.
    """
    height, width = image.shape[:2]
    left, top, right, bottom = face.box
    away = max(reach, ROUND * face.size)
    x = float(np.clip((left + right) / 2, 0, width))
    y = float(np.clip((top + bottom) / 2, 0, height))
    x0 = max(0, int(x - away) // GRID * GRID)
    y0 = max(0, int(y - away) // GRID * GRID)
    part = image[y0 : int(y + away) + 1, x0 : int(x + away) + 1]
    return part, (left - x0, top - y0, right - x0, bottom - y0)
