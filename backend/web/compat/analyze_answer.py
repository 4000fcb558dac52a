"""A report as `/api/analyze` and the end of a live analysis tell it; names as that contract's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from backend.report.schema import Report
from backend.report.schema_faces import Frame
from backend.report.schema_parts import Seconds, Share
from backend.report.schema_sound import Audio
from backend.web.compat.verdict import Foreign, foreign, verdict, verdict_of_frame

Kind = Literal["image", "video", "audio"]
Percent = Annotated[float, Field(ge=0, le=100)]


class Anomaly(BaseModel):
    type: str
    severity: Literal["high", "medium", "low"] = Field(
        description="high: the answer Fake rests on it; medium: it scores like manipulation; low: "
        "a measured property that is unusual for real files and decides nothing."
    )
    description: str


class FrameResult(BaseModel):
    frame: int = Field(description="Counts from 0.")
    confidence: Percent | None
    isDeepfake: bool | None


class Result(Foreign):
    """What was found in a picture."""

    isDeepfake: bool | None
    confidence: Percent | None
    processingTime: Seconds = Field(description="Seconds.")
    mediaType: Kind
    timestamp: datetime
    modelUsed: str
    anomalies: list[Anomaly]


class ClipResult(Result):
    """What was found in a clip."""

    frameAnalysis: list[FrameResult]
    totalFrames: int | None = Field(description="Of the clip; null where it does not say.")
    analyzedFrames: int
    fps: float | None
    deepfakeFrameRatio: Share | None = Field(description="Of the frames analysed; null of none.")


class SoundResult(Result):
    """What was found in a sound file."""

    duration: Seconds = Field(description="Seconds.")
    sampleRate: int | None = Field(description="Hz")
    inconsistencyCount: int = Field(
        description="How often the voice changes between scoring as synthetic and not."
    )
    artifactCount: int = Field(description="Windows in which the voice scores as synthetic.")


def result(report: Report) -> Result:
    """A report as this contract tells it; also over a live connection."""
    answer = verdict(report)
    fields = {
        **foreign(report),
        "isDeepfake": answer.is_fake,
        "confidence": answer.percent,
        "processingTime": report.processing_time,
        "mediaType": report.media.type,
        "timestamp": report.created_at,
        "modelUsed": report.model.name,
        "anomalies": list(_anomalies(report)),
    }
    if report.media.type == "audio":
        return _sound_result(fields, report.audio)
    if report.media.type == "image":
        return Result(**fields)
    frames = report.frame_analysis
    looked_at = frames.frames_analysed
    return ClipResult(
        **fields,
        frameAnalysis=[_frame(frame, report) for frame in frames.frames],
        totalFrames=report.media.frames,
        analyzedFrames=looked_at,
        fps=report.media.fps,
        deepfakeFrameRatio=frames.frames_above_threshold / looked_at if looked_at else None,
    )


def _sound_result(fields: dict, audio: Audio) -> SoundResult:
    synthetic = _synthetic(audio)
    return SoundResult(
        **fields,
        duration=audio.duration,
        sampleRate=audio.sample_rate,
        inconsistencyCount=sum(one != next_ for one, next_ in pairwise(synthetic)),
        artifactCount=sum(synthetic),
    )


def _synthetic(audio: Audio) -> list[bool]:
    """Which windows score as a synthetic voice; none where nothing was judged."""
    limit = audio.thresholds
    return [window.probability >= limit.fake for window in audio.windows if limit]


def _frame(frame: Frame, report: Report) -> FrameResult:
    answer = verdict_of_frame(frame, report.thresholds)
    return FrameResult(frame=frame.index, confidence=answer.percent, isDeepfake=answer.is_fake)


def _anomalies(report: Report) -> Iterator[Anomaly]:
    signals = {signal.text: signal.name for signal in report.signals if signal.unusual}
    scores = "high" if report.prediction == "Fake" else "medium"
    for sentence in report.anomalies:
        yield Anomaly(
            type=signals.get(sentence) or _suspect(report),
            severity="low" if sentence in signals else scores,
            description=sentence,
        )


def _suspect(report: Report) -> str:
    """What the sentences are about that are about no signal."""
    faces = report.frame_analysis.frames_above_threshold > 0
    if report.audio is None or not any(_synthetic(report.audio)):
        return "Face"
    return "Face or voice" if faces else "Voice"
