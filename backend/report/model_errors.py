"""The measured errors of single models, read from `docs/measurements/models.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from backend.report.error_rates import UNSEEN


class ModelErrors(NamedTuple):
    """What was measured of one model by itself on whole files of one kind of one split.

    Attributes:
        split, kind: "val", "dev-a" or "dev-b"; "image" or "video".
        real, fake: how many files of each label were judged.
        auc, auc_low, auc_high: area under the curve with its 95 % interval.
        real_called_fake, fake_called_real: shares of these files, 0 to 1.
        answered: share of the files on which a side is taken.
        milliseconds: median of its wall time for a file.
    """

    split: str
    kind: str
    real: int
    fake: int
    auc: float
    auc_low: float
    auc_high: float
    real_called_fake: float
    fake_called_real: float
    answered: float
    milliseconds: float


Errors = dict[str, tuple[ModelErrors, ...]]
"""Hex digest of a model's weights -> what was measured of it."""


def load(path: Path, members: Mapping[str, dict]) -> Errors:
    """Read the file that `python -m backend measure models` wrote.

    Args:
        members: digest -> the facts that the member's answers rest on. Nothing is told of one that
            is read otherwise than when it was measured.
    """
    if not path.is_file():
        return {}
    found: Errors = {}
    for each in json.loads(path.read_text(encoding="utf-8"))["models"]:
        digest = each["facts"]["sha256"]
        if members.get(digest) == each["facts"]:
            found[digest] = tuple(ModelErrors(**row) for row in each["measured"])
    return found


def unseen(errors: Errors, sha256: str, kind: str) -> ModelErrors | None:
    """What was measured of a model on methods and sources that it never saw; None without it."""
    rows = (row for row in errors.get(sha256, ()) if (row.split, row.kind) == (UNSEEN, kind))
    return next(rows, None)
