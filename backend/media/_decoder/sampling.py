"""Which frames to look at: those on screen at moments spread evenly over the whole clip."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

REACH = 0.25  # of a slice: how far a moment moves for a frame that costs less


def on_screen(starts: list[int], end: int, most: int) -> list[int]:
    """Choose frames by time, not by count.

    Args:
        starts: when each frame appears, strictly increasing, in any integer unit.
        end: when the last one disappears.
        most: how many to choose at most.

    Returns:
        Indices into `starts`, increasing: all where they fit, else those on screen at the centres
        of `most` equal slices; fewer where one frame is on screen at several of them.
    """
    if len(starts) <= most:
        return list(range(len(starts)))
    first = starts[0]
    centres = (first + (2 * n + 1) * (end - first) // (2 * most) for n in range(most))
    return sorted({bisect_right(starts, centre) - 1 for centre in centres})


def settle(moments: Iterable[int], decoded: Iterable[int], reach: float) -> list[int]:
    """Move each moment to a frame near it that is decoded in any case, where there is one.

    A frame that is shown after all that were decoded before it is one that others lean on: what is
    decoded after it and shown before it is told from it. Such frames lose least to compression too.

    Args:
        moments: presentation times of frames.
        decoded: those of all frames, in the order of decoding.
        reach: how far a moment may move, in the same unit.

    Returns:
        Presentation times, increasing.
    """
    pillars: list[int] = []
    for time in decoded:
        if not pillars or time > pillars[-1]:
            pillars.append(time)
    near = ((moment, nearest(pillars, moment)) for moment in moments)
    return sorted({other if abs(other - moment) <= reach else moment for moment, other in near})


def nearest(times: list[int], moment: int) -> int:
    """The one of `times`, which are sorted, that lies nearest."""
    place = bisect_left(times, moment)
    return min(times[max(0, place - 1) : place + 1], key=lambda time: abs(time - moment))
