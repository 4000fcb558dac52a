"""The measured errors of the models that come with the application, read from their own files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import NamedTuple

UNSEEN = "dev-b"  # the split whose methods and sources neither training nor calibration saw
DIGITS, STEP = 4, 1e-4  # of the probabilities in a report
FEW = 10  # files that say nothing of a share
Z = 1.96  # standard deviations of a 95 % interval


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

    def manipulated(self, low: float, high: float) -> tuple[float, float] | None:
        """Of the test files that scored from `low` to `high`, the share that was manipulated.

        Returns:
            The ends of its 95 % interval (Wilson, 1927), 0 to 1; None of fewer files than `FEW`.
        """
        files = found = 0.0
        for begin, end, share, count in self.bins:
            # Scores are taken to lie evenly within their bin.
            width = max(end - begin, STEP)
            inside = count * max(0.0, min(high, begin + width) - max(low, begin)) / width
            files, found = files + inside, found + inside * share
        if files < FEW:
            return None
        value, size = found / files, 1 + Z * Z / files
        middle = (value + Z * Z / (2 * files)) / size
        reach = Z / size * sqrt(value * (1 - value) / files + (Z / (2 * files)) ** 2)
        return max(0.0, middle - reach), min(1.0, middle + reach)


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured on which weights.

    Attributes:
        rates: hex digest of the weights, and "image", "video" or "audio" -> what was measured.
    """

    rates: dict[tuple[str, str], Rates]

    def of(self, sha256: str, kind: str) -> Rates | None:
        """Those of a kind of files, if these are the weights they were measured on: a user's own
        have none."""
        return self.rates.get((sha256, kind))

    def __or__(self, other: Measured) -> Measured:
        """Those of other weights as well."""
        return Measured(self.rates | other.rates)


def load(path: Path, facts: dict) -> Measured:
    """Read a file that `python -m backend evaluate` or `measure voices` wrote.

    Args:
        facts: of the model in use, see `backend.models.classifier.Classifier.facts`, or those of
            `backend.audio.classifier.VoiceClassifier`. Nothing is
            measured of one with other weights, another reading or another profile.
    """
    if not path.is_file():
        return Measured({})
    document = json.loads(path.read_text(encoding="utf-8"))
    if document["model"] != facts:
        return Measured({})
    lines: dict[str, list[Line]] = {}
    for row in document["people"]:
        if row["split"] == UNSEEN:
            shares = (row[name] and row[name]["value"] for name in ("right", "wrong", "silent"))
            line = Line(row["name"], row["files"] - row["unjudged"], *shares)
            lines.setdefault(row["kind"], []).append(line)
    bins = document["bins"]
    return Measured(
        {
            (facts["sha256"], kind): Rates(tuple(own), _bins(bins.get(kind, ())))
            for kind, own in lines.items()
        }
    )


def _bins(rows: list[dict]) -> tuple[tuple[float, float, float, int], ...]:
    # As probabilities are told, so that the outermost files lie within their bins.
    return tuple(
        (round(row["low"], DIGITS), round(row["high"], DIGITS), row["fake"], row["files"])
        for row in rows
    )
