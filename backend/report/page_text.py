"""What a report says in words: the same sentences and the same choices for the page and the PDF."""

from __future__ import annotations

from functools import cached_property

from backend.report import notices
from backend.report.bands_in_words import BandInWords, how_often, in_words
from backend.report.error_rates import Rates
from backend.report.file_facts import facts
from backend.report.next_steps import Step, next_steps
from backend.report.presence import presence
from backend.report.timeline import Moment, chart, moment
from backend.wording import ANSWERS, answer_kind, clock, to_one

NO_SIDE = [{"kind": "unsure", "low": 0.0, "high": 1.0}]  # bands of an answer that does not hold
SIDES = {"fake": "manipulated", "real": "real"}
FOUND_NOTHING = "No manipulation found"


class Reading:
    """Reads a report.

    Args:
        report: as `to_report` makes it.
        measured: errors of the model that judged; None where they are not known.
        live: whether it is of the last seconds of a camera, which has no moments to go back to.
    """

    def __init__(self, report: dict, measured: Rates | None, live: bool = False):
        self.report, self.measured = report, measured
        self.probability = report["probability_fake"]
        self.bands = report["bands"]
        self.tracks = report["tracks"]
        self.is_clip = report["media"]["type"] == "video"
        self.live = live
        self.noun = "clip" if self.is_clip and not live else "picture"

    @property
    def kind(self) -> str:
        """What it says, one of `backend.wording.ANSWERS`."""
        return answer_kind(self.report)

    @property
    def title(self) -> str:
        """The answer in a word or three. Nobody is promised that a file is authentic."""
        return FOUND_NOTHING if self.kind == "real" else ANSWERS[self.kind]

    @property
    def leaning(self) -> str | None:
        """Where an undecided answer points: "manipulated" or "real"."""
        return SIDES.get(self.report["leaning"])

    @property
    def is_part(self) -> bool:
        """Whether the clip as a whole scores real and only a part of it does not."""
        return "part_of_clip" in self.report["reasons"]

    @property
    def is_glimpsed(self) -> bool:
        """Whether nobody was judged for long enough for an answer."""
        return "too_few_looks" in self.report["reasons"]

    @property
    def is_never_real(self) -> bool:
        """Whether it scores real and files of its kind are never called so."""
        return "never_called_real" in self.report["reasons"]

    @property
    def is_unstable(self) -> bool:
        """Whether the answer changed when the picture was changed in ways that harm nobody."""
        return "unstable" in self.report["reasons"]

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
            return f"No face in this {self.noun} could be judged, so there is no score."
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
                return f"{found}; real is likelier, by {to_one(self.report['odds'])}."
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
            return f"{who} is more likely {self.leaning}, by {to_one(self.report['odds'])}."
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
            return " ".join(self.report["explanation"])
        if self.is_unstable:
            return self.report["explanation"][0]
        if self.is_part and self.live:
            return "So there is no one answer. A hand or a shadow over the face can do that."
        if self.is_part:
            return "So there is no one answer for the whole clip. Look at that part."
        if self.is_never_real:
            return "Too many fakes of this kind score like it, so the answer is never Real."
        if self.leaning == "manipulated" and self._judged > 1:
            return f"So it was in our tests with methods it had never seen. {self._highest}"
        if self.leaning:
            side = self.report["leaning"].capitalize()
            return (
                "So it was in our tests, with methods that the model had never seen. It says "
                f"{side} only where it is surer."
            )
        if self.kind == "unsure" and any(band["kind"].startswith("leans") for band in self.bands):
            return "In our tests such files were real about as often as manipulated."
        if self.kind == "unsure":
            return "The model is too often wrong here to take a side."
        often = how_often(self.bands, self.probability, self.measured)
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

    @property
    def in_bands(self) -> list[BandInWords]:
        """What each answer was worth in tests, and which of them the score leads to."""
        return in_words(self.bands, self.probability, self.measured)

    @property
    def steps(self) -> list[Step]:
        """What can be done now."""
        advice = [warning["advice"] for warning in self.report["quality"]]
        return next_steps(self.kind, self.is_clip, advice)

    def part(self, track: dict) -> str:
        """What the person on whom the verdict rests did to it, in a few words."""
        if not track["decisive"] or self.is_glimpsed:
            return ""
        return "keeps the answer open" if self.is_part else "decides the answer"

    @property
    def why(self) -> list[str]:
        """What the verdict rests on; the measured signs, which changed nothing, are told apart."""
        apart = {sign["text"] for sign in self.report["signals"]}
        noted = [text for text in self.report["anomalies"] if text not in apart]
        return [*self.report["explanation"], *noted]

    def presence(self, track: dict) -> str:
        """How much was seen of a person and how much of it could be judged, in words."""
        return presence(track, self.is_clip)

    @property
    def crowd(self) -> str | None:
        """A sentence for a file that shows more faces than are judged."""
        most = self.report["settings"]["max_faces"]
        frames = self.report["frame_analysis"]["frames"]
        found = max((len(frame["faces"]) for frame in frames), default=0)
        if found <= most:
            return None
        return f"{found} faces were found in one picture; the {most} surest of them were judged."

    @cached_property
    def moments(self) -> list[Moment]:
        """Every frame that has a picture, in order."""
        frames = self.report["frame_analysis"]["frames"]
        bands = NO_SIDE if self.is_unstable else self.bands
        return [moment(each, self.is_clip, bands) for each in frames if each["url"]]

    @property
    def many_moments(self) -> bool:
        """Whether there is a timeline to show."""
        return self.is_clip and len(self.moments) > 1

    @property
    def chart(self) -> dict:
        """The numbers of the timeline, see `backend.report.timeline.chart`."""
        return chart(self.report, self.moments)

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What was analysed with what, see `backend.report.file_facts`."""
        return facts(self.report, self.noun)

    @property
    def units(self) -> str:
        """What the units of the measured signs mean, where they are not everybody's."""
        used = {sign["unit"] for sign in self.report["signals"]}
        return " ".join(meaning for unit, meaning in notices.UNITS.items() if unit in used)

    @property
    def decisive(self) -> Moment | None:
        """The frame that the close-up was cut from; where no face was found, the first."""
        closeup = self.report["closeup"]
        index = closeup["frame"] if closeup else 0
        return next((m for m in self.moments if m.frame["index"] == index), None)

    @property
    def decisive_caption(self) -> str:
        """Whose face the close-up shows, and why it is shown."""
        closeup = self.report["closeup"]
        if not closeup:
            return "No face found" + (" in any moment" if self.many_moments else "")
        names = {track["id"]: track["name"] for track in self.tracks}
        who = names[closeup["track"]] if len(self.tracks) > 1 else "The face"
        if closeup["probability"] is None:
            return f"{who}, which could not be judged"
        if self.many_moments:
            return f"{who} at {clock(closeup['time'])}, where it scores highest"
        return f"{who} that was judged" if len(self.tracks) == 1 else f"{who}, whose face decides"
