"""`POST /predict_video`: the contract of systems with that route, `/info` and `/redoc`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from apiflask import APIBlueprint
from flask import redirect
from pydantic import BaseModel, Field

from backend.analysis.pipeline import Pipeline
from backend.media.formats import FORMATS
from backend.report.schema import Report
from backend.report.schema_parts import Model, Share, Thresholds
from backend.settings import Settings, __version__
from backend.web.compat.refusals import Detail
from backend.web.compat.verdict import Foreign, foreign, verdict
from backend.web.openapi import STATUSES, failures, form_body

FIELDS = ("file", "video")


class Label(BaseModel):
    label: Literal["REAL", "DEEPFAKE", "INCONCLUSIVE"]
    raw_score: Share | None = Field(
        description="Calibrated probability of manipulation; null where nothing could be judged."
    )
    confidence: Share | None
    is_deepfake: bool | None


class Predicted(Foreign):
    """The answer of `POST /predict_video`."""

    filename: str
    prediction: Label
    status: Literal["success"]


class Info(BaseModel):
    """What answers, and what it takes."""

    name: str
    version: str
    model: Model
    thresholds: Thresholds = Field(description="Of clips.")
    engine: str
    precision: str
    formats: list[str]
    max_upload_mb: int = Field(description="MB of 1,000,000 bytes.")
    max_duration: float = Field(description="Seconds.")


BODIES = {"/predict_video": form_body(*FIELDS)}


def build(
    settings: Settings,
    pipeline: Pipeline,
    analyse: Callable[..., Report],
    limit: Callable[[Callable], Callable],
) -> APIBlueprint:
    """The routes.

    Args:
        analyse: receives the file of the request and analyses it.
        limit: decorates what costs something.
    """
    routes = APIBlueprint("compat_predict_video", __name__, tag="Compatibility")

    @routes.post("/predict_video")
    @routes.output(Predicted)
    @routes.doc(responses=failures(*STATUSES, schema=Detail))
    @limit
    def predict_video():
        """Analyse one file, sent as the field `file` or `video` of a form.

        Errors are `{"detail": sentence, "code"}`.
        """
        return predicted(analyse(*FIELDS))

    @routes.get("/info")
    @routes.output(Info)
    def info():
        """Say what answers, and what it takes."""
        classifier = pipeline.faces.classifier
        card = classifier.of("video").card
        return Info(
            name="Deepfake Detector",
            version=__version__,
            model=Model.model_validate(card),
            thresholds=Thresholds(real=card.threshold_real, fake=card.threshold_fake),
            engine=classifier.engine,
            precision=classifier.precision,
            formats=[format.title for format in FORMATS],
            max_upload_mb=settings.max_upload_mb,
            max_duration=settings.max_duration,
        )

    @routes.get("/redoc")
    @routes.doc(hide=True)
    def redoc():
        # One page of the API is enough; its makers' own would be a megabyte of script.
        return redirect("/docs")

    return routes


def predicted(report: Report) -> Predicted:
    """A report as this contract tells it."""
    answer = verdict(report)
    return Predicted(
        **foreign(report),
        filename=report.file.name,
        prediction=Label(
            label=answer.word("DEEPFAKE", "REAL", "INCONCLUSIVE"),
            raw_score=report.probability_fake,
            confidence=answer.confidence,
            is_deepfake=answer.is_fake,
        ),
        status="success",
    )
