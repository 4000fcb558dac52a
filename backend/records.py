"""The frozen records that travel between the stages: media, frames, faces, tracks, analysis."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

Kind = Literal["image", "video"]
Prediction = Literal["Real", "Fake", "Inconclusive"]


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that passed intake: its content was sniffed and agrees with its extension.

    Attributes:
        path: where the bytes are; only the decoder process opens it.
        label: the user's own name for the file, for display only, never a path.
        format: sniffed container, one of `backend.media.intake.FORMATS` ("mp4", "jpeg", ...).
        kind: "image" (decoded by Pillow, also animated GIF and WebP) or "video" (PyAV).
        size: bytes.
    """

    path: Path
    label: str
    format: str
    kind: Kind
    size: int


@dataclass(frozen=True, slots=True)
class Media:
    """What the decoder found in the file, after rotation and EXIF orientation.

    Attributes:
        type: "image" or "video" (an animated image is a "video").
        format, codec: e.g. "mp4" and "h264"; for images both name the image format.
        width, height: px as displayed.
        duration: seconds, None for a still.
        fps: average frames a second, None for a still or where it cannot be known.
        frames: frames in the file, measured or from the container, None where it cannot be known.
    """

    type: Kind
    format: str
    codec: str
    width: int
    height: int
    duration: float | None
    fps: float | None
    frames: int | None


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded picture.

    Attributes:
        index: 0, 1, 2 ... in the order sampled.
        time: presentation time in seconds from the start of the clip (0.0 for a still).
        image: uint8 RGB array, shape (height, width, 3), C-contiguous.
    """

    index: int
    time: float
    image: np.ndarray


@dataclass(frozen=True, slots=True)
class Face:
    """One detected face, in pixels of the frame it was found in.

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
class Sighting:
    """One face in one frame with what was measured about it.

    Attributes:
        frame: index of the frame.
        time: seconds.
        face: where it is.
        track: id of the person's track, 0, 1, 2 ...
        logit: raw output of the classifier (positive: manipulated); None where it was not judged.
        probability: calibrated probability of manipulation 0 to 1; None where it was not judged.
        concern: reason code why it was not judged ("face_too_small", "face_blurred",
            "face_too_dark"), else None.
        heat: where the network sees manipulation; None where it was not judged or has no map.
    """

    frame: int
    time: float
    face: Face
    track: int
    logit: float | None
    probability: float | None
    concern: str | None
    heat: HeatMap | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason for the verdict: a stable code for programs and a sentence for people."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer.

    Attributes:
        prediction: "Real", "Fake" or "Inconclusive".
        probability_fake: calibrated, 0 to 1; None where nothing could be judged.
        confidence: calibrated probability of the stated prediction; None when Inconclusive.
        reasons: at least one.
        anomalies: sentences about measured signs of manipulation; may be empty.
        track: the track that decided; None where nothing could be judged.
    """

    prediction: Prediction
    probability_fake: float | None
    confidence: float | None
    reasons: tuple[Reason, ...]
    anomalies: tuple[str, ...]
    track: int | None


@dataclass(frozen=True, slots=True)
class ModelCard:
    """The facts of `temp_model.json` that an answer carries.

    Attributes:
        name: of the model.
        sha256: hex digest of `temp_model.h5`.
        threshold_real, threshold_fake: calibrated probabilities; at or below the first the
            answer is Real, at or above the second Fake, between them Inconclusive.
    """

    name: str
    sha256: str
    threshold_real: float
    threshold_fake: float


@dataclass(frozen=True, slots=True)
class AnalysedFrame:
    """A frame that was looked at: its time, annotated picture and faces.

    Attributes:
        picture: file name of the annotated JPEG in the analysis folder; None without one.
        heat: file name of the transparent PNG that shows its heat maps; None without one.
    """

    index: int
    time: float
    picture: str | None
    faces: tuple[Sighting, ...]
    heat: str | None = None


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything one analysis found. `seconds` is the wall time of the whole analysis."""

    media: Media
    verdict: Verdict
    frames: tuple[AnalysedFrame, ...]
    model: ModelCard
    seconds: float
