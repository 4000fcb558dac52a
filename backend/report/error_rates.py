"""The measured errors of the model that comes with the application, read from their own file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backend.wording import of_hundred

# What the sets of docs/measurements/evaluate.json hold, for people who do not know their names.
SETS = {
    "image": {
        "val stills": "Pictures of the kinds it was trained on",
        "dev stills": "Cameras and generators it was not trained on",
    },
    "video": {
        "val dfdc": "Frames of clips like those it was trained on",
        "dev deepfaketimit": "A camera and a method it was not trained on",
    },
}


DIGITS = 4  # of the probabilities in a report


@dataclass(frozen=True, slots=True)
class Row:
    """One set of faces: how many, and the shares (0 to 1, or None) that went wrong or undecided.

    Attributes:
        bins: rising (lowest, highest probability, share manipulated, faces) of those that scored
            alike.
    """

    faces: str
    real: int
    fake: int
    real_called_fake: float | None
    fake_called_real: float | None
    undecided: float | None
    bins: tuple[tuple[float, float, float, int], ...] = ()

    def manipulated(self, p: float) -> float | None:
        """Of the faces that scored about `p`, the share that was manipulated.

        By the rule of succession, (k + 1) / (n + 2): a hundred of a hundred are no certainty. None
        where all of them scored higher, or all lower.
        """
        if not self.bins or p < self.bins[0][0]:
            return None
        for _, high, share, faces in self.bins:
            if p <= high:
                return (share * faces + 1) / (faces + 2)
        return None


ABROAD = {
    "image": "with cameras and methods it was not trained on",
    "video": "with the one other camera and method that was tested",
}


def how_often(rows: Sequence[Row], p: float, real: bool, kind: str = "image") -> str:
    """How often a score like this was right, in one sentence.

    Args:
        rows: of faces like those it was trained on, then of others.
        p: probability of manipulation.
        real: whether to count the real ones.
        kind: "image" or "video".
    """
    shares = [row.manipulated(p) for row in rows if row.bins]
    if len(shares) < 2:
        return "How often a score like this is right was not measured for this model."
    word = "real" if real else "manipulated"
    known, others = (s if s is None else of_hundred(1 - s if real else s) for s in shares)
    abroad = ABROAD[kind]
    if known is None and others is None:
        return "No face in our tests scored like this."
    if known is None:
        return f"Of 100 faces in our tests {abroad} that scored like this, {others} were {word}."
    return (
        f"Of 100 faces in our tests that scored like this, {known} were {word}; {abroad}, "
        f"{others or 'none scored like this'}."
    )


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured on which weights.

    Attributes:
        sha256: hex digest of those weights.
        rows: kind of file -> one for each set of `SETS` that was measured.
    """

    sha256: str
    rows: dict[str, tuple[Row, ...]]

    def of(self, sha256: str, kind: str) -> tuple[Row, ...]:
        """The rows of an "image" or a "video", if these are the weights they were measured on: a
        user's own have none."""
        return self.rows.get(kind, ()) if sha256 == self.sha256 else ()


def load(path: Path, facts: dict) -> Measured:
    """Read the file that `python -m backend evaluate` wrote.

    Args:
        facts: of the model in use, see `backend.models.classifier.Classifier.facts`. Nothing is
            measured of one with other weights, another reading or another profile.
    """
    if not path.is_file():
        return Measured("", {})
    document = json.loads(path.read_text(encoding="utf-8"))
    if facts != document["model"]:
        return Measured("", {})
    found = {each["name"]: each for each in document["sets"]}
    rows = {
        kind: tuple(
            _row(document, kind, found[name], title)
            for name, title in names.items()
            if name in found
        )
        for kind, names in SETS.items()
    }
    return Measured(document["model"]["sha256"], rows)


def _row(document: dict, kind: str, found: dict, title: str) -> Row:
    shares = ("real_called_fake", "fake_called_real", "inconclusive")
    values = [found[name] and found[name]["value"] for name in shares]
    left_out = [
        (row["real_called_fake"]["value"], row["faces"])
        for row in document.get("strangers", ())
        if (row["split"], row["kind"], row["condition"]) == ("dev", kind, "as it is")
        and found["name"].startswith("dev ")
    ]
    if left_out:  # these cameras had a part in the thresholds: the honest rate is without it
        values[0] = sum(rate * faces for rate, faces in left_out) / sum(n for _, n in left_out)
    bins = [row for row in document.get("reliability", ()) if row["set"] == found["name"]]
    return Row(
        title,
        found["real"],
        found["fake"],
        *values,
        # As probabilities are told, so that the outermost faces lie within their bins.
        tuple(
            (round(row["low"], DIGITS), round(row["high"], DIGITS), row["happened"], row["faces"])
            for row in bins
        ),
    )
