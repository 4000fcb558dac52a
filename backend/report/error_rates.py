"""The measured errors of the model that comes with the application, read from their own file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from backend.wording import of_hundred

UNSEEN = "dev-b"  # the split whose methods and sources neither training nor calibration saw
DIGITS = 4  # of the probabilities in a report


class Line(NamedTuple):
    """How one sort of files came out.

    Attributes:
        name: such as "Real clips".
        files: how many were judged.
        right, wrong, silent: shares of them, 0 to 1; None of no file.
    """

    name: str
    files: int
    right: float | None
    wrong: float | None
    silent: float | None


@dataclass(frozen=True, slots=True)
class Rates:
    """What was measured on files of one kind whose methods and sources the model never saw.

    Attributes:
        lines: for each sort of files.
        bins: rising (lowest, highest probability, share manipulated, files) of those that scored
            alike, both labels as frequent.
    """

    lines: tuple[Line, ...]
    bins: tuple[tuple[float, float, float, int], ...] = ()

    def manipulated(self, p: float) -> float | None:
        """Of the files that scored about `p`, the share that was manipulated.

        By the rule of succession, (k + 1) / (n + 2): a hundred of a hundred are no certainty. None
        where all of them scored higher, or all lower.
        """
        if not self.bins or p < self.bins[0][0]:
            return None
        for _, high, share, files in self.bins:
            if p <= high:
                return (share * files + 1) / (files + 2)
        return None


def how_often(rates: Rates | None, p: float, real: bool) -> str:
    """How often a score like this was right, in one sentence.

    Args:
        rates: of files of the same kind; None where they are not known.
        p: probability of manipulation.
        real: whether to count the real ones.
    """
    if rates is None or not rates.bins:
        return "How often a score like this is right was not measured for this model."
    share = rates.manipulated(p)
    if share is None:
        return "No file in our tests scored like this."
    count, word = (1 - share, "real") if real else (share, "manipulated")
    return (
        f"Of 100 files that scored like this in our tests, {of_hundred(count)} were {word}; the "
        "model had seen none of their methods and sources."
    )


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured on which weights.

    Attributes:
        sha256: hex digest of those weights; "" where nothing was measured of the model in use.
        kinds: "image" and "video", as far as they were measured.
    """

    sha256: str
    kinds: dict[str, Rates]

    def of(self, sha256: str, kind: str) -> Rates | None:
        """Those of an "image" or a "video", if these are the weights they were measured on: a
        user's own have none."""
        return self.kinds.get(kind) if sha256 == self.sha256 else None


def load(path: Path, facts: dict) -> Measured:
    """Read the file that `python -m backend evaluate` wrote.

    Args:
        facts: of the model in use, see `backend.models.classifier.Classifier.facts`. Nothing is
            measured of one with other weights, another reading or another profile.
    """
    if not path.is_file():
        return Measured("", {})
    document = json.loads(path.read_text(encoding="utf-8"))
    if document["model"] != facts:
        return Measured("", {})
    lines: dict[str, list[Line]] = {}
    for row in document["people"]:
        if row["split"] == UNSEEN:
            shares = (row[name] and row[name]["value"] for name in ("right", "wrong", "silent"))
            line = Line(row["name"], row["files"] - row["unjudged"], *shares)
            lines.setdefault(row["kind"], []).append(line)
    bins = document["bins"]
    kinds = {kind: Rates(tuple(own), _bins(bins.get(kind, ()))) for kind, own in lines.items()}
    return Measured(facts["sha256"], kinds)


def _bins(rows: list[dict]) -> tuple[tuple[float, float, float, int], ...]:
    # As probabilities are told, so that the outermost files lie within their bins.
    return tuple(
        (round(row["low"], DIGITS), round(row["high"], DIGITS), row["fake"], row["files"])
        for row in rows
    )
