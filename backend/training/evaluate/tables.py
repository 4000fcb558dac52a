"""What the answers of the product are worth: by kind of file, family, method and source."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from backend.training.data.index import Row
from backend.training.evaluate.files import Answer
from backend.training.evaluate.metrics import RESAMPLES, Scored, measure, share

# The five lines that people ask for: (name, kind of file, families; none: real files).
PEOPLE: list[tuple[str, str, tuple[str, ...]]] = [
    ("Real clips", "video", ()),
    ("Manipulated clips", "video", ("swap", "lip-sync", "reenactment", "talking-head", "edit")),
    ("Real pictures", "image", ()),
    ("Generated pictures", "image", ("gan", "text-to-image")),
    ("Edited pictures", "image", ("swap", "edit")),
]
BINS = 10  # of the table that says how often a score was right


def evaluate(answers: Sequence[Answer], resamples: int = RESAMPLES) -> dict:
    """Measure the answers of some splits, ready for JSON.

    Returns:
        people: rows {split, kind, name, files, right, wrong, silent, unjudged, leaning_right}.
        sets: rows {split, kind, family, real, fake, groups, auc, tpr_at_1_fpr, ...}: the fakes of a
            family against all real files of the same kind and split; "all" takes all families.
        methods, sources: rows {split, kind, name, files, called_fake, called_real, undecided}.
        bins: kind -> rows {low, high, fake, files} of the last split: of the files whose
            probability lies there the share of fakes, both labels as frequent.
        refused: rows {split, problem, files}.
    """
    document: dict = {"people": [], "sets": [], "methods": [], "sources": [], "refused": []}
    splits = list(dict.fromkeys(answer.row.split for answer in answers))
    for split in splits:
        own = [answer for answer in answers if answer.row.split == split]
        judged = [answer for answer in own if not answer.problem]
        document["people"] += [
            {"split": split, "kind": kind, "name": name, **_rates(chosen)}
            for name, kind, families in PEOPLE
            if (chosen := [a for a in own if a.row.kind == kind and _among(a.row, families)])
        ]
        for kind in ("video", "image"):
            of_kind = [answer for answer in judged if answer.row.kind == kind]
            document["sets"] += _sets(of_kind, split, kind, resamples)
            for name, fake in (("methods", True), ("sources", False)):
                document[name] += _each(of_kind, split, kind, fake)
        problems: dict[str, int] = defaultdict(int)
        for answer in own:
            if answer.problem:
                problems[answer.problem] += 1
        document["refused"] += [
            {"split": split, "problem": problem, "files": files}
            for problem, files in sorted(problems.items())
        ]
    last = [a for a in answers if not a.problem and a.row.split == splits[-1]] if splits else []
    document["bins"] = {
        kind: _bins_of([answer for answer in last if answer.row.kind == kind])
        for kind in ("video", "image")
    }
    return document


def _among(row: Row, families: tuple[str, ...]) -> bool:
    return row.family in families if families else not row.fake


def _rates(chosen: Sequence[Answer]) -> dict:
    """How a line of people's table comes out; shares are of the files that could be judged."""
    judged = [answer for answer in chosen if not answer.problem]
    groups = [answer.row.group for answer in judged]
    said = np.array([answer.verdict.prediction for answer in judged])
    fake = np.array([answer.row.fake for answer in judged], bool)
    right = said == np.where(fake, "Fake", "Real")
    silent = said == "Inconclusive"
    leaning = np.array([answer.verdict.leaning or "" for answer in judged])
    points = silent & (leaning != "")
    shares = {"right": right, "wrong": ~right & ~silent, "silent": silent}
    return {
        "files": len(chosen),
        "unjudged": len(chosen) - len(judged),
        **{name: _share(hits, groups) for name, hits in shares.items()},
        "leaning_right": _share(
            (leaning == np.where(fake, "fake", "real"))[points],
            [group for group, each in zip(groups, points, strict=True) if each],
        ),
    }


def _share(hits: np.ndarray, groups: Sequence[str]) -> dict | None:
    found = share(hits, groups)
    return None if found is None else asdict(found)


def _sets(answers: Sequence[Answer], split: str, kind: str, resamples: int) -> list[dict]:
    real = [answer for answer in answers if not answer.row.fake]
    families = sorted({answer.row.family for answer in answers if answer.row.fake})
    rows = []
    for family in [*families, "all"]:
        fake = [a for a in answers if a.row.fake and family in (a.row.family, "all")]
        if not fake or not real:
            continue
        logits = np.array([answer.logit for answer in (*real, *fake)])
        scored = Scored(
            np.array([answer.row.fake for answer in (*real, *fake)]),
            logits,
            1 / (1 + np.exp(-logits)),
            [answer.row.group for answer in (*real, *fake)],
        )
        rows.append(
            {
                "split": split,
                "kind": kind,
                "family": family,
                "real": len(real),
                "fake": len(fake),
                "groups": len(set(scored.groups)),
                **{name: asdict(value) for name, value in measure(scored, resamples).items()},
                **_said(fake),
            }
        )
    return rows


def _said(answers: Sequence[Answer]) -> dict:
    """Shares of each answer among files of one label."""
    groups = [answer.row.group for answer in answers]
    said = np.array([answer.verdict.prediction for answer in answers])
    return {
        name: _share(said == word, groups)
        for name, word in (
            ("called_fake", "Fake"), ("called_real", "Real"), ("undecided", "Inconclusive"),
        )
    }  # fmt: skip


def _each(answers: Sequence[Answer], split: str, kind: str, fake: bool) -> list[dict]:
    """A row for each method of the fakes, or each source of the real files."""
    pools: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        if answer.row.fake == fake:
            pools[answer.row.method if fake else answer.row.source].append(answer)
    return [
        {
            "split": split,
            "kind": kind,
            "name": name,
            "family": pool[0].row.family,
            "unseen": all(answer.row.unseen for answer in pool),
            "files": len(pool),
            "median": float(np.median([1 / (1 + np.exp(-answer.logit)) for answer in pool])),
            **_said(pool),
        }
        for name, pool in sorted(pools.items(), key=lambda item: -len(item[1]))
    ]


def _bins_of(answers: Sequence[Answer]) -> list[dict]:
    fake = np.array([answer.row.fake for answer in answers], bool)
    if not len(fake) or fake.all() or not fake.any():
        return []
    return bins(fake, np.array([answer.verdict.probability_fake for answer in answers]))


def bins(fake: np.ndarray, probability: np.ndarray) -> list[dict]:
    """Of the files that scored alike the share of fakes, both labels as frequent.

    Args:
        fake: bool, shape (N,), of both labels.
        probability: float, shape (N,).

    Returns:
        Rows {low, high, fake, files}, by score.
    """
    weights = np.where(fake, 0.5 / fake.sum(), 0.5 / (~fake).sum())
    return [
        {
            "low": float(probability[members].min()),
            "high": float(probability[members].max()),
            "fake": float(weights[members][fake[members]].sum() / weights[members].sum()),
            "files": len(members),
        }
        for members in np.array_split(np.argsort(probability), BINS)
        if len(members)
    ]
