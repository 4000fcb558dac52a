"""The frozen record of everything that one analysis found, and what its answers rest on."""

from __future__ import annotations

from dataclasses import dataclass

from backend.records.media import Media, Note
from backend.records.results import (
    AnalysedFrame,
    Closeup,
    ModelCard,
    Person,
    Provenance,
    QualityWarning,
    Signal,
    Verdict,
)
from backend.records.sound import Voice
from backend.records.votes import Vote


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything one analysis found.

    Attributes:
        verdict: the answer for the file: that of its faces and of its voice together.
        faces: the answer of the faces alone; None for a sound file.
        voice: what was found in the sound; None for a picture, still or animated.
        closeup: the face that the answer rests on; None without a face, or without pictures.
        model: that of the faces; of a sound file, that of the voice.
        votes: of each member of the model of the faces; empty for a sound file.
        settings: what it was told to look at and what computed it, by name.
        notes: what is odd about the file, and did not keep it from being judged.
        seconds: wall time of the whole analysis.
    """

    media: Media
    notes: tuple[Note, ...]
    verdict: Verdict
    faces: Verdict | None
    voice: Voice | None
    frames: tuple[AnalysedFrame, ...]
    people: tuple[Person, ...]
    closeup: Closeup | None
    signals: tuple[Signal, ...]
    warnings: tuple[QualityWarning, ...]
    provenance: Provenance
    model: ModelCard
    votes: tuple[Vote, ...]
    settings: dict[str, int | str]
    seconds: float

    @property
    def anomalies(self) -> list[str]:
        """Sentences about what scores like manipulation, and about unusual signals."""
        return [*self.verdict.anomalies, *(s.text for s in self.signals if s.unusual)]
