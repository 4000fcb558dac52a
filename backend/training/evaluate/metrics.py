"""Numbers of a set of scored faces, each with an interval that respects who belongs together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.stats import norm
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score, roc_curve

LEVEL = 0.95  # of every interval
LOW_FPRS = {"tpr_at_1_fpr": 0.01, "tpr_at_5_fpr": 0.05}
BINS = 15
RESAMPLES = 1000
_CHUNK = 250  # resamples held in memory at a time


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Scored:
    """A set of judged faces (or clips; the two are never mixed in one).

    Attributes:
        fake: bool (N,), the labels.
        logits: float (N,), what ranks them.
        probability: float (N,), 0 to 1, calibrated.
        groups: (N,), anything that compares; faces of one group are not independent.
        fake_from: float (N,) or one, the probability from which on each is called Fake.
        real_to: float (N,) or one, the probability up to which each is called Real.
        refused: bool (N,) or one, which ones serving would not judge: it takes no side on them.
    """

    fake: np.ndarray
    logits: np.ndarray
    probability: np.ndarray
    groups: Sequence
    fake_from: np.ndarray | float = 1.0
    real_to: np.ndarray | float = 0.0
    refused: np.ndarray | bool = False

    @property
    def called_fake(self) -> np.ndarray:
        """bool (N,)."""
        return (self.probability >= self.fake_from) & ~np.asarray(self.refused)

    @property
    def called_real(self) -> np.ndarray:
        """bool (N,)."""
        return (self.probability <= self.real_to) & ~np.asarray(self.refused)

    def __len__(self) -> int:
        return len(self.fake)

    @property
    def labels(self) -> int:
        """1 or 2: how many of the two labels there are."""
        return len(np.unique(self.fake))

    @cached_property
    def _order(self) -> np.ndarray:
        """Indices by falling logit."""
        return np.argsort(-self.logits, kind="stable")

    @cached_property
    def _ends(self) -> np.ndarray:
        """Positions in `_order` of the last face of each logit: ties pass a threshold together."""
        ranked = self.logits[self._order]
        return np.append(np.nonzero(np.diff(ranked))[0], len(ranked) - 1)

    @cached_property
    def bins(self) -> np.ndarray:
        """The equal-mass bin of the probability of each face, int (N,)."""
        bins = np.empty(len(self), int)
        for number, members in enumerate(np.array_split(np.argsort(self.probability), BINS)):
            bins[members] = number
        return bins

    def resample(self, count: int, seed: int = 0):
        """Yield bootstrap weights, float32 (chunk, N): groups are drawn, not faces."""
        _, index = np.unique(np.asarray(self.groups), return_inverse=True)
        groups = int(index.max()) + 1
        rng = np.random.default_rng(seed)
        for start in range(0, count, _CHUNK):
            rows = min(_CHUNK, count - start)
            drawn = rng.integers(0, groups, (rows, groups))
            drawn += groups * np.arange(rows)[:, None]
            counts = np.bincount(drawn.ravel(), minlength=rows * groups)
            yield counts.reshape(rows, groups)[:, index].astype(np.float32)

    def ranking(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """AUC, EER, AP and TPR at 1 % and 5 % FPR of weighted faces.

        Args:
            weights: float (R, N).

        Returns:
            name -> float (R,), NaN where one label has no weight.
        """
        positive = self.fake[self._order]
        ranked = weights[:, self._order]
        hits = np.cumsum(ranked * positive, axis=1)[:, self._ends].astype(np.float64)
        alarms = np.cumsum(ranked * ~positive, axis=1)[:, self._ends].astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = np.nan_to_num(hits / (hits + alarms))  # 0 / 0 before the first face
            tpr = np.pad(hits / hits[:, -1:], ((0, 0), (1, 0)))
            fpr = np.pad(alarms / alarms[:, -1:], ((0, 0), (1, 0)))
        nearest = np.abs(fpr - 1 + tpr).argmin(axis=1)[:, None]
        missed = 1 - np.take_along_axis(tpr, nearest, 1) + np.take_along_axis(fpr, nearest, 1)
        numbers = {
            "auc": (np.diff(fpr) * (tpr[:, 1:] + tpr[:, :-1]) / 2).sum(axis=1),
            "eer": missed[:, 0] / 2,
            "ap": (np.diff(tpr) * precision).sum(axis=1),
            **{name: np.where(fpr <= low, tpr, 0).max(axis=1) for name, low in LOW_FPRS.items()},
        }
        lacking = (hits[:, -1] == 0) | (alarms[:, -1] == 0)
        return {name: np.where(lacking, np.nan, value) for name, value in numbers.items()}

    def honesty(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """ECE (`BINS` equal-mass bins; Naeini et al., 2015) and Brier score of weighted faces."""
        total = weights.sum(axis=1)
        gap = (self.probability - self.fake).astype(np.float32)
        sums = (weights * gap) @ np.eye(BINS, dtype=np.float32)[self.bins]
        return {"ece": np.abs(sums).sum(axis=1) / total, "brier": weights @ gap**2 / total}


def measure(scored: Scored, resamples: int = RESAMPLES) -> dict[str, Estimate]:
    """AUC, EER, AP, TPR at 1 % and 5 % FPR, ECE and Brier of a set with both labels.

    Point estimates are scikit-learn's. Intervals are percentiles of a bootstrap over groups; that
    of ECE is the basic one (Davison and Hinkley, 1997, 5.2), because resampling adds to a sum of
    absolute gaps the same upward bias once more.

    Returns:
        name -> estimate; empty for a set with one label.
    """
    if scored.labels < 2:
        return {}
    fake, logits = scored.fake, scored.logits
    fpr, tpr, _ = roc_curve(fake, logits, drop_intermediate=False)
    nearest = np.abs(fpr - (1 - tpr)).argmin()
    points = {
        "auc": roc_auc_score(fake, logits),
        "eer": (fpr[nearest] + 1 - tpr[nearest]) / 2,
        "ap": average_precision_score(fake, logits),
        **{name: tpr[fpr <= low].max() for name, low in LOW_FPRS.items()},
        "ece": scored.honesty(np.ones((1, len(scored)), np.float32))["ece"][0],
        "brier": brier_score_loss(fake, scored.probability),
    }
    drawn = [scored.ranking(w) | scored.honesty(w) for w in scored.resample(resamples)]
    found = {}
    for name, point in points.items():
        point = float(point)
        low, high = _percentiles(np.concatenate([each[name] for each in drawn]))
        if name == "ece":
            low, high = max(0.0, 2 * point - high), max(0.0, 2 * point - low)
        found[name] = Estimate(point, low, high)
    return found


def auc_drop(before: Scored, after: Scored, resamples: int = RESAMPLES) -> Estimate:
    """AUC of the same faces before minus after a change; the resamples are paired."""
    ones = np.ones((1, len(before)), np.float32)

    def drop(weights):
        return before.ranking(weights)["auc"] - after.ranking(weights)["auc"]

    drawn = np.concatenate([drop(weights) for weights in before.resample(resamples)])
    return Estimate(float(drop(ones)[0]), *_percentiles(drawn))


def share(hits: np.ndarray, groups: Sequence) -> Estimate | None:
    """A share of faces with Wilson's interval (1927); None of no face.

    The sample size is the number of groups: the frames of one person do not err independently,
    and unlike a bootstrap this says something where nothing was hit.

    Args:
        hits: bool (N,).
        groups: (N,).
    """
    if not len(hits):
        return None
    size, value = len(set(np.asarray(groups).tolist())), float(np.mean(hits))
    z = norm.ppf((1 + LEVEL) / 2)
    middle = (value + z * z / (2 * size)) / (1 + z * z / size)
    reach = z / (1 + z * z / size) * np.sqrt(value * (1 - value) / size + (z / (2 * size)) ** 2)
    return Estimate(value, float(max(0.0, middle - reach)), float(min(1.0, middle + reach)))


def _percentiles(drawn: np.ndarray) -> tuple[float, float]:
    low, high = np.nanpercentile(drawn, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return float(low), float(high)
