"""From raw logits to honest probabilities: temperature and the thresholds of the three answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.stats import t as student
from sklearn.linear_model import LogisticRegression

from backend.errors import SetupError
from backend.training import degrade
from backend.training.data import Sample
from backend.vision.quality import SOFTEST

FALSE_FAKE = 0.01  # share of the real faces of any one source that may be called Fake
FALSE_REAL = 0.05  # share of any archive's fakes, under any condition, that may be called Real
LEAST = 100  # looks at real faces of one kind that a quantile of its own needs
SOFT = (20.0, 40.0, 60.0, 80.0, 120.0)  # sharpness below which a face may count as soft
NOISY = 0.1  # share of the real faces whose heat map may show anything at all
UNSEEN = 0.95  # confidence that a source which is not in the data keeps `FALSE_FAKE` as well


@dataclass(frozen=True, slots=True)
class Calibration:
    """See `ModelFacts` for the fields' meaning."""

    temperature: float
    bias: float
    threshold_real: float
    threshold_fake: float
    soft_below: float
    threshold_fake_soft: float

    def fake_from(self, sharpness: np.ndarray) -> np.ndarray:
        """See `ModelFacts.fake_from`."""
        soft = sharpness < self.soft_below
        return np.where(soft, self.threshold_fake_soft, self.threshold_fake)


# What a face may have gone through before it is judged; each is applied to every face of `val`.
CONDITIONS: dict[str, degrade.Change] = {
    "as it is": lambda image: image,
    "JPEG 30": degrade.jpeg(30),
    "H.264 CRF 32": degrade.h264(32),
    "half size": degrade.rescale(0.5, cv2.INTER_LINEAR),
    "quarter size": degrade.rescale(0.25, cv2.INTER_LINEAR),
}


def calibrate(
    samples: Sequence[Sample], logits: dict[str, np.ndarray], sharpness: dict[str, np.ndarray]
) -> Calibration:
    """Fit on faces that were not trained on.

    Temperature and bias are those of the logistic regression of the label on the logit (Platt,
    1999) over `val`, where both labels and, within a label, all archives weigh the same.
    The Fake threshold is that of `_strictest`, once for soft faces and once for the others: the
    scores of soft real faces reach higher. What counts as soft is the one of `SOFT` with which
    most fakes of `val` are called Fake, all sources weighing the same. `threshold_real` is the
    quantile `FALSE_REAL` of the archive of fakes, under the condition, that scores lowest.

    Args:
        samples: all of `val`, and real faces of `dev`, which count for the Fake threshold alone:
            more cameras, and none of them trained on.
        logits: for each of `CONDITIONS`, float32 (N,), in the order of `samples`.
        sharpness: of the crops, in the same way; see `backend.vision.quality.sharpness`.

    Returns:
        Thresholds with `threshold_real` < `threshold_fake` <= `threshold_fake_soft`, at or around
        0.5.

    Raises:
        SetupError: higher logits do not mean fake on these faces.
    """
    fake = np.tile([s.fake for s in samples], len(logits))
    scores = np.concatenate([logits[name] for name in logits]).astype(np.float64)
    sharp = np.concatenate([sharpness[name] for name in logits])
    archives = np.tile([s.archive for s in samples], len(logits))
    sources = np.tile([s.source for s in samples], len(logits))
    val = np.tile([s.split == "val" for s in samples], len(logits))
    conditions = np.repeat(list(logits), len(samples))
    slope, bias = _platt(scores[val], fake[val], archives[val])
    calibrated = scores * slope + bias
    # Faces that serving refuses to judge as too soft ask for no threshold.
    real = ~fake & (sharp >= SOFTEST)
    by = [sources, archives, conditions]
    found = []
    for soft_below in SOFT:
        soft = sharp < soft_below
        limits = [_strictest(calibrated, real & part, by) for part in (~soft, soft)]
        limits[1] = max(limits)
        called = calibrated >= np.where(soft, limits[1], limits[0])
        caught = [called[val & fake & (sources == n)].mean() for n in set(sources[val & fake])]
        found.append((float(np.mean(caught)), soft_below, limits))
    _, soft_below, limits = max(found)
    fakes = val & fake
    threshold_real = min(
        float(np.quantile(calibrated[fakes & (archives == a) & (conditions == c)], FALSE_REAL))
        for a in sorted(set(archives[fakes]))
        for c in logits
    )
    ends = _probability(np.array([threshold_real, *limits]))
    # Where the labels hardly overlap, the quantiles cross; doubt then begins at even odds.
    return Calibration(
        float(1 / slope),
        bias,
        threshold_real=float(np.clip(ends[0], 0.0001, 0.4999)),
        threshold_fake=float(np.clip(ends[1], 0.5, 0.9999)),
        soft_below=soft_below,
        threshold_fake_soft=float(np.clip(ends[2], 0.5, 0.9999)),
    )


def _platt(scores: np.ndarray, fake: np.ndarray, archives: np.ndarray) -> tuple[float, float]:
    """Slope and bias from logits to calibrated logits."""
    weights = np.zeros(len(scores))
    for label in (False, True):
        names = sorted(set(archives[fake == label]))
        for name in names:
            members = (fake == label) & (archives == name)
            weights[members] = len(scores) / 2 / (members.sum() * len(names))
    # The logits are standardised for the solver and the scale is undone below.
    spread = scores.std()
    fit = LogisticRegression(C=1e6).fit(scores[:, None] / spread, fake, sample_weight=weights)
    slope, bias = float(fit.coef_[0, 0]) / spread, float(fit.intercept_[0])
    if slope <= 0:
        raise SetupError("The network does not tell real from fake faces on val: train it longer.")
    return slope, bias


def _strictest(scores: np.ndarray, real: np.ndarray, by: Sequence[np.ndarray]) -> float:
    """The highest of what each kind of real faces needs, and of what one more source would need.

    Args:
        scores: calibrated logits, float64 (N,).
        real: bool (N,), the faces that count.
        by: names (N,) of the kinds: the sources first, then others.

    Returns:
        A calibrated logit; minus infinity where there are too few faces.
    """
    pools = [[scores[real & (kinds == name)] for name in sorted(set(kinds[real]))] for kinds in by]
    pools = [[pool for pool in each if len(pool) >= LEAST] for each in pools]
    needed = [np.quantile(pool, 1 - FALSE_FAKE) for each in pools for pool in each]
    return float(max([_unseen(pools[0]), *needed]))


def _probability(calibrated: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-calibrated))


def quiet_floor(maps: np.ndarray) -> float:
    """Where a heat map may begin: all but `NOISY` of the real faces stay below it everywhere.

    Args:
        maps: of real faces, float32 (N, h, w).
    """
    return float(np.quantile(maps.max(axis=(1, 2)), 1 - NOISY))


def _unseen(sources: Sequence[np.ndarray]) -> float:
    """Where the quantile `FALSE_FAKE` of one more source lies below, with confidence `UNSEEN`.

    The sources here are taken for a sample of all cameras: the prediction bound of one more draw
    from a normal distribution of which only they are known (Student's t). Each answer that comes
    from elsewhere is such a draw, and the worst of a few known sources is no bound for it.

    Args:
        sources: calibrated logits of the real faces of each source.

    Returns:
        A calibrated logit; minus infinity with fewer than two sources.
    """
    count = len(sources)
    if count < 2:
        return -np.inf
    quantiles = [np.quantile(scores, 1 - FALSE_FAKE) for scores in sources]
    reach = student.ppf(UNSEEN, count - 1) * np.sqrt(1 + 1 / count)
    return float(np.mean(quantiles) + reach * np.std(quantiles, ddof=1))
