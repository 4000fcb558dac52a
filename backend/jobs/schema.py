"""The shapes of the API's answers about jobs, as pydantic models; see `backend.report.schema`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from backend.report.schema import ErrorDetail, File


class PartialFace(BaseModel):
    box: list[float] = Field(description="left, top, right, bottom in px")
    track: int = Field(description="The same number is the same person.")
    probability: float | None = Field(ge=0, le=1, description="Null until it has been scored.")
    concern: str | None = Field(description="Why the face is not judged.")


class PartialFrame(BaseModel):
    index: int
    time: float = Field(description="Seconds from the start of the clip.")
    faces: list[PartialFace]


class Partial(BaseModel):
    """What is known so far; the report may say otherwise."""

    probability_fake: float | None = Field(
        ge=0, le=1, description="Calibrated, of the faces scored so far; null before the first."
    )
    faces: int = Field(description="How many different people were found so far.")
    frames: list[PartialFrame]


class Status(BaseModel):
    """How a queued analysis stands."""

    status: Literal["success", "error"]
    id: str
    state: Literal["queued", "running", "done", "failed"]
    stage: Literal["waiting", "faces", "scores", "pictures", "done"]
    percent: int = Field(ge=0, le=100)
    url: str = Field(description="The results page.")
    status_url: str = Field(description="Ask here how it stands, and for the report in the end.")
    file: File
    frames_done: int
    frames_total: int | None = Field(description="Null while it is not known.")
    eta_seconds: float | None = Field(description="Estimated seconds left; null while it waits.")
    partial: Partial | None
    error: ErrorDetail | None = Field(description="Why it failed.")
    created_at: datetime
    expires_at: datetime = Field(description="Everything is deleted after this moment.")


class Refused(BaseModel):
    """A file of many that was not taken."""

    status: Literal["error"]
    file: File
    error: ErrorDetail
    retry_after: int | None = Field(description="Seconds after which it may be sent again.")


class Accepted(BaseModel):
    """The answers to the files of one request, in their order."""

    status: Literal["success"]
    analyses: list[Status | Refused]
