"""`POST /upload`: the contract of systems that ask for one file and tell of its frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from backend.report.schema import Report
from backend.report.schema_faces import Frame
from backend.report.schema_parts import Seconds, Share
from backend.web.compat.refusals import Refusal
from backend.web.compat.verdict import Foreign, foreign, verdict, verdict_of_frame
from backend.web.openapi import STATUSES, failures, form_body

FIELDS = ("file", "video")
Prediction = Literal["deepfake", "real", "inconclusive"]
WORDS = ("deepfake", "real", "inconclusive")


class Frames(BaseModel):
    total_frames: int = Field(description="How many were judged, spread over the whole clip.")
    suspicious_frames: int = Field(description="Of these with a face that scores as Fake.")


class FramePrediction(BaseModel):
    """What the face of a frame that scores highest says."""

    frame: int = Field(description="Counts from 0.")
    time: Seconds = Field(description="Seconds from the start of the clip.")
    faces: int
    prediction: Prediction
    confidence: Share | None


class Performance(BaseModel):
    seconds: Seconds = Field(description="Seconds of the whole analysis.")
    frames_per_second: float = Field(description="Frames judged in a second of it.")
    engine: str
    precision: str


class Uploaded(Foreign):
    """The answer of `POST /upload`."""

    prediction: Prediction
    confidence: Share | None
    faces_detected: int = Field(description="How many different people were found.")
    processing_time: str = Field(description='Seconds, such as "1.2s".')
    frame_analysis: Frames
    frame_predictions: list[FramePrediction]
    performance: Performance


BODIES = {"/upload": form_body(*FIELDS)}


def build(analyse: Callable[..., Report], limit: Callable[[Callable], Callable]) -> APIBlueprint:
    """The route.

    Args:
        analyse: receives the file of the request and analyses it.
        limit: decorates what costs something.
    """
    routes = APIBlueprint("compat_upload", __name__, tag="Compatibility")

    @routes.post("/upload")
    @routes.output(Uploaded)
    @routes.doc(responses=failures(*STATUSES, schema=Refusal))
    @limit
    def upload():
        """Analyse one file, sent as the field `file` or `video` of a form.

        Errors are `{"error": sentence, "code"}`.
        """
        return uploaded(analyse(*FIELDS))

    return routes


def uploaded(report: Report) -> Uploaded:
    """A report as this contract tells it."""
    answer, frames = verdict(report), report.frame_analysis
    return Uploaded(
        **foreign(report),
        prediction=answer.word(*WORDS),
        confidence=answer.confidence,
        faces_detected=report.faces_detected,
        processing_time=f"{report.processing_time:.1f}s",
        frame_analysis=Frames(
            total_frames=frames.frames_analysed, suspicious_frames=frames.frames_above_threshold
        ),
        frame_predictions=[_frame(frame, report) for frame in frames.frames],
        performance=Performance(
            seconds=report.processing_time,
            frames_per_second=round(frames.frames_analysed / max(report.processing_time, 0.001), 2),
            engine=report.settings.engine,
            precision=report.settings.precision,
        ),
    )


def _frame(frame: Frame, report: Report) -> FramePrediction:
    answer = verdict_of_frame(frame, report.thresholds)
    return FramePrediction(
        frame=frame.index,
        time=frame.time,
        faces=len(frame.faces),
        prediction=answer.word(*WORDS),
        confidence=answer.confidence,
    )
