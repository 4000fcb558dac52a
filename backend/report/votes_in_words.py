"""How the models voted, in words: the same rows for the page and the PDF."""

from __future__ import annotations

from typing import NamedTuple

from backend.report.model_errors import Errors, unseen
from backend.wording import percent, rate

KINDS = {"video": "clips", "image": "pictures"}


class VoteInWords(NamedTuple):
    """One model: its name, score, answer and share in the answer; and how often it was wrong in our
    tests: the shares of real files that it called Fake, and of fakes that it called Real."""

    name: str
    score: str
    answer: str
    counts: str
    real_called_fake: str
    fake_called_real: str


def votes_in_words(report: dict, errors: Errors) -> tuple[list[VoteInWords], str]:
    """The rows, the most reliable model first, and a sentence that says which that is.

    None of a single model: its vote is the answer.

    Args:
        report: as `to_report` makes it.
        errors: of single models.
    """
    if len(report["models"]) < 2:
        return [], ""
    kind = report["media"]["type"]
    known = {vote["name"]: unseen(errors, vote["sha256"], kind) for vote in report["models"]}

    def reliability(vote: dict) -> float:
        measured = known[vote["name"]]
        return measured.auc if measured else 0.0

    ranked = sorted(report["models"], key=reliability, reverse=True)
    rows = []
    for vote in ranked:
        own = known[vote["name"]]
        wrong = (own.real_called_fake, own.fake_called_real) if own else (None, None)
        p = vote["probability_fake"]
        score = "–" if p is None else percent(p)
        told = vote["name"], score, vote["prediction"], _counts(vote)
        rows.append(VoteInWords(*told, *map(rate, wrong)))
    return rows, _best([known[vote["name"]] for vote in ranked], rows, kind)


def _counts(vote: dict) -> str:
    return percent(vote["weight"]) if 0 < vote["weight"] < 1 else "all" if vote["weight"] else "no"


def _best(ranked: list, rows: list[VoteInWords], kind: str) -> str:
    """Who is more reliable, where that was measured of several."""
    measured = [(own, row) for own, row in zip(ranked, rows, strict=True) if own]
    if len(measured) < 2:
        return ""
    (best, row), (next_best, _) = measured[:2]
    if best.auc_low <= next_best.auc <= best.auc_high:
        return (
            f"In our tests {row.name} ranked {KINDS[kind]} best, but by no more than chance can do."
        )
    return f"In our tests {row.name} told real from manipulated {KINDS[kind]} best."
