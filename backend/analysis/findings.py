"""What an analyzer of one side of a file, its faces or its voice, hands on to the pipeline."""

from __future__ import annotations

from dataclasses import dataclass

from backend.records.media import FileFacts, Media
from backend.records.results import (
    AnalysedFrame,
    Closeup,
    ModelCard,
    Person,
    QualityWarning,
    Signal,
    Verdict,
)
from backend.records.sound import Voice
from backend.records.votes import Vote


@dataclass(frozen=True, slots=True)
class Findings:
    """What one analyzer found of a file: the fields of `Analysis` that it can fill.

    Attributes:
        facts: what its decoder found beside the media.
        voice: None from what judges no sound.
        voice_change: how much the voice changes at most, and when, in seconds, see
            `backend.audio.voice_change`; None where it was not judged.
    """

    media: Media
    facts: FileFacts
    verdict: Verdict
    model: ModelCard
    settings: dict[str, int | str]
    votes: tuple[Vote, ...] = ()
    frames: tuple[AnalysedFrame, ...] = ()
    people: tuple[Person, ...] = ()
    closeup: Closeup | None = None
    signals: tuple[Signal, ...] = ()
    warnings: tuple[QualityWarning, ...] = ()
    voice: Voice | None = None
    voice_change: tuple[float, float] | None = None
