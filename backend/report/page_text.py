"""What a report says in words: the same sentences and the same choices for the page and the PDF."""

from __future__ import annotations

from functools import cached_property

from backend.report import notices
from backend.report.error_rates import Measured
from backend.report.faces_text import FacesText
from backend.report.file_facts import facts
from backend.report.next_steps import Step, next_steps
from backend.report.presence import presence
from backend.report.side_text import FOUND_NOTHING, SideText
from backend.report.timeline import Moment, chart, moment
from backend.report.voice_text import VoiceText
from backend.wording import ANSWERS, answer_kind, clock

NO_SIDE = [{"kind": "unsure", "low": 0.0, "high": 1.0}]  # bands of an answer that does not hold
NOUNS = {"image": "picture", "video": "clip", "audio": "recording"}


class Reading:
    """Reads a report.

    Args:
        report: as `to_report` makes it.
        measured: errors of the models that judged, as far as they are known.

    Attributes:
        face: what the faces say; None for a sound file.
        voice: what the voice says; None where there is no sound.
    """

    def __init__(self, report: dict, measured: Measured):
        self.report = report
        self.tracks = report["tracks"]
        kind = report["media"]["type"]
        self.is_clip, self.noun = kind == "video", NOUNS[kind]
        self.face = self.voice = None
        if answer := report["face"]:
            rates = measured.of(report["model"]["sha256"], kind)
            self.face = FacesText(answer, report["bands"], rates, self.tracks, is_clip=self.is_clip)
        if audio := report["audio"]:
            rates = audio["model"] and measured.of(audio["model"]["sha256"], "audio")
            self.voice = VoiceText(audio, rates)

    @property
    def kind(self) -> str:
        """What it says, one of `backend.wording.ANSWERS`."""
        return answer_kind(self.report)

    @property
    def title(self) -> str:
        """The answer in a word or three. Nobody is promised that a file is authentic."""
        return FOUND_NOTHING if self.kind == "real" else ANSWERS[self.kind]

    @cached_property
    def sides(self) -> list[SideText]:
        """Faces and voice, as far as there are any; the one that the answer rests on first."""
        found = [side for side in (self.face, self.voice) if side]
        surest = list(ANSWERS)  # of manipulation
        return sorted(
            found,
            key=lambda side: (
                side.kind == "none",
                side.kind != self.kind,
                surest.index(side.kind),
                -(side.probability or 0),
            ),
        )

    @property
    def deciding(self) -> SideText:
        """The side that the answer rests on."""
        return self.sides[0]

    @property
    def headline(self) -> str:
        """The answer in one sentence, of both sides where they say the same."""
        judged = [side for side in self.sides if side.kind != "none"]
        if len(judged) > 1 and all(side.kind == "real" for side in judged):
            return " ".join(side.headline for side in judged)
        if len(judged) > 1 and all(side.kind == "unsure" for side in judged):
            return "Face and voice are both too close to call."
        return self.deciding.headline

    @property
    def doubt(self) -> str:
        """How sure that is."""
        return self.deciding.doubt

    @property
    def apart(self) -> list[tuple[str, str, str]]:
        """What each side says: kind, words, and its name; empty where there is only one."""
        if len(self.sides) < 2:
            return []
        return [(side.kind, f"The {side.name}: {side.in_short}", side.name) for side in self.sides]

    @property
    def probability(self) -> float | None:
        """Of manipulation, of the side that the answer rests on; None where nothing was judged."""
        return self.deciding.probability

    @property
    def steps(self) -> list[Step]:
        """What can be done now."""
        advice = [warning["advice"] for warning in self.report["quality"]]
        heard = self.voice is not None and self.voice.kind != "none"
        return next_steps(self.kind, self.report["media"]["type"], heard, advice)

    def part(self, track: dict) -> str:
        """What the person on whom the faces' verdict rests did to it, in a few words."""
        if not track["decisive"] or self.face.is_glimpsed:
            return ""
        if self.face.is_part:
            return "keeps the answer open"
        return "decides the answer" if self.deciding is self.face else "decides for the faces"

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
        bands = NO_SIDE if self.face and self.face.is_unstable else self.report["bands"]
        return [moment(each, self.is_clip, bands) for each in frames if each["url"]]

    @property
    def many_moments(self) -> bool:
        """Whether there is a timeline of faces to show."""
        return self.is_clip and len(self.moments) > 1

    @property
    def lasts(self) -> float:
        """Where the time axis of all drawings ends, s."""
        times = [each.frame["time"] for each in self.moments]
        sound = self.voice.answer["duration"] if self.voice else 0
        return max(self.report["media"]["duration"] or 0, sound, *times, 0.1)

    @property
    def chart(self) -> dict:
        """The numbers of the timeline, see `backend.report.timeline.chart`."""
        return chart(self.report, self.moments, self.lasts)

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
