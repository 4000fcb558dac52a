"""`POST /api/detect`: the contract of systems with several models that vote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Literal

from apiflask import APIBlueprint
from flask import redirect
from pydantic import BaseModel, Field

from backend.report.schema import Report
from backend.report.schema_models import Models, Vote
from backend.report.schema_parts import Share
from backend.web.compat.refusals import Refusal
from backend.web.compat.verdict import Foreign, foreign, verdict, verdict_of_vote
from backend.web.openapi import STATUSES, failures, form_body

FIELDS = ("file", "video")
Prediction = Literal["FAKE", "REAL", "INCONCLUSIVE"]
WORDS = ("FAKE", "REAL", "INCONCLUSIVE")


class ModelPrediction(BaseModel):
    """What one model says by itself."""

    model: str
    prediction: Prediction
    confidence: Share | None
    probability_fake: Share | None
    weight: Share = Field(description="Its share in the answer; 0 where it is only shown.")


class Votes(BaseModel):
    """How many models say what by themselves; the answer rests on their scores, not on these."""

    fake: int
    real: int
    inconclusive: int


class Detected(Foreign):
    """The answer of `POST /api/detect`."""

    filename: str
    prediction: Prediction
    confidence: Share | None
    is_fake: bool | None
    models: list[ModelPrediction]
    vote: Votes


BODIES = {"/api/detect": form_body(*FIELDS)}


def build(
    there: Models,
    analyse: Callable[..., Report],
    limit: Callable[[Callable], Callable],
) -> APIBlueprint:
    """The routes.

    Args:
        there: the models.
        analyse: receives the file of the request and analyses it.
        limit: decorates what costs something.
    """
    routes = APIBlueprint("compat_detect", __name__, tag="Compatibility")

    @routes.post("/api/detect")
    @routes.output(Detected)
    @routes.doc(responses=failures(*STATUSES, schema=Refusal))
    @limit
    def detect():
        """Analyse one file, sent as the field `file` or `video` of a form.

        Errors are `{"error": sentence, "code"}`.
        """
        return detected(analyse(*FIELDS))

    @routes.get("/api/models")
    @routes.output(Models)
    @routes.doc(responses=failures(401, schema=Refusal))
    def list_models():
        """List the models that are there; the same as `/api/v1/models`."""
        return there

    @routes.get("/detect")
    @routes.doc(hide=True)
    def page():
        return redirect("/")

    return routes


def detected(report: Report) -> Detected:
    """A report as this contract tells it."""
    answer = verdict(report)
    said = [_prediction(vote) for vote in report.models or [_only_vote(report)]]
    counts = Counter(each.prediction for each in said)
    return Detected(
        **foreign(report),
        filename=report.file.name,
        prediction=answer.word(*WORDS),
        confidence=answer.confidence,
        is_fake=answer.is_fake,
        models=said,
        vote=Votes(fake=counts["FAKE"], real=counts["REAL"], inconclusive=counts["INCONCLUSIVE"]),
    )


def _only_vote(report: Report) -> Vote:
    """The one vote on a sound file: no other model is asked."""
    return Vote(
        name=report.model.name,
        sha256=report.model.sha256,
        probability_fake=report.probability_fake,
        prediction=report.prediction,
        weight=1,
        milliseconds=1000 * report.processing_time,
    )


def _prediction(vote: Vote) -> ModelPrediction:
    own = verdict_of_vote(vote)
    return ModelPrediction(
        model=vote.name,
        prediction=own.word(*WORDS),
        confidence=own.confidence,
        probability_fake=vote.probability_fake,
        weight=vote.weight,
    )
