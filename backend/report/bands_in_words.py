"""The bands of the scale in words: where each lies, and how often it was wrong in tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from backend.report.error_rates import Rates
from backend.wording import ANSWERS, band_of, exact, of_hundred

UNMEASURED = "How often such an answer is right was not measured for this model."
UNSEEN = "No file in our tests scored like this."


class BandInWords(NamedTuple):
    """One band.

    Attributes:
        kind, name: what it says, and what that is called.
        scores: from where to where it goes.
        errors: how many of a hundred test files in it were of the other kind.
        here: whether the score lies in it.
    """

    kind: str
    name: str
    scores: str
    errors: str
    here: bool


def in_words(bands: Sequence[dict], p: float, rates: Rates | None) -> list[BandInWords]:
    """All bands from Real to Fake.

    Args:
        bands: of a report.
        p: probability of manipulation.
        rates: of files of the same kind; None where they are not known.
    """
    here = band_of(p, bands)
    return [
        BandInWords(
            band["kind"],
            ANSWERS[band["kind"]],
            f"{exact(band['low'])} to {exact(band['high'])}",
            _errors(band, rates),
            band is here,
        )
        for band in bands
    ]


def how_often(bands: Sequence[dict], p: float, rates: Rates | None) -> str:
    """How often the answer Real or Fake of such a score was right, in one sentence; see
    `in_words`."""
    if rates is None or not rates.bins:
        return UNMEASURED
    band = band_of(p, bands)
    share = rates.manipulated(band["low"], band["high"])
    if share is None:
        return UNSEEN
    if band["kind"] == "real":
        count = f"{of_hundred(*share)} were manipulated all the same"
    else:
        count = f"{of_hundred(*share)} were manipulated"
    return f"Of 100 files with this answer in our tests, {count}."


def _errors(band: dict, rates: Rates | None) -> str:
    share = rates and rates.manipulated(band["low"], band["high"])
    if not share:
        return "not measured"
    if band["kind"].endswith("fake"):
        return f"{of_hundred(1 - share[1], 1 - share[0])} were real"
    return f"{of_hundred(*share)} were manipulated"
