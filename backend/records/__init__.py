"""The frozen records that travel between the stages: media, frames, faces, scores, verdict."""

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
class FileFacts:
    """What the decoder found beside the pictures.

    Attributes:
        metadata: (name, value) of EXIF, XMP, comments and tags, printable and short.
        container: facts of the container, by name; None for a still or an animated image.
        gap: the longest interval between two frames, in usual intervals, and where it begins, in
            seconds; None where it cannot be known.
        bits_per_pixel: of the compressed video, per frame; None where it cannot be known.
        jpeg_quality: 1 to 100, by the tables of a JPEG; None for other formats.
    """

    metadata: tuple[tuple[str, str], ...]
    container: dict[str, str] | None
    gap: tuple[float, float] | None
    bits_per_pixel: float | None
    jpeg_quality: int | None


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a manifest says was done: the terms of the C2PA specification, or None."""

    action: str | None
    source: str | None
    agent: str | None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a manifest says; the texts are its maker's, printable and short.

    Attributes:
        valid: signature and content agree. Nobody was asked whether the signer can be trusted.
        signer, time, maker: who signed, when, and with which program; None where it is not said.
        ingredients: how many other files it was made of.
        actions: what it says was done.
    """

    valid: bool
    signer: str | None
    time: str | None
    maker: str | None
    ingredients: int
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """The file's digest and its credentials.

    Attributes:
        sha256: hex digest of the file.
        embedded: whether a manifest begins in it.
        credentials: None where there is none or it cannot be read.
    """

    sha256: str
    embedded: bool
    credentials: Credentials | None


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
        fine_detail: dB; None where the face is too small for it.
    """

    sharpness_contrast: float
    fine_detail: float | None


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
        traits: what else was measured; None where it was not judged.
    """

    frame: int
    time: float
    face: Face
    track: int
    logit: float | None
    probability: float | None
    concern: str | None
    heat: HeatMap | None = None
    traits: Traits | None = None

    @property
    def name(self) -> str:
        """What the person is called in sentences and on pictures."""
        return f"Person {self.track + 1}"


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
        anomalies: sentences about looks that score like manipulation; may be empty.
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
