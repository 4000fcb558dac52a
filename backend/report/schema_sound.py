"""The parts of an answer that tell faces and voice apart; the windows of the sound."""

from __future__ import annotations

from pydantic import Field

from backend.records.bands import Leaning
from backend.records.results import Prediction
from backend.report.schema_parts import Band, Model, Odds, Seconds, Share, Thresholds, Told


class Side(Told):
    """What the faces alone, or the voice alone, say of a file."""

    verdict: Prediction
    judged: bool = Field(description="Whether it could be judged; `reasons` say why it could not.")
    probability_fake: Share | None = Field(
        description="Calibrated probability of manipulation; null where nothing could be judged."
    )
    confidence: Share | None = Field(
        description="Calibrated probability of the verdict; null when Inconclusive."
    )
    leaning: Leaning | None = Field(description="As that of the file.")
    odds: Odds | None = Field(description="As those of the file.")
    reasons: list[str] = Field(description="Codes of the reasons for the verdict.")
    explanation: list[str] = Field(description="A sentence for each reason.")


class Stretch(Told):
    """A part of the sound."""

    start: Seconds = Field(description="Seconds from the start of the file.")
    end: Seconds


class VoiceWindow(Stretch):
    probability: Share = Field(description="Calibrated probability that the voice is synthetic.")


class Segment(Stretch):
    """A part of the sound that decides, or speaks most against the answer Real."""

    text: str = Field(description="One sentence.")


class Audio(Side):
    """What was found in the sound of a file."""

    duration: Seconds = Field(description="Seconds of sound.")
    sample_rate: int | None = Field(description="Hz; null where the sound could not be read.")
    channels: int | None
    codec: str | None
    speech_seconds: Seconds = Field(description="How long somebody speaks; only that is judged.")
    speech: list[Stretch] = Field(description="Where somebody speaks.")
    windows: list[VoiceWindow] = Field(description="What was judged, in order; they overlap.")
    segments: list[Segment] = Field(description="The parts that the verdict rests on.")
    thresholds: Thresholds | None = Field(description="Of the voice; null if it was not judged.")
    bands: list[Band] = Field(description="As those of the file, for the voice.")
    model: Model | None = Field(description="What judged the voice; null if nothing was judged.")
    spectrogram: str | None = Field(
        description="A picture of the sound: time from left to right, pitch from 0 up to 8 kHz; "
        "its width is the sound's whole length. The parts of `segments` are marked. In the rows of "
        "the command line its file name, in the folder `saved_to`."
    )
