"""What the faces of a file say in words, see `backend.report.side_text`."""

from __future__ import annotations

from collections.abc import Sequence

from backend.report.bands_in_words import how_often
from backend.report.error_rates import Rates
from backend.report.side_text import FOUND_NOTHING, SideText
from backend.wording import to_one

SIDES = {"fake": "manipulated", "real": "real"}


class FacesText(SideText):
    """The faces.

    Args:
        answer, bands, rates: see `SideText`.
        tracks: the people of a report, as JSON.
        is_clip: whether they were seen in many moments.
        live: whether they are of the last seconds of a camera, which has no moments to go back to.
    """

    name = "face"

    def __init__(
        self,
        answer: dict,
        bands: Sequence[dict],
        rates: Rates | None,
        tracks: Sequence[dict],
        *,
        is_clip: bool,
        live: bool = False,
    ):
        super().__init__(answer, bands, rates)
        self.tracks, self.is_clip, self.live = tracks, is_clip, live

    @property
    def leaning(self) -> str | None:
        """Where an undecided answer points: "manipulated" or "real"."""
        return SIDES.get(self.answer["leaning"])

    @property
    def is_part(self) -> bool:
        """Whether the clip as a whole scores real and only a part of it does not."""
        return self.says("part_of_clip")

    @property
    def is_glimpsed(self) -> bool:
        """Whether nobody was judged for long enough for an answer."""
        return self.says("too_few_looks")

    @property
    def is_never_real(self) -> bool:
        """Whether it scores real and files of its kind are never called so."""
        return self.says("never_called_real")

    @property
    def is_unstable(self) -> bool:
        """Whether the answer changed when the picture was changed in ways that harm nobody."""
        return self.says("unstable")

    @property
    def decider(self) -> dict | None:
        """The track the verdict rests on."""
        return next((track for track in self.tracks if track["decisive"]), None)

    @property
    def headline(self) -> str:
        """The verdict in one sentence; where there are several people it names the decisive one."""
        p, several = self.probability, len(self.tracks) > 1
        who = self.decider["name"] if several and self.decider else "The face"
        if self.kind == "none":
            noun = "clip" if self.is_clip and not self.live else "picture"
            return f"No face in this {noun} could be judged, so there is no score."
        if self.kind == "fake":
            sure = "very likely" if p >= 0.9 else "probably"
            # Whether a clip was generated as a whole is not judged.
            what = "manipulated" if self.is_clip else "manipulated or generated"
            return f"{who} was {sure} {what}."
        if self.kind == "real":
            return f"{self._everybody} to the model."
        if self.is_never_real:
            found = f"{FOUND_NOTHING} in the faces"
            if self.leaning:
                return f"{found}; real is likelier, by {to_one(self.answer['odds'])}."
            return f"{found}."
        if self.is_glimpsed:
            return "Nobody could be judged for long enough to give an answer."
        if self.is_unstable:
            return "The answer does not hold: it changes with how the picture is stored."
        if self.is_part and self.live:
            return "The last seconds look real, but some pictures in a row look manipulated."
        if self.is_part:
            return "The clip as a whole looks real, but one part of it looks manipulated."
        if self.leaning:
            return f"{who} is more likely {self.leaning}, by {to_one(self.answer['odds'])}."
        return f"{who} is too close to call. The signs do not point clearly either way."

    @property
    def _everybody(self) -> str:
        real = sum(track["prediction"] == "Real" for track in self.tracks)
        if real == len(self.tracks):
            return f"All {real} people look real" if real > 1 else "The face looks real"
        most = f"The {real} people" if real > 1 else "The one person"
        # Who could be judged and does not look real was seen too briefly to count.
        unjudged = sum(track["probability_fake"] is None for track in self.tracks)
        whole = real + unjudged == len(self.tracks)
        why = "could be judged" if whole else "could be seen long enough"
        return f"{most} who {why} {'look' if real > 1 else 'looks'} real"

    @property
    def doubt(self) -> str:
        """How sure that is, in one sentence: how often it was so in our tests."""
        if self.kind == "none" or self.is_glimpsed:
            return " ".join(self.answer["explanation"])
        if self.is_unstable:
            return self.answer["explanation"][0]
        if self.is_part and self.live:
            return "So there is no one answer. A hand or a shadow over the face can do that."
        if self.is_part:
            return "So there is no one answer for the whole clip. Look at that part."
        if self.is_never_real:
            return "Too many fakes of this kind score like it, so the answer is never Real."
        if self.leaning == "manipulated" and self._judged > 1:
            return f"So it was in our tests with methods it had never seen. {self._highest}"
        if self.leaning:
            side = self.answer["leaning"].capitalize()
            return (
                "So it was in our tests, with methods that the model had never seen. It says "
                f"{side} only where it is surer."
            )
        if self.kind == "unsure" and any(band["kind"].startswith("leans") for band in self.bands):
            return "In our tests such files were real about as often as manipulated."
        if self.kind == "unsure":
            return "The model is too often wrong here to take a side."
        often = how_often(self.bands, self.probability, self.rates)
        return often if self._judged < 2 or self.kind == "real" else f"{often} {self._highest}"

    @property
    def _judged(self) -> int:
        return sum(track["probability_fake"] is not None for track in self.tracks)

    @property
    def _highest(self) -> str:
        """What the highest of several scores is worth."""
        return (
            f"The highest of {self._judged} people decides: among many real faces one can score "
            "like this."
        )
