"""The bands of the scale of probability: which answer a score leads to, and where it points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

Leaning = Literal["real", "fake"]
Kind = Literal["real", "leans-real", "unsure", "leans-fake", "fake"]

LEANS = 1.5  # odds, either way, from which an undecided score points to a side
STEP = 1e-4  # between two probabilities, which have four digits


class Band(NamedTuple):
    """Probabilities that lead to the same answer.

    Attributes:
        kind: that answer, one of those of `backend.wording.ANSWERS`.
        low, high: the lowest probability in it, and the lowest of the next: 1 for the last.
    """

    kind: Kind
    low: float
    high: float


def leans(
    probability: float, odds: Sequence[tuple[float, float]]
) -> tuple[Leaning | None, float | None]:
    """Where a score points, and the odds of that side to 1; (None, None) where they are about even.

    Args:
        probability: calibrated, 0 to 1.
        odds: see `ModelCard.odds`.
    """
    fake = next((each for edge, each in reversed(odds) if probability >= edge), 1.0)
    if max(fake, 1 / fake) < LEANS:
        return None, None
    return ("fake", fake) if fake > 1 else ("real", 1 / fake)


def bands(real: float | None, fake: float, odds: Sequence[tuple[float, float]]) -> tuple[Band, ...]:
    """All bands from 0 to 1, rising; neighbours differ in kind.

    Args:
        real, fake: the thresholds, see `ModelCard`.
        odds: see `ModelCard.odds`.
    """
    begin = 0.0 if real is None else round(real + STEP, 4)
    edges = sorted({each for each in (begin, *dict(odds)) if begin <= each < fake})
    found = [] if real is None else [("real", 0.0)]
    for edge in edges:
        side = leans(edge, odds)[0]
        kind = f"leans-{side}" if side else "unsure"
        if not found or found[-1][0] != kind:
            found.append((kind, edge))
    found.append(("fake", fake))
    ends = [low for _, low in found[1:]] + [1.0]
    return tuple(Band(kind, low, high) for (kind, low), high in zip(found, ends, strict=True))
