"""What the voice of a file says in words, see `backend.report.side_text`."""

from __future__ import annotations

from backend.report.bands_in_words import how_often
from backend.report.error_rates import Rates
from backend.report.side_text import FOUND_NOTHING, SideText
from backend.wording import lasting, to_one

SIDES = {"fake": "synthetic", "real": "real"}


class VoiceText(SideText):
    """The voice.

    Args:
        audio: `audio` of a report.
        rates: see `SideText`.
    """

    name = "voice"

    def __init__(self, audio: dict, rates: Rates | None):
        super().__init__(audio, audio["bands"], rates)

    @property
    def headline(self) -> str:
        """The verdict in one sentence."""
        if self.kind == "none":
            return "No voice could be judged here, so there is no score."
        if self.kind == "fake":
            sure = "very likely" if self.probability >= 0.9 else "probably"
            return f"The voice is {sure} synthetic or changed by a machine."
        if self.kind == "real":
            return "The voice sounds real to the model."
        if self.says("never_called_real"):
            return f"{FOUND_NOTHING} in the voice."
        if self.answer["leaning"]:
            side = SIDES[self.answer["leaning"]]
            return f"The voice is more likely {side}, by {to_one(self.answer['odds'])}."
        return "The voice is too close to call. The signs do not point clearly either way."

    @property
    def doubt(self) -> str:
        """How sure that is: how often it was so in our tests."""
        if self.kind == "none":
            return " ".join(self.answer["explanation"])
        if self.says("never_called_real"):
            return "Too many synthetic voices score like it, so the answer is never Real."
        if self.answer["leaning"]:
            return (
                "So it was in our tests, with ways of making voices that the model had never heard."
            )
        if self.kind == "unsure":
            return "The model is too often wrong here to take a side."
        return how_often(self.bands, self.probability, self.rates)

    @property
    def heard(self) -> str:
        """How much of the sound was judged; empty where it could not be read."""
        audio = self.answer
        if not audio["duration"]:
            return ""
        length, speech = (lasting(round(audio[each], 1)) for each in ("duration", "speech_seconds"))
        if not audio["speech"]:
            return f"The sound lasts {length}."
        return f"The sound lasts {length}; somebody speaks for {speech}. Only speech is judged."

    @property
    def segments(self) -> list[dict]:
        """The parts that the answer rests on, each with its sentence."""
        return self.answer["segments"]

    @property
    def lines(self) -> list[list[tuple[float, float]]]:
        """The windows as lines over time: (middle, s; probability), broken where nobody speaks."""
        found: list[list[tuple[float, float]]] = []
        last = None
        for window in self.answer["windows"]:
            if last is None or window["start"] > last["end"]:
                found.append([])
            middle = (window["start"] + window["end"]) / 2
            found[-1].append((middle, window["probability"]))
            last = window
        return found
