"""The one declaration of what is told of a job, as pydantic; see `backend.report.schema`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from backend.report.schema import ErrorDetail, Partial, Report
from backend.report.schema_parts import File


class Status(BaseModel):
    """How a queued analysis stands."""

    status: Literal["success", "error"]
    id: str
    state: Literal["queued", "running", "done", "failed"]
    stage: Literal["waiting", "faces", "scores", "pictures", "sound", "voice", "done"]
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


class Ended(BaseModel):
    """What a webhook is told: how an analysis ended."""

    id: str
    state: Literal["done", "failed"]
    report: Report | None = Field(description="Null if it failed.")
    error: ErrorDetail | None = Field(description="Why it failed.")
