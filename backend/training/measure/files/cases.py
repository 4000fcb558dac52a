"""What the measurement `files` holds against an answer: a made file, and which answer is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

KINDS = {
    "backdrop": "a blurred enlargement behind the clip",
    "turned": "faces that lie or stand upside down",
    "names": "names and formats",
    "megapixels": "photos of 50 megapixels and more",
    "folders": "folders on the command line",
    "metadata": "broken ends and metadata",
    "hdr": "HDR clips beside their SDR originals",
    "reasons": "what is refused, and why",
    "crowds": "more than 20 faces",
    "clocks": "clocks that jump",
    "codecs": "what editors, face-swap tools and OpenCV write",
    "small": "small ones: ends of clips, few frames, requests",
}

Rule = Callable[[dict, dict | None], bool]
"""Whether a row of the command `predict` is right, beside the row of its control, if it has one."""


@dataclass(frozen=True, slots=True)
class Case:
    """A file that was made.

    Attributes:
        kind: of `KINDS`.
        path: where it lies.
        right: judges its row; None for a control, which is not counted.
        control: the same content as everybody reads it.
    """

    kind: str
    path: Path
    right: Rule | None = None
    control: Path | None = None

    @property
    def name(self) -> str:
        """What it is called in the page and in JSON."""
        return f"{self.kind}/{self.path.name}"


def judged(people: int = 1) -> Rule:
    """It gets a score, and holds so many people who were judged."""
    return lambda row, _: people_in(row) == people and bool(row["judged"])


def like(within: float = 0.05) -> Rule:
    """It has the people of the control and scores like it, and is not called otherwise."""

    def right(row: dict, control: dict | None) -> bool:
        if not (row["judged"] and control and control["judged"]):
            return False
        apart = abs(row["probability_fake"] - control["probability_fake"])
        sides = {row["prediction"], control["prediction"]}
        same = people_in(row) == people_in(control)
        return same and apart <= within and sides != {"Real", "Fake"}

    return right


def not_fake(within: float = 0.1) -> Rule:
    """A real clip: as `like`, and never called Fake."""
    return lambda row, control: row["prediction"] != "Fake" and like(within)(row, control)


def refused(*words: str, code: str | None = None) -> Rule:
    """It is refused, and the sentence holds each word; without a code, never as damaged."""

    def right(row: dict, _: dict | None) -> bool:
        error = row.get("error")
        if error is None or error["code"] != (code or error["code"]):
            return False
        blamed = code is None and error["code"] == "cannot_decode" and "damaged" in error["message"]
        return not blamed and all(word in error["message"] for word in words)

    return right


def unjudged(*reasons: str) -> Rule:
    """It is read, no face could be judged, and these are the reasons."""
    return lambda row, _: row["status"] == "success" and set(row["reasons"]) == set(reasons)


def either(*rules: Rule) -> Rule:
    """One of them holds."""
    return lambda row, control: any(rule(row, control) for rule in rules)


def people_in(row: dict) -> int:
    """How many people of a row were judged; 0 for an error."""
    return sum(track["judged"] > 0 for track in row.get("tracks") or ())
