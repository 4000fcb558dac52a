"""Whether an answer holds when the picture is changed in ways that harm nobody; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from backend.records.results import Reason, Verdict
from backend.wording import percent


def held(verdict: Verdict, after: Mapping[str, Verdict]) -> Verdict:
    """A verdict Fake or Real, or that no side is taken where it does not hold.

    Args:
        verdict: on the picture as it is.
        after: the verdicts after each change, by what was changed, in words.
    """
    others = {change: other for change, other in after.items()
              if other.prediction != verdict.prediction}  # fmt: skip
    if not others:
        return verdict
    before = verdict.probability_fake
    change = max(others, key=lambda each: abs(others[each].probability_fake - before))
    then = percent(others[change].probability_fake)
    text = (
        f"As it is, the picture scores {percent(before)}; {change}, it scores {then}. Such a "
        f"change should not matter, so it is not called {verdict.prediction}."
    )
    reasons = (Reason("unstable", text), *verdict.reasons[1:])
    return replace(verdict, prediction="Inconclusive", confidence=None, reasons=reasons)
