"""The one declaration of an answer: live, in part, of a file, as a row; and why there is none.

`backend.report.build` fills it; everything else reads these objects or their dump, and the OpenAPI
document is made of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field, model_serializer

from backend.records.bands import Leaning
from backend.records.results import Prediction
from backend.report.schema_faces import Closeup, FrameAnalysis, LiveFace, PartialFrame, Track
from backend.report.schema_models import Vote
from backend.report.schema_parts import (
    AnalysisSettings,
    Band,
    File,
    Media,
    Model,
    Note,
    Odds,
    Provenance,
    Quality,
    Seconds,
    Share,
    Signal,
    Thresholds,
    Told,
)  # fmt: skip
from backend.report.schema_sound import Audio, Side


class ErrorDetail(Told):
    code: str = Field(description="Stable name for programs.")
    message: str = Field(description="One sentence for people.")


class Answer(Told):
    """What every answer says, of a file or of a camera."""

    prediction: Prediction
    judged: bool = Field(
        description="Whether anything could be judged. Where it is false, `reasons` say why: that "
        "is another thing than undecided."
    )
    confidence: Share | None = Field(
        description="Calibrated probability of the stated prediction; null when Inconclusive."
    )
    probability_fake: Share | None = Field(
        description="Calibrated; null where nothing could be judged."
    )
    leaning: Leaning | None = Field(
        description="Where an undecided score points; null where it points nowhere, and where the "
        "prediction says it."
    )
    odds: Odds | None = Field(
        description="How often that side was right for each time it was wrong, on methods that "
        "the model has never seen: 7 is 7 to 1. Null without a leaning."
    )
    reasons: list[str] = Field(description="Codes of the reasons for the prediction.")


class LiveAnswer(Answer):
    """What a camera is told of a picture: its faces, and the answer of the last seconds."""

    width: int = Field(description="px")
    height: int = Field(description="px")
    faces: list[LiveFace]
    kind: Literal["fake", "leans-fake", "unsure", "none", "leans-real", "real"] = Field(
        description="The sign to show."
    )
    title: str = Field(description="The answer in a word or three.")
    headline: str = Field(description="The answer in one sentence.")
    doubt: str = Field(description="How sure that is.")


class Partial(Told):
    """What is known so far; the report may say otherwise."""

    probability_fake: Share | None = Field(
        description="Calibrated, of the faces scored so far; null before the first."
    )
    faces: int = Field(description="How many different people were found so far.")
    frames: list[PartialFrame]


class Findings(Answer):
    """What every answer says of a file."""

    FIRST: ClassVar[tuple[str, ...]] = ()  # names that stand at the head of its JSON

    explanation: list[str] = Field(description="A sentence for each reason.")
    anomalies: list[str] = Field(
        description="What scores like manipulation, and what is unusual for real files."
    )
    face: Side | None = Field(description="What the faces alone say; null for a sound file.")
    audio: Audio | None = Field(
        description="What the voice alone says; null for a picture, and for a clip without sound."
    )
    tracks: list[Track] = Field(description="Each person, the one who decided first.")
    signals: list[Signal] = Field(
        description="All that were measured of the person who decided and of the file, and the "
        "unusual ones of the other people."
    )
    quality: list[Quality] = Field(description="What makes the file hard to judge, if anything.")
    notes: list[Note] = Field(
        description="What is odd about the file and was overlooked: a name that says another "
        "type, a missing end, damaged metadata."
    )
    provenance: Provenance
    model: Model
    models: list[Vote] = Field(description="How each model that was asked votes by itself.")

    @model_serializer(mode="wrap")
    def _in_order(self, dump):
        fields = dump(self)
        return {name: fields[name] for name in self.FIRST} | fields


class Report(Findings):
    """One finished analysis."""

    FIRST = ("status", "prediction", "confidence", "frames", "anomalies")

    status: Literal["success"]
    frames: list[str] = Field(description="URLs of the annotated pictures.")
    id: str
    url: str = Field(description="The results page.")
    faces_detected: int = Field(description="How many different people were found.")
    media: Media
    file: File
    closeup: Closeup | None = Field(description="Null where no face was found.")
    recording: str | None = Field(
        description="A sound file itself, to be played; deleted with the rest. Null for others."
    )
    frame_analysis: FrameAnalysis
    thresholds: Thresholds = Field(description="Of the faces; of a sound file those of the voice.")
    bands: list[Band] = Field(description="What each probability leads to, rising from 0 to 1.")
    settings: AnalysisSettings
    processing_time: Seconds = Field(description="Seconds.")
    created_at: datetime
    expires_at: datetime = Field(description="Everything is deleted after this moment.")
    state: Literal["done"] = Field(description="What tells a report from the status of a job.")
    percent: Literal[100]


class Row(Findings):
    """One line of the command line's JSON. Without an answer its fields are null or empty."""

    FIRST = ("path", "status")

    path: str
    status: Literal["success", "error"]
    faces: int = Field(description="How many different people were found.")
    frames_analysed: int
    seconds: Seconds
    error: ErrorDetail | None = Field(None, description="Why there is no answer.")
    saved_to: str | None = Field(None, description="The folder of its pictures.")
