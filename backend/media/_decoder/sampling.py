"""Which frames to look at: those on screen at moments spread evenly over the whole clip."""

from bisect import bisect_right


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
