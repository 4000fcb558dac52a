"""`POST /api/analyze` and `/api/batch-analyze`: the contract of systems that are sent links."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, Field, ValidationError

from backend.errors import AppError, BadRequest
from backend.jobs import Jobs
from backend.report.schema import Report
from backend.settings import Settings, __version__
from backend.storage.store import Storage
from backend.web.compat.analyze_answer import ClipResult, Kind, Result, SoundResult, result
from backend.web.compat.refusals import Refusal
from backend.web.links import Links, small_body
from backend.web.openapi import STATUSES, failures, json_body, response

MOST = 10  # links of one request; they are analysed one after the other


class Wanted(BaseModel):
    """A file to be fetched."""

    media_url: str = Field(description="A link over http or https.")
    media_type: Kind | None = Field(None, description="Only a hint: the content counts.")


class WantedList(BaseModel):
    media_list: Annotated[list[Wanted], Field(min_length=1, max_length=MOST)]


class Failed(BaseModel):
    """A file of many that got no answer."""

    media_url: str
    error: str
    code: str


class Batch(BaseModel):
    """The answers in the order of the links."""

    results: list[Result | ClipResult | SoundResult | Failed]
    total: int
    successful: int
    failed: int


class Readiness(BaseModel):
    status: Literal["healthy", "unhealthy"]
    models_ready: bool
    timestamp: datetime
    version: str


class State(Readiness):
    active_analyses: int = Field(description="How many run.")
    waiting_analyses: int
    links: bool = Field(description="Whether links are fetched: DEEPFAKE_LINKS.")


BODIES = {"/api/analyze": json_body(Wanted), "/api/batch-analyze": json_body(WantedList)}


def build(
    settings: Settings,
    storage: Storage,
    jobs: Jobs,
    links: Links,
    analyse: Callable[..., Report],
    limit: Callable[[Callable], Callable],
) -> APIBlueprint:
    """The routes.

    Args:
        links: fetches the files.
        analyse: receives the file of the request, or fetches it, and analyses it.
        limit: decorates what costs something.
    """
    routes = APIBlueprint("compat_analyze", __name__, tag="Compatibility", url_prefix="/api")
    refusals = failures(*STATUSES, schema=Refusal)

    @routes.post("/analyze")
    @routes.output(ClipResult)
    @routes.doc(responses=refusals)
    @limit
    def analyze():
        """Analyse the file behind a link, sent as JSON.

        A form with the file itself, in the field `file`, is taken too. What is no clip has none of
        the fields of frames. Errors are `{"error": sentence, "code"}`.
        """
        return result(analyse())

    @routes.post("/batch-analyze")
    @routes.output(Batch)
    @routes.doc(responses=refusals)
    @limit
    def batch_analyze():
        """Analyse the files behind up to 10 links, sent as JSON, one after the other.

        A file that fails has its error in the list and does not stop the others.
        """
        links.check()
        try:
            wanted = WantedList.model_validate(small_body()).media_list
        except ValidationError:
            raise BadRequest(
                f"Expected `media_list` with 1 to {MOST} objects, each with a `media_url`."
            ) from None
        storage.check_space()
        with jobs.place(g.sender):
            results = list(_results(wanted, links.fetch, jobs.analyse))
        failed = sum(isinstance(each, Failed) for each in results)
        return Batch(
            results=results, total=len(results), successful=len(results) - failed, failed=failed
        )

    @routes.get("/health")
    @routes.output(Readiness)
    @routes.doc(responses={503: response("No file could be taken.", Readiness)})
    def health():
        """Say whether a file could be taken."""
        answer = _health(storage)
        return answer, 200 if answer.status == "healthy" else 503

    @routes.get("/status")
    @routes.output(State)
    def status():
        """Say how busy the server is."""
        counts = jobs.counts()
        return State(
            **_health(storage).model_dump(),
            active_analyses=counts["running"],
            waiting_analyses=counts["waiting"],
            links=settings.links,
        )

    return routes


def _results(
    wanted: list[Wanted],
    fetch: Callable[[str], tuple[Path, str]],
    analyse: Callable[[Path, str], Report],
) -> Iterator[Result | Failed]:
    for each in wanted:
        try:
            yield result(analyse(*fetch(each.media_url)))
        except AppError as error:
            yield Failed(media_url=each.media_url, error=str(error), code=error.code)


def _health(storage: Storage) -> Readiness:
    ready = storage.has_space()
    return Readiness(
        status="healthy" if ready else "unhealthy",
        models_ready=True,  # they are loaded before the server answers at all
        timestamp=datetime.now(UTC),
        version=__version__,
    )
