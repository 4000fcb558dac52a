"""How far an analysis has come: what the pipeline tells while it works, and its time limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Sized
from dataclasses import dataclass

from backend.errors import TooSlow
from backend.records.observations import Sighting


@dataclass(frozen=True, slots=True)
class Known:
    """What an analysis knows so far.

    Attributes:
        frames: of each moment looked at, in order: its time in seconds and its faces; a face that
            was not scored yet has neither probability nor concern.
        probability_fake: calibrated, 0 to 1, of the faces scored so far; None before the first.
    """

    frames: list[tuple[float, list[Sighting]]]
    probability_fake: float | None


@dataclass(frozen=True, slots=True)
class Progress:
    """One word of the pipeline about its work.

    Attributes:
        stage: "faces" (finding and scoring them), "scores" (the last of them), "pictures".
        share: of the whole work, 0 to 1.
        frames_done: moments looked at.
        frames_total: moments there will be, at most until the last has come; None before the file
            is open.
        known: gathers what is known so far. It may be called at any time, from any thread.
    """

    stage: str
    share: float
    frames_done: int
    frames_total: int | None
    known: Callable[[], Known]


OnProgress = Callable[[Progress], None]


def deadline(seconds: float, clock: Callable[[], float] = time.monotonic) -> OnProgress:
    """A progress callback that raises TooSlow once `seconds` have passed since it was made."""
    end = clock() + seconds

    def check(progress: Progress) -> None:
        if clock() > end:
            raise TooSlow()

    return check


class Meter:
    """Tells how far one analysis is, with what never changes about it.

    Args:
        tell: the callback of whoever asked for the analysis.
        looked: grows by one item a moment.
        known: see `Progress`.

    Attributes:
        total: `Progress.frames_total`, once it is known.
    """

    def __init__(self, tell: OnProgress, looked: Sized, known: Callable[[], Known]):
        self._tell, self._looked, self._known = tell, looked, known
        self._stage, self._share = "faces", 0.0
        self.total: int | None = None

    def __call__(self, stage: str, share: float) -> None:
        """Work has been done."""
        self._stage, self._share = stage, share
        self.again()

    def again(self) -> None:
        """Nothing has changed: gives the callback its chance to stop an analysis that waits."""
        done = len(self._looked)
        self._tell(Progress(self._stage, self._share, done, self.total, self._known))
