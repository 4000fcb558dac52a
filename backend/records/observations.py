"""The frozen records of what was seen: faces, and what was measured of each in a frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np


@dataclass(frozen=True, slots=True)
class Face:
    """One detected face, in pixels of the picture it was found in.

    Attributes:
        box: (left, top, right, bottom), float px; may reach beyond the frame.
        score: the detector's confidence, 0 to 1.
        landmarks: float32 array, shape (6, 2), px: right eye, left eye (the person's own sides),
            nose tip, mouth centre, right ear, left ear.
    """

    box: tuple[float, float, float, float]
    score: float
    landmarks: np.ndarray

    @property
    def size(self) -> float:
        """The longer side of the box in px."""
        left, top, right, bottom = self.box
        return max(right - left, bottom - top)

    @property
    def roll(self) -> float:
        """Degrees clockwise that the face lies turned, by the line of its eyes: -180 to 180."""
        x, y = self.landmarks[1] - self.landmarks[0]
        return float(np.degrees(np.arctan2(y, x)))

    def scaled(self, factor: float) -> Face:
        """The same in px of a picture that is larger by `factor`."""
        if factor == 1.0:
            return self
        box = tuple(edge * factor for edge in self.box)
        return Face(box, self.score, self.landmarks * np.float32(factor))


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Where on a face the network sees manipulation: the map of one crop.

    Attributes:
        square: (left, top, right, bottom) of the crop, float px of the frame; may reach beyond it.
        values: float32, shape (h, w): how many logits each of h x w equal cells of the square is
            above what real faces show; 0 and less say nothing.
    """

    square: tuple[float, float, float, float]
    values: np.ndarray


@dataclass(frozen=True, slots=True)
class Traits:
    """What was measured of one face beside its score, see `backend.evidence.measurements`.

    Attributes:
        sharpness_contrast: dB.
        fine_detail, texture_variance: dB; None where the face is too small for it.
    """

    sharpness_contrast: float
    fine_detail: float | None
    texture_variance: float | None


@dataclass(frozen=True, slots=True)
class FaceObservation:
    """One face in one frame, from its detection to the report.

    Each stage hands on a copy that says more; the id says which belong together.

    Attributes:
        id: 0, 1, 2 ... in the order of detection, once in an analysis.
        frame: index of the frame.
        time: seconds.
        face: as detected, in px of the file's picture.
        track: id of the person's track, 0, 1, 2 ...
        rejection: reason code why it is not judged ("face_too_small", "face_blurred",
            "face_too_dark"), else None.
        logit: calibrated (positive: manipulated); None where it was not judged.
        probability: calibrated probability of manipulation 0 to 1; None where it was not judged.
        votes: member -> its own calibrated logit; empty where it was not judged.
        heat: where the network sees manipulation; None where it was not judged or has no map.
        features: for members that judge tracks, see `backend.models.scorer.Judged`; None before
            and after that.
        traits: what else was measured; None where it is not judged.
    """

    id: int
    frame: int
    time: float
    face: Face
    track: int
    rejection: str | None = None
    logit: float | None = None
    probability: float | None = None
    votes: Mapping[str, float] = field(default_factory=dict)
    heat: HeatMap | None = None
    features: np.ndarray | None = None
    traits: Traits | None = None

    def unjudged(self, why: str) -> FaceObservation:
        """The same, not to be judged for the reason code `why`; an earlier reason stays."""
        return replace(
            self,
            rejection=self.rejection or why,
            logit=None,
            probability=None,
            votes={},
            heat=None,
            features=None,
            traits=None,
        )

    @property
    def name(self) -> str:
        """What the person is called in sentences and on pictures."""
        return f"Person {self.track + 1}"
