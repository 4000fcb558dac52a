"""Mends a clip's clock: times jump in recordings of live streams and in files that were joined."""

from array import array

FORTH = 30.0  # s between two frames, and ...
UNUSUAL = 20  # ... usual intervals: longer than both, it is no picture that stood still
BACK = 0.25  # s by which the times of decoding may go back: no clock is so unsteady


class Clock:
    """When the frames of a clip are really shown.

    Args:
        times: when each frame is shown, in the order of the file, in time_base units.
        order: when each is decoded: that goes back nowhere where a clock is sound.
        last: for how long the last frame is shown, 0 where it is not known.

    Attributes:
        times: without the jumps.
        mended: whether there were any.
        last: 0 where it cannot be.
    """

    def __init__(self, times: array, order: array, last: int, time_base):
        steps = sorted(_steps(sorted(set(times))))
        self._usual = steps[(len(steps) - 1) // 2] if steps else 0
        forth = max(FORTH / time_base, UNUSUAL * self._usual)
        back = max(BACK / time_base, self._usual)
        restarts = [place for place, step in enumerate(_steps(order), 1) if step < -back]
        joined = self._joined(times, restarts) if restarts else times
        shifts = self._shifts(joined, forth)
        self.times = array("q", (t - shifts[t] for t in joined)) if shifts else joined
        self.mended = bool(restarts or shifts)
        self.last = last if last <= forth else 0

    def _joined(self, times: array, restarts: list[int]) -> array:
        """Each part goes on an interval after all that was shown before it."""
        found = array("q")
        latest = None
        for start, end in zip([0, *restarts], [*restarts, len(times)], strict=True):
            part = times[start:end]
            shift = 0 if latest is None else latest + self._usual - min(part)
            latest = max(part) + shift if latest is None else max(latest, max(part) + shift)
            found.extend(time + shift for time in part)
        return found

    def _shifts(self, times: array, forth: float) -> dict[int, int] | None:
        """How much earlier each time is without the leaps ahead; None where there are none."""
        shifts, shift, before, leaps = {}, 0, None, False
        for time in sorted(set(times)):
            if before is not None and time - before > forth:
                shift += time - before - self._usual
                leaps = True
            shifts[time], before = shift, time
        return shifts if leaps else None


def _steps(times):
    return [after - before for before, after in zip(times, times[1:], strict=False)]
