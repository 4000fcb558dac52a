"""The shapes of what the server says of itself and of failures; answers are in `backend.report`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from backend.jobs.schema import Accepted
from backend.report.schema import ErrorDetail, Report
from backend.report.schema_parts import Model


class Queue(BaseModel):
    running: int
    waiting: int
    capacity: int


class System(BaseModel):
    """What the machine has, in MB of 1,000,000 bytes, and what is used of it."""

    cpu_count: int
    cpu_percent: float = Field(description="Used since this was asked last, of all cores.")
    memory_total_mb: int
    memory_available_mb: int
    memory_used_by_server_mb: int = Field(description="By the process that answers.")
    uptime_seconds: float


class Health(BaseModel):
    """Readiness, and what the server is made of."""

    status: Literal["ok", "error"]
    ready: bool
    version: str
    model: Model
    engine: str = Field(description="What runs the network.")
    precision: str = Field(description="What it computes in, such as f32.")
    versions: dict[str, str]
    dependencies: dict[str, str] = Field(description="Those of `versions` that are packages.")
    disk_free_mb: int
    queue: Queue
    system: System


class Usage(BaseModel):
    """What became of the files that this process was given since it began."""

    real: int = 0
    fake: int = 0
    inconclusive: int = 0
    not_judged: int = 0
    failed: int = 0


class Start(Health):
    """What `GET /` answers to programs."""

    usage: Usage
    endpoints: dict[str, list[str]] = Field(description="The methods of each address.")


class ErrorAnswer(BaseModel):
    """Every failure."""

    status: Literal["error"]
    error: ErrorDetail


def answers_schema() -> dict:
    """The JSON Schema of what the API answers; the types of the Python client are made of it."""
    models = (Report, Accepted, Health)
    return models_json_schema([(model, "serialization") for model in models])[1]
