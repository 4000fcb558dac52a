"""How far an analysis has come: what is told while it works, and its time limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backend.errors import TooSlow
from backend.records.observations import FaceObservation
from backend.records.results import Verdict


@dataclass(frozen=True, slots=True)
class Known:
    """What an analysis knows at one moment of its work. It never changes.

    Attributes:
        frames: of each moment searched, in order: its time in seconds and its faces; a face that
            was not scored yet has neither probability nor rejection.
        decide: the answer that faces give.
    """

    frames: tuple[tuple[float, tuple[FaceObservation, ...]], ...] = ()
    decide: Callable[[Sequence[FaceObservation]], Verdict] | None = None

    @property
    def probability_fake(self) -> float | None:
        """Calibrated, 0 to 1, of the faces scored so far; None before the first."""
        scored = [
            face
            for _, faces in self.frames
            for face in faces
            if face.logit is not None or face.rejection
        ]
        return self.decide(scored).probability_fake if self.decide else None


@dataclass(frozen=True, slots=True)
class Progress:
    """One word of an analysis about its work. It never changes.

    Attributes:
        stage: "faces" (finding and scoring them), "scores" (the last of them), "pictures"; of a
            sound file "sound" (decoding it, finding speech), "voice" (judging it).
        share: of the whole work, 0 to 1.
        frames_done: moments searched.
        frames_total: moments there will be, at most until the last has come; None before the file
            is open.
        known: what is known so far.
    """

    stage: str = "faces"
    share: float = 0.0
    frames_done: int = 0
    frames_total: int | None = None
    known: Known = Known()


OnProgress = Callable[[Progress], None]


def deadline(seconds: float, clock: Callable[[], float] = time.monotonic) -> OnProgress:
    """A progress callback that raises TooSlow once `seconds` have passed since it was made."""
    end = clock() + seconds

    def check(progress: Progress) -> None:
        if clock() > end:
            raise TooSlow()

    return check


class Meter:
    """Tells how far one analysis is. Thread-safe: no word overtakes a later one.

    Args:
        tell: the callback of whoever asked for the analysis; what it raises is passed on.
    """

    def __init__(self, tell: OnProgress):
        self._tell = tell
        self._latest = Progress()
        self._turn = threading.Lock()

    def __call__(self, progress: Progress) -> None:
        """Work has been done."""
        with self._turn:
            self._latest = progress
            self._tell(progress)

    def again(self) -> None:
        """Nothing has changed: gives the callback its chance to stop an analysis that waits."""
        with self._turn:
            self._tell(self._latest)
