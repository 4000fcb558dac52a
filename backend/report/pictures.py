"""Writes the pictures of an analysis: annotated frames, their heat layers, and small portraits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from backend.models.crops import crop_face
from backend.records.observations import FaceObservation
from backend.records.results import ModelCard, Person, Portrait
from backend.report.annotate import annotate, heat_layer

JPEG_QUALITY = 85
DRAWING = 2  # pictures drawn and written side by side
MOST_PORTRAITS = 4  # of a person
PORTRAIT, MARGIN = 128, 0.5  # px of its side; share of the face's size that it is longer

Shown = tuple[np.ndarray, float]  # a reduced frame, uint8 RGB, and the factor from px to its px


class Pictures:
    """The folder of one analysis.

    Args:
        into: the folder; None writes nothing.
        card: the thresholds that give a box its word.
    """

    def __init__(self, into: Path | None, card: ModelCard):
        self._into, self._card = into, card
        self._portraits = 0  # written so far

    def frames(
        self, shown: Sequence[Shown | None], seen: Sequence[Sequence[FaceObservation]]
    ) -> Iterator[tuple[str | None, str | None]]:
        """Write the pictures of every frame.

        Args:
            shown: the frames.
            seen: the faces of each.

        Returns:
            The names of each frame's annotated picture and of its heat layer, in order, as they
            are written; None for those there are not.
        """
        if self._into is None:
            yield from [(None, None)] * len(shown)
            return
        with ThreadPoolExecutor(DRAWING) as pool:
            yield from pool.map(self._frame, range(len(shown)), shown, seen)

    def with_portraits(
        self, people: Sequence[Person], shown: Sequence[Shown | None]
    ) -> list[Person]:
        """Write small pictures of each person's face; returns the people with their portraits."""
        if self._into is None:
            return list(people)
        written = []
        for person in people:
            portraits = []
            for seen in telling(person):
                name = f"face-{self._portraits:03}.jpg"
                self._portraits += 1
                image, factor = shown[seen.frame]
                box = tuple(edge * factor for edge in seen.face.box)
                portrait = crop_face(image, box, MARGIN, PORTRAIT, seen.face.roll)
                (self._into / name).write_bytes(jpeg(portrait))
                portraits.append(Portrait(name, seen.frame, seen.time, seen.probability))
            written.append(replace(person, portraits=tuple(portraits)))
        return written

    def _frame(
        self, index: int, shown: Shown, faces: Sequence[FaceObservation]
    ) -> tuple[str, str | None]:
        name, heat_name = f"frame-{index:03}.jpg", f"heat-{index:03}.png"
        (self._into / name).write_bytes(jpeg(annotate(*shown, faces, self._card)))
        image, factor = shown
        heat = heat_layer(image.shape[:2], factor, faces)
        if heat is None:
            return name, None
        _, data = cv2.imencode(".png", cv2.cvtColor(heat, cv2.COLOR_RGBA2BGRA))
        (self._into / heat_name).write_bytes(data.tobytes())
        return name, heat_name


def jpeg(picture: np.ndarray) -> bytes:
    """Encode uint8 RGB as JPEG."""
    turned = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)  # a view with a negative step costs more
    return cv2.imencode(".jpg", turned, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()


def telling(person: Person) -> list[FaceObservation]:
    """The observations to show of a person: the highest score of each stretch, the highest first.

    Where nothing was judged, the largest faces.
    """
    stretches = min(MOST_PORTRAITS, len(person.observations))
    bounds = np.linspace(0, len(person.observations), stretches + 1).astype(int)
    best = [
        max(person.observations[start:end], key=_telling)
        for start, end in zip(bounds[:-1], bounds[1:], strict=True)
    ]
    return sorted(best, key=_telling, reverse=True)


def _telling(seen: FaceObservation) -> tuple[bool, float]:
    judged = seen.logit is not None
    return judged, seen.logit if judged else seen.face.size
