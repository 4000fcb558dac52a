"""What the faces alone, or the voice alone, say in words: what is the same for both."""

from __future__ import annotations

from collections.abc import Sequence

from backend.report.bands_in_words import BandInWords, in_words
from backend.report.error_rates import Rates
from backend.wording import ANSWERS, side_kind

FOUND_NOTHING = "No manipulation found"


class SideText:
    """One side of a file, in words.

    Args:
        answer: a `schema_sound.Side` as JSON.
        bands: what each of its probabilities leads to.
        rates: how often such answers were right; None where that is not known.
    """

    name: str  # what it is called: "face" or "voice"

    def __init__(self, answer: dict, bands: Sequence[dict], rates: Rates | None):
        self.answer, self.bands, self.rates = answer, bands, rates
        self.probability = answer["probability_fake"]
        self.kind = side_kind(answer)

    @property
    def title(self) -> str:
        """The answer in a word or three. Nobody is promised that a file is authentic."""
        return FOUND_NOTHING if self.kind == "real" else ANSWERS[self.kind]

    @property
    def in_short(self) -> str:
        """The answer in the middle of a sentence."""
        title = "not judged" if self.kind == "none" else self.title
        return title if self.kind == "fake" else title.lower()

    @property
    def headline(self) -> str:
        """The answer in one sentence."""
        raise NotImplementedError

    @property
    def doubt(self) -> str:
        """How sure that is, in a sentence or two."""
        raise NotImplementedError

    @property
    def in_bands(self) -> list[BandInWords]:
        """What each answer was worth in tests, and which of them the score leads to."""
        return in_words(self.bands, self.probability, self.rates)

    def says(self, reason: str) -> bool:
        """Whether a reason code is among those of the answer."""
        return reason in self.answer["reasons"]
