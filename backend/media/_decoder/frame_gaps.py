"""Finds where a clip lacks frames, from the times of its frames alone."""

USUAL = 0.95  # of the intervals are at most the usual one, so that an uneven frame rate is no gap
LEAST = 10  # frames below which there is no rhythm


def longest_gap(times, time_base) -> tuple[float, float] | None:
    """The longest interval between two frames that follow each other.

    Args:
        times: presentation times in time_base units, sorted.

    Returns:
        (how many usual intervals it lasts, seconds from the first frame to where it begins);
        None for too few frames.
    """
    if len(times) < LEAST:
        return None
    intervals = [after - before for before, after in zip(times, times[1:], strict=False)]
    usual = max(1, sorted(intervals)[int(USUAL * len(intervals))])
    place = max(range(len(intervals)), key=intervals.__getitem__)
    return intervals[place] / usual, float((times[place] - times[0]) * time_base)
