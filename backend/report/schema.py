"""The shapes of the API's answers, as pydantic models: the source of the OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field


class Model(BaseModel):
    name: str
    sha256: str = Field(description="Hex digest of the file of the weights.")


class Media(BaseModel):
    type: Literal["image", "video"]
    format: str
    codec: str
    width: int = Field(description="px, as displayed")
    height: int = Field(description="px, as displayed")
    duration: float | None = Field(description="Seconds; null for a still.")
    fps: float | None
    frames: int | None


class File(BaseModel):
    name: str
    size: int = Field(description="bytes")


class Face(BaseModel):
    box: list[float] = Field(description="left, top, right, bottom in px")
    score: float = Field(ge=0, le=1, description="The detector's confidence that it is a face.")
    track: int = Field(description="The same number is the same person.")
    probability: float | None = Field(
        ge=0, le=1, description="Calibrated probability of manipulation; null if not judged."
    )
    concern: str | None = Field(description="Why the face was not judged.")


class Frame(BaseModel):
    index: int
    time: float = Field(description="Seconds from the start of the clip.")
    url: str | None = Field(description="The annotated picture.")
    heat_map: str | None = Field(
        description="Transparent PNG to lay over the annotated picture, stretched to its size: "
        "where on each judged face the model sees manipulation. It is no outline of what was "
        "changed. Null where no face was judged or the model has no such map."
    )
    faces: list[Face]


class FrameAnalysis(BaseModel):
    frames_analysed: int
    frames_with_faces: int
    frames_above_threshold: int = Field(description="Frames with a face at `thresholds.fake`.")
    frames: list[Frame]


class Thresholds(BaseModel):
    real: float = Field(description="Real at or below this probability.")
    fake: float = Field(description="Fake at or above this probability.")


class Score(BaseModel):
    frame: int = Field(description="`index` of the frame.")
    time: float = Field(description="Seconds from the start of the clip.")
    probability: float | None = Field(
        ge=0, le=1, description="Calibrated probability of manipulation; null if not judged."
    )


class Portrait(Score):
    url: str = Field(
        description="A small picture of the face. In the rows of the command line its file name, "
        "in the folder `saved_to`."
    )


class Track(BaseModel):
    """One person."""

    id: int = Field(description="`track` of the person's faces.")
    name: str = Field(description="What sentences and pictures call the person.")
    decisive: bool = Field(description="Whether the file's verdict rests on this person.")
    prediction: Literal["Real", "Fake", "Inconclusive"] = Field(
        description="By the same rules as the file's, from this person's looks alone; of who is "
        "`brief` always Inconclusive."
    )
    probability_fake: float | None = Field(
        ge=0, le=1, description="Calibrated; null where none of the looks could be judged."
    )
    share: float = Field(
        ge=0, le=1, description="Share of the frames looked at in which the person was seen."
    )
    start: float = Field(description="Seconds: first seen.")
    end: float = Field(description="Seconds: last seen.")
    moments: int = Field(description="Looks at the person.")
    judged: int = Field(description="How many of them could be judged.")
    concerns: dict[str, int] = Field(description="Why the others could not: code and count.")
    brief: bool = Field(
        description="Judged in less than a tenth of the moments with judged faces: too few for "
        "a verdict of its own."
    )
    pictures: list[Portrait] = Field(
        description="Up to four, the most telling first; empty where none were saved."
    )
    scores: list[Score] = Field(description="Every look, in order of time.")


class Signal(BaseModel):
    """A measured property beside the range it has in real files. It decides nothing."""

    code: Literal[
        "blending_boundary", "score_flicker", "landmark_jumps", "frequency_residue",
        "sharpness_contrast", "dropped_frames", "repeated_frames",
    ]  # fmt: skip
    name: str
    text: str = Field(description="One sentence with the value.")
    value: float
    unit: str = Field(description="Empty for a plain number.")
    typical: list[float] = Field(
        description="Lowest and highest usual value in real files, measured: see "
        "docs/measurements/signals.md."
    )
    ends: Literal["high", "low", "both"] = Field(
        description="Beyond which ends of `typical` a value speaks for manipulation."
    )
    unusual: bool = Field(description="Whether the value lies there.")
    time: float | None = Field(description="Seconds: where it is strongest; null without a place.")
    frame: int | None = Field(description="`index` of that frame.")
    track: int | None = Field(description="Whose it is; null for the whole file's.")


class Quality(BaseModel):
    """Something that makes the file hard to judge."""

    code: Literal[
        "no_face", "face_too_small", "face_blurred", "face_too_dark", "soft_faces", "face_turned",
        "face_tilted", "few_faces", "screen_recording", "strong_compression",
    ]  # fmt: skip
    text: str
    advice: str = Field(description="What to do about it.")
    value: float | None
    unit: str


class Metadatum(BaseModel):
    name: str
    value: str = Field(description="Printable and shortened; whoever made the file chose it.")


class C2PA(BaseModel):
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


class Provenance(BaseModel):
    """Where the file says it comes from. No part of the verdict."""

    sha256: str = Field(description="Hex digest of the file.")
    metadata: list[Metadatum] = Field(description="EXIF, XMP and other tags.")
    container: dict[str, str] | None = Field(description="Null for a still.")
    c2pa: C2PA
    text: str = Field(description="What all of it can and cannot tell.")


class AnalysisSettings(BaseModel):
    """What the analysis was told to look at, and what computed it."""

    moments: int = Field(description="Most moments of a clip that were looked at.")
    max_faces: int = Field(description="Most faces judged in one frame.")
    engine: str
    precision: str


class Report(BaseModel):
    """One finished analysis."""

    status: Literal["success"]
    prediction: Literal["Real", "Fake", "Inconclusive"]
    confidence: float | None = Field(
        ge=0,
        le=1,
        description="Calibrated probability of the stated prediction; null when Inconclusive.",
    )
    frames: list[str] = Field(description="URLs of the annotated pictures.")
    anomalies: list[str] = Field(
        description="What scores like manipulation, and what is unusual for real files."
    )
    id: str
    url: str = Field(description="The results page.")
    probability_fake: float | None = Field(
        ge=0, le=1, description="Calibrated; null where nothing could be judged."
    )
    reasons: list[str] = Field(description="Codes of the reasons for the prediction.")
    explanation: list[str] = Field(description="A sentence for each reason.")
    faces_detected: int = Field(description="How many different people were found.")
    media: Media
    file: File
    frame_analysis: FrameAnalysis
    tracks: list[Track] = Field(description="Each person, the one who decided first.")
    signals: list[Signal] = Field(
        description="All that were measured of the person who decided and of the file, and the "
        "unusual ones of the other people."
    )
    quality: list[Quality] = Field(description="What makes the file hard to judge, if anything.")
    provenance: Provenance
    thresholds: Thresholds
    settings: AnalysisSettings
    processing_time: float = Field(description="Seconds.")
    model: Model
    created_at: datetime
    expires_at: datetime = Field(description="Everything is deleted after this moment.")
    state: Literal["done"] = Field(description="What tells a report from the status of a job.")
    percent: Literal[100]


class Queue(BaseModel):
    running: int
    waiting: int
    capacity: int


class Health(BaseModel):
    """Readiness, and what the server is made of."""

    status: Literal["ok", "error"]
    ready: bool
    model: Model
    engine: str = Field(description="What runs the network.")
    precision: str = Field(description="What it computes in, such as f32.")
    versions: dict[str, str]
    disk_free_mb: int
    queue: Queue


class ErrorDetail(BaseModel):
    code: str = Field(description="Stable name for programs.")
    message: str = Field(description="One sentence for people.")


class ErrorAnswer(BaseModel):
    """Every failure."""

    status: Literal["error"]
    error: ErrorDetail
