"""The parts of an answer: the model, signals, quality, provenance, settings.

Numbers are rounded here, to the digits that mean something.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from backend.records.bands import Kind
from backend.records.results import Ends, Profile


def _to(digits: int) -> BeforeValidator:
    return BeforeValidator(lambda value: round(float(value), digits))


Pixels = Annotated[float, _to(1)]
Seconds = Annotated[float, _to(3)]
Number = Annotated[float, _to(4)]
Odds = Annotated[float, Field(ge=1), _to(1)]
Share = Annotated[float, Field(ge=0, le=1), _to(4)]


class Told(BaseModel):
    """Base of what is told: its fields can be read from a record's attributes of the same names."""

    model_config = ConfigDict(from_attributes=True)


class Model(Told):
    name: str
    sha256: str = Field(description="Hex digest of the weights.")
    profile: Profile = Field(description="Whose thresholds decide: the operator's choice.")


class Media(Told):
    type: Literal["image", "video", "audio"]
    format: str
    codec: str
    width: int | None = Field(description="px, as displayed; null for a sound file.")
    height: int | None = Field(description="px, as displayed; null for a sound file.")
    duration: Seconds | None = Field(description="Seconds; null for a still.")
    fps: Seconds | None
    frames: int | None


class File(Told):
    name: str
    size: int = Field(description="bytes")


class Thresholds(Told):
    real: float | None = Field(
        description="Real at or below this probability; null where such files are never called "
        "Real."
    )
    fake: float = Field(description="Fake at or above this probability.")


class Band(Told):
    kind: Kind = Field(description="The answer of a score in it: `unsure` is undecided.")
    low: Share = Field(description="The lowest probability in it.")
    high: Share = Field(description="Where the next begins; 1 for the last.")


class Signal(Told):
    """A measured property beside the range it has in real files. It decides nothing."""

    code: Literal[
        "blending_boundary", "score_flicker", "landmark_jumps", "frequency_residue",
        "sharpness_contrast", "texture_variance", "dropped_frames",
        "voice_change", "centroid", "centroid_spread", "rolloff", "zero_crossings", "contrast",
        "mfcc_spread", "mfcc_change", "bandwidth", "flatness", "pitch_spread", "jitter",
        "shimmer", "pauses", "pause_noise",
    ]  # fmt: skip
    name: str
    text: str = Field(description="One sentence with the value.")
    value: Number
    unit: str = Field(description="Empty for a plain number.")
    typical: list[Number] = Field(
        description="Lowest and highest usual value in real files, measured: see "
        "docs/measurements/signals.md."
    )
    repeatability: Number = Field(
        description="By how much the value may differ when the same is measured again."
    )
    ends: Ends = Field(
        description="Beyond which ends of `typical` a value speaks for manipulation."
    )
    unusual: bool = Field(
        description="Whether the value lies there by more than its repeatability."
    )
    time: Seconds | None = Field(
        description="Seconds: where it is strongest; null without a place."
    )
    frame: int | None = Field(description="`index` of that frame.")
    track: int | None = Field(description="Whose it is; null for the whole file's.")


class Quality(Told):
    """Something that makes the file hard to judge."""

    code: Literal[
        "no_face", "face_too_small", "face_blurred", "face_too_dark", "too_many_faces",
        "face_turned", "few_faces", "small_picture", "screen_recording", "strong_compression",
    ]  # fmt: skip
    text: str
    advice: str = Field(description="What to do about it.")
    value: Number | None
    unit: str


class Note(Told):
    """Something odd about the file that did not keep it from being judged."""

    code: Literal["named_otherwise", "incomplete", "metadata_damaged", "clock_jumps", "hdr"]
    text: str


class Metadatum(Told):
    name: str
    value: str = Field(description="Printable and shortened; whoever made the file chose it.")


class C2PA(Told):
    """What was found of Content Credentials."""

    state: Literal["absent", "remote", "valid", "invalid", "unreadable"] = Field(
        description="absent: none in the file. remote: only an address, which is not fetched. "
        "valid: signature and content agree; whether to trust the signer was not checked. "
        "invalid: they did not pass the check, which may also be an expired certificate. "
        "unreadable: damaged, or too slow or large to read."
    )
    text: str
    signer: str | None = Field(description="The name in the signer's certificate.")
    time: str | None = Field(description="When it was signed, as the manifest says.")
    assertions: list[str] = Field(description="What the manifest claims.")


class Provenance(Told):
    """Where the file says it comes from. No part of the verdict."""

    sha256: str = Field(description="Hex digest of the file.")
    metadata: list[Metadatum] = Field(description="EXIF, XMP and other tags.")
    container: dict[str, str] | None = Field(description="Null for a still.")
    c2pa: C2PA
    text: str = Field(description="What all of it can and cannot tell.")


class AnalysisSettings(Told):
    """What the analysis was told to look at, and what computed it."""

    moments: int | None = Field(
        None, description="Most moments of a clip that were looked at; null for a sound file."
    )
    max_faces: int | None = Field(
        None,
        description="Most faces judged in one picture of this kind of file; null for a sound file.",
    )
    engine: str
    precision: str
