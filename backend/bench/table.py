"""Turns measured times into Markdown: minimum, median, maximum, and ratios to the first row."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

HEAD = ("minimum", "median", "maximum")


def spread(values: Sequence[float], digits: int = 1) -> list[str]:
    """Minimum, median and maximum as text."""
    return [f"{value:.{digits}f}" for value in (min(values), median(values), max(values))]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of the values do not pass: the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def markdown(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
