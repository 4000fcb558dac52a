"""How the contracts tell a failure: its sentence stands where their clients look for it."""

from __future__ import annotations

from pydantic import BaseModel, Field

from backend.errors import AppError


class Refusal(BaseModel):
    error: str = Field(description="One sentence for people.")
    code: str = Field(description="Stable name for programs.")


class Detail(BaseModel):
    detail: str = Field(description="One sentence for people.")
    code: str = Field(description="Stable name for programs.")


def as_error(error: AppError) -> dict:
    """A `Refusal`, ready for JSON."""
    return Refusal(error=str(error), code=error.code).model_dump()


def as_detail(error: AppError) -> dict:
    """A `Detail`, ready for JSON."""
    return Detail(detail=str(error), code=error.code).model_dump()
