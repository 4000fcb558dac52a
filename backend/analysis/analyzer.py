"""What judges one side of a file, such as its faces, and what it hands on to the pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from backend.analysis.progress import Meter
from backend.records.media import FileFacts, Media, Upload
from backend.records.results import (
    AnalysedFrame,
    Closeup,
    ModelCard,
    Person,
    QualityWarning,
    Signal,
    Verdict,
)
from backend.records.votes import Vote


@dataclass(frozen=True, slots=True)
class Findings:
    """What one analyzer found of a file: the fields of `Analysis` that it can fill.

    Attributes:
        facts: what its decoder found beside the media.
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


class Analyzer(Protocol):
    """Judges one side of files. Safe to share between threads; it keeps nothing of a file."""

    def analyse(self, upload: Upload, into: Path | None, meter: Meter) -> Findings:
        """Draw what is needed from the decoder, and judge it.

        Args:
            upload: passed intake.
            into: folder that gets the pictures; None for no pictures.
            meter: told of the progress, also while the decoder is waited for; what it raises
                stops the analysis and is passed on.

        Raises:
            AppError: the file cannot be decoded or passes a limit.
        """
        ...
