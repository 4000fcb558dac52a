"""Writes the pictures of an analysis: frames, heat layers, portraits, a close-up, a spectrogram."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from backend.models.crops import crop_face
from backend.records.observations import FaceObservation
from backend.records.results import Closeup, ModelCard, Person, Portrait, Verdict
from backend.records.sound import Segment, Waveform
from backend.report.annotate import annotate, heat_layer
from backend.report.spectrogram import spectrogram

JPEG_QUALITY = 85
DRAWING = 2  # pictures drawn and written side by side
MOST_PORTRAITS = 4  # of a person
PORTRAIT, MARGIN = 128, 0.5  # px of its side; share of the face's size that it is longer
CLOSEUP, AROUND = 512, 0.7  # the same of the close-up
VISIBLE = 16  # alpha from which a heat map can be seen, of 255

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

    def closeup(self, seen: FaceObservation, shown: Shown) -> Closeup | None:
        """Write a large picture of a face, and of its heat map.

        Args:
            seen: the face.
            shown: the frame it is in.
        """
        if self._into is None:
            return None
        image, factor = shown
        picture, heat_picture, marked = "closeup-000.jpg", None, False
        (self._into / picture).write_bytes(jpeg(_enlarged(image, factor, seen)))
        heat = heat_layer(image.shape[:2], factor, [seen])
        if heat is not None:
            heat_picture = "closeup-000.png"
            part = _enlarged(heat, factor * heat.shape[1] / image.shape[1], seen)
            (self._into / heat_picture).write_bytes(png(part))
            marked = bool(part[..., 3].max() >= VISIBLE)
        return Closeup(
            picture, seen.frame, seen.time, seen.probability, seen.track, heat_picture, marked
        )

    def _frame(
        self, index: int, shown: Shown, faces: Sequence[FaceObservation]
    ) -> tuple[str, str | None]:
        name, heat_name = f"frame-{index:03}.jpg", f"heat-{index:03}.png"
        (self._into / name).write_bytes(jpeg(annotate(*shown, faces, self._card)))
        image, factor = shown
        heat = heat_layer(image.shape[:2], factor, faces)
        if heat is None:
            return name, None
        (self._into / heat_name).write_bytes(png(heat))
        return name, heat_name


def write_spectrogram(
    into: Path | None, sound: Waveform, segments: Sequence[Segment]
) -> str | None:
    """Write the picture of a recording; returns its name.

    Args:
        into: the folder; None writes nothing.
        sound: at least one sample.
        segments: to be marked.
    """
    if into is None:
        return None
    name = "spectrogram-000.jpg"
    (into / name).write_bytes(jpeg(spectrogram(sound.samples, segments)))
    return name


def jpeg(picture: np.ndarray) -> bytes:
    """Encode uint8 RGB as JPEG."""
    turned = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)  # a view with a negative step costs more
    return cv2.imencode(".jpg", turned, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()


def png(layer: np.ndarray) -> bytes:
    """Encode uint8 RGBA as PNG."""
    return cv2.imencode(".png", cv2.cvtColor(layer, cv2.COLOR_RGBA2BGRA))[1].tobytes()


def _enlarged(picture: np.ndarray, factor: float, seen: FaceObservation) -> np.ndarray:
    box = tuple(edge * factor for edge in seen.face.box)
    return crop_face(picture, box, AROUND, CLOSEUP, seen.face.roll)


def closest(people: Sequence[Person], verdict: Verdict) -> FaceObservation | None:
    """The face that the answer rests on; None without a face.

    Where the answer is Real, or Real but for a part, the one that speaks most against it, however
    short its owner was seen.
    """
    doubted = verdict.prediction == "Real" or verdict.reasons[0].code == "part_of_clip"
    asked = people if doubted else people[:1]
    return max((telling(person)[0] for person in asked), key=_telling, default=None)


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
