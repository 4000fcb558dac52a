"""The shapes of the API's answers, as pydantic models: the source of the OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from backend import errors


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
    anomalies: list[str] = Field(description="Measured signs of manipulation.")
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
    thresholds: Thresholds
    processing_time: float = Field(description="Seconds.")
    model: Model
    created_at: datetime
    expires_at: datetime = Field(description="Everything is deleted after this moment.")


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


def failures(*statuses: int) -> dict:
    """The OpenAPI responses of these HTTP statuses, each with its codes and sentences."""
    answers = {}
    for status in statuses:
        kinds = [kind for kind in _kinds(errors.AppError) if kind.status == status]
        text = " ".join(f"`{kind.code}`: {kind.message}" for kind in kinds)
        schema = {"schema": ErrorAnswer}
        answers[status] = {"description": text, "content": {"application/json": schema}}
    return answers


def _kinds(base: type) -> list[type]:
    return [kind for child in base.__subclasses__() for kind in (child, *_kinds(child))]


def complete_spec(spec: dict) -> dict:
    """Add what the framework cannot know: the upload's body and the optional key."""
    binary = {"type": "string", "contentMediaType": "application/octet-stream"}
    form = {"type": "object", "required": ["file"], "properties": {"file": binary}}
    spec["paths"]["/predict"]["post"]["requestBody"] = {
        "required": True,
        "content": {"multipart/form-data": {"schema": form}},
    }
    key = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    spec.setdefault("components", {})["securitySchemes"] = {"key": key}
    spec["security"] = [{}, {"key": []}]
    return spec
