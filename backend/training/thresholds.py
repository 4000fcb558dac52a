"""Thresholds that hold on sources that training never saw, and odds that were measured there."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from sklearn.isotonic import IsotonicRegression

from backend.errors import SetupError
from backend.models.calibration import Profiles, Thresholds
from backend.training.data.index import Row

# Share of the real faces of sources that training never saw which may be called Fake.
FALSE_FAKE = {"strict": 0.003, "balanced": 0.01, "sensitive": 0.05}
FALSE_REAL = 0.10  # share of the fakes of any unseen family that may be called Real
LEAST_REAL = 0.05  # of the real files must be called Real, else none of the kind ever is
LEAST = 100  # files of a source that a quantile of its own needs
FEW = 10  # files of a family that a quantile of its own needs
SOURCES = 0.9  # share of the unseen sources that a threshold must hold in
ABROAD = 2.0  # weight of dev-a beside val
MOST_ODDS = 50.0  # few hundred files tell no more
BINS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98)  # edges of the odds


def thresholds(logits: np.ndarray, rows: Sequence[Row]) -> Profiles:
    """The thresholds of each profile.

    Fake begins where the profile's share of the real files lies above, every source weighing the
    same, and where at least `SOURCES` of the larger unseen sources hold it by themselves. Real ends
    where no unseen family has more than `FALSE_REAL` of its fakes below; None where hardly a real
    file would be called so.

    Args:
        logits: calibrated, of whole files, shape (N,).
        rows: what they are, of `val` and `dev-a`.
    """
    real = np.array([not row.fake for row in rows])
    abroad = np.array([row.split == "dev-a" for row in rows])
    own = logits[real]
    sources = [row.source for row in rows if not row.fake]
    even = _even(sources)
    large = [
        own[members]
        for name in set(sources)
        if (members := np.array([s == name for s in sources])).sum() >= LEAST
    ]
    low = _real_to(logits, rows, real, abroad)
    found = {}
    for profile, share in FALSE_FAKE.items():
        bounds = [_quantile(own, even, 1 - share)]
        if large:
            each = [np.quantile(scores, 1 - share) for scores in large]
            bounds.append(np.quantile(each, SOURCES, method="higher"))
        high = float(np.clip(_probability(max(bounds)), 0.5, 0.9999))
        found[profile] = Thresholds(
            real=None if low is None else min(low, high - 1e-4), fake=round(high, 4)
        )
    return Profiles(**found)


def _real_to(logits, rows, real, abroad) -> float | None:
    families = {row.family for row in rows if row.fake and row.split == "dev-a"}
    pools = [
        logits[[r.fake and a and r.family == name for r, a in zip(rows, abroad, strict=True)]]
        for name in sorted(families)
    ]
    pools = [pool for pool in pools if len(pool) >= FEW] or [logits[~real]]
    bound = min(np.quantile(pool, FALSE_REAL) for pool in pools)
    if np.mean(logits[real & abroad] <= bound) < LEAST_REAL:
        return None
    return round(float(np.clip(_probability(bound), 0.0001, 0.4999)), 4)


def odds(logits: np.ndarray, rows: Sequence[Row]) -> tuple[tuple[float, float], ...]:
    """Fakes for each real file among those that score alike, on `dev-a`, both labels as frequent.

    Rising with the score (isotonic regression of the label, Zadrozny and Elkan, 2002), from bins of
    the probability.

    Returns:
        (edge, odds) pairs, see `Reading.odds`; empty where a label is missing.
    """
    chosen = np.array([row.split == "dev-a" for row in rows])
    own = [row for row, each in zip(rows, chosen, strict=True) if each]
    fake = np.array([row.fake for row in own])
    if not len(own) or fake.all() or not fake.any():
        return ()
    weights = file_weights(own)
    bins = np.searchsorted(BINS, _probability(logits[chosen]), "right") - 1
    # By the rule of succession: a hundred of a hundred are no certainty.
    one = 1 / len(own)
    sums = [
        (weights[(bins == b) & fake].sum() / weights.sum() + one / 2,
         weights[(bins == b) & ~fake].sum() / weights.sum() + one / 2)
        for b in range(len(BINS))
    ]  # fmt: skip
    share = [f / (f + r) for f, r in sums]
    places, mass = range(len(BINS)), [f + r for f, r in sums]
    smooth = IsotonicRegression().fit(places, share, mass).predict(places)
    value = np.clip(smooth / (1 - smooth), 1 / MOST_ODDS, MOST_ODDS)
    pairs = [(edge, round(float(each), 3)) for edge, each in zip(BINS, value, strict=True)]
    return tuple(pair for i, pair in enumerate(pairs) if i == 0 or pair[1] != pairs[i - 1][1])


def file_weights(rows: Sequence[Row]) -> np.ndarray:
    """Weights of files, shape (N,): labels weigh the same, a large source or method not too much.

    Raises:
        SetupError: there are no files of a label.
    """
    weights = np.zeros(len(rows))
    for label in (False, True):
        members = [i for i, row in enumerate(rows) if row.fake == label]
        if not members:
            raise SetupError("Calibration needs real and fake files in val and dev-a.")
        own = _even([(rows[i].split, rows[i].family, rows[i].source) for i in members], 0.5)
        own *= [ABROAD if rows[i].split == "dev-a" else 1.0 for i in members]
        weights[members] = own / own.sum() * len(rows) / 2
    return weights


def _even(names: Sequence[Hashable], power: float = 1.0) -> np.ndarray:
    """Weights (N,) by which each name counts the same (1), or by the root of its number (0.5)."""
    _, place, counts = np.unique(
        [repr(name) for name in names], return_inverse=True, return_counts=True
    )
    return (1.0 / counts**power)[place]


def _quantile(values: np.ndarray, weights: np.ndarray, share: float) -> float:
    """The smallest value that at least `share` of the weight lies at or below."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][min(int(np.searchsorted(reached, share)), len(values) - 1)])


def _probability(logit):
    return 1 / (1 + np.exp(-np.asarray(logit, np.float64)))
