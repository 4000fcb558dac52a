"""What clients of the live connections may send: anything else is refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_ID = 64  # characters

Id = Annotated[str, Field(max_length=MOST_ID)]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class About(_Message):
    """Names an analysis, or an upload."""

    id: Id


class Wanted(_Message):
    """Names an analysis to follow, or a file to fetch and analyse."""

    id: Id | None = None
    media_url: str | None = None
    media_type: Literal["image", "video", "audio"] | None = None  # a hint: the content counts

    @model_validator(mode="after")
    def _names_one(self) -> Wanted:
        if (self.id is None) == (self.media_url is None):
            raise ValueError("expected an id or a link")
        return self


class UploadBegin(_Message):
    """Announces a file: the user's name for it, and its bytes."""

    name: str = Field(min_length=1, max_length=4096)
    size: int = Field(ge=1)


class UploadChunk(_Message):
    """One piece of a file; `index` counts from 0."""

    id: Id
    index: int = Field(ge=0)
    data: bytes


def id_of(event: dict) -> str | None:
    """The id that an event was about, where it named one; `event` as Flask-SocketIO keeps it."""
    first = event["args"][0] if event["args"] else None
    id = first.get("id") if isinstance(first, dict) else None
    return id if isinstance(id, str) and len(id) <= MOST_ID else None
