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

FALSE_FAKE = 0.01  # share of the real faces of any one source that may be called Fake
FALSE_REAL = 0.05  # share of any archive's fakes, under any condition, that may be called Real
LEAST = 100  # faces a source needs for a quantile of its own; smaller ones are read together
NOISY = 0.1  # share of the real faces whose heat map may show anything at all
UNSEEN = 0.95  # confidence that a source which is not in the data keeps `FALSE_FAKE` as well


@dataclass(frozen=True, slots=True)
class Calibration:
    """See `ModelFacts` for the fields' meaning."""

    temperature: float
    bias: float
    threshold_real: float
    threshold_fake: float


# What a face may have gone through before it is judged; each is applied to every face of `val`.
CONDITIONS: dict[str, degrade.Change] = {
    "as it is": lambda image: image,
    "JPEG 30": degrade.jpeg(30),
    "H.264 CRF 32": degrade.h264(32),
    "half size": degrade.rescale(0.5, cv2.INTER_LINEAR),
    "quarter size": degrade.rescale(0.25, cv2.INTER_LINEAR),
}


def calibrate(samples: Sequence[Sample], logits: dict[str, np.ndarray]) -> Calibration:
    """Fit on faces that were not trained on.

    Temperature and bias are those of the logistic regression of the label on the logit (Platt,
    1999) over `val`, where both labels and, within a label, all archives weigh the same.
    `threshold_fake` is the highest of: the quantile `FALSE_FAKE` leaves of each source, of each
    archive and of each condition of real faces, and what `_unseen` expects of a camera that is not
    here. `threshold_real` is the quantile `FALSE_REAL` of the archive of fakes, under the
    condition, that scores lowest.

    Args:
        samples: all of `val`, and real faces of `dev`, which count for `threshold_fake` alone:
            more cameras, and none of them trained on.
        logits: for each of `CONDITIONS`, float32 (N,), in the order of `samples`.

    Returns:
        Thresholds with `threshold_real` < `threshold_fake`, at or around 0.5.

    Raises:
        SetupError: higher logits do not mean fake on these faces.
    """
    fake = np.tile([s.fake for s in samples], len(logits))
    scores = np.concatenate(list(logits.values())).astype(np.float64)
    archives = np.tile([s.archive for s in samples], len(logits))
    sources = np.tile([s.source for s in samples], len(logits))
    val = np.tile([s.split == "val" for s in samples], len(logits))
    weights = np.zeros(len(scores))
    for label in (False, True):
        names = sorted(set(archives[val & (fake == label)]))
        for name in names:
            members = val & (fake == label) & (archives == name)
            weights[members] = 1 / (members.sum() * len(names))
    # The logits are standardised for the solver and the scale is undone below.
    spread = scores.std()
    fit = LogisticRegression(C=1e6).fit(
        scores[val, None] / spread, fake[val], sample_weight=weights[val] * val.sum() / 2
    )
    slope, bias = float(fit.coef_[0, 0]) / spread, float(fit.intercept_[0])
    if slope <= 0:
        raise SetupError("The network does not tell real from fake faces on val: train it longer.")
    probability = 1 / (1 + np.exp(-(scores * slope + bias)))

    real, conditions = ~fake, np.repeat(list(logits), len(samples))
    pools = [probability[real & (archives == name)] for name in sorted(set(archives[real]))]
    pools += [probability[real & (conditions == name)] for name in logits]
    for name in sorted(set(sources[real])):
        members = real & (sources == name)
        if members.sum() >= LEAST * len(logits):
            pools.append(probability[members])
    threshold_fake = max(float(np.quantile(pool, 1 - FALSE_FAKE)) for pool in pools)
    calibrated = scores * slope + bias
    bound = _unseen([calibrated[real & (sources == name)] for name in sorted(set(sources[real]))])
    threshold_fake = max(threshold_fake, 1 / (1 + np.exp(-bound)))
    fake &= val
    threshold_real = min(
        float(np.quantile(probability[fake & (archives == a) & (conditions == c)], FALSE_REAL))
        for a in sorted(set(archives[fake]))
        for c in logits
    )
    # Where the labels hardly overlap, the quantiles cross; doubt then begins at even odds.
    threshold_fake = min(max(threshold_fake, 0.5), 0.9999)
    threshold_real = max(min(threshold_real, 0.4999), 0.0001)
    return Calibration(1 / slope, bias, threshold_real, float(threshold_fake))


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
