"""The frozen records of a file: what was sent, what the decoder found in it, its frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

Kind = Literal["image", "video", "audio"]


@dataclass(frozen=True, slots=True)
class Note:
    """Something odd about a file that did not keep it from being judged: code and sentence."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that passed intake: its content is of a format that is read.

    Attributes:
        path: where the bytes are; only the decoder process opens it.
        label: the user's own name for the file, for display only, never a path.
        format: sniffed container, a name in `backend.media.formats.FORMATS` ("mp4", "jpeg", ...).
        kind: "image" (decoded by Pillow, also animated GIF and WebP), "video" or "audio" (PyAV).
        size: bytes.
        notes: what is odd about its name.
    """

    path: Path
    label: str
    format: str
    kind: Kind
    size: int
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Media:
    """What the decoder found in the file, after rotation and EXIF orientation.

    Attributes:
        type: "image", "video" (an animated image is one) or "audio" (a file of sound alone).
        format, codec: e.g. "mp4" and "h264"; for images both name the image format.
        width, height: px as displayed; None for a sound file.
        duration: seconds, None for a still.
        fps: average frames a second, None for a still, a sound file or where it cannot be known.
        frames: frames in the file, measured or from the container, None where it cannot be known.
    """

    type: Kind
    format: str
    codec: str
    width: int | None
    height: int | None
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
        notes: what was odd and overlooked, such as a missing end.
    """

    metadata: tuple[tuple[str, str], ...]
    container: dict[str, str] | None
    gap: tuple[float, float] | None
    bits_per_pixel: float | None
    jpeg_quality: int | None
    notes: tuple[Note, ...] = ()


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
