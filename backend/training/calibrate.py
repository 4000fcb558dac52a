"""From raw logits to honest probabilities: temperature and the thresholds of the three answers."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from scipy.stats import t as student
from sklearn.linear_model import LogisticRegression

from backend.errors import SetupError
from backend.training import degrade
from backend.training.data import Sample
from backend.vision.crops import LOOKS
from backend.vision.facts import Calibration, Kind
from backend.vision.quality import SOFTEST

FALSE_FAKE = 0.01  # share of the real faces of any one source that may be called Fake
FALSE_REAL = 0.05  # share of any archive's fakes, under any condition, that may be called Real
LEAST = 100  # looks at real faces of one kind that a quantile of its own needs
SOFT = (20.0, 40.0, 60.0, 80.0, 120.0)  # sharpness below which a face may count as soft
NOISY = 0.1  # share of the real faces whose heat map may show anything at all
NO_THRESHOLDS = {"threshold_real": 0.4, "threshold_fake": 0.6}  # until they are chosen
# Looks at each face. A picture gets one pass for its few faces; the many frames of a clip are looks
# of their own.
TAKEN: dict[Kind, int] = {"image": len(LOOKS), "video": 2}
UNABLE = "The network does not tell real from fake faces on val: train it longer."
UNSEEN = 0.95  # confidence that a source which is not in the data keeps `FALSE_FAKE` as well


# What a face may have gone through before it is judged; each is applied to every face of `val`.
CONDITIONS: dict[str, degrade.Change] = {
    "as it is": lambda image: image,
    "JPEG 30": degrade.jpeg(30),
    "H.264 CRF 32": degrade.h264(32),
    "half size": degrade.rescale(0.5, cv2.INTER_LINEAR),
    "quarter size": degrade.rescale(0.25, cv2.INTER_LINEAR),
}


def calibrate(
    kind: Kind,
    samples: Sequence[Sample],
    outputs: dict[str, np.ndarray],
    sharpness: dict[str, np.ndarray],
) -> Calibration:
    """Fit on faces that were not trained on, for pictures or for frames of clips.

    A picture may hold either kind of fake, so its logit is that of `either` head. Frames of clips
    are read by the first head alone: no generated clip is there to learn from, and what tells
    generated pictures from photographs tells video from them as well. Temperature and bias are
    those of the logistic regression of the label on that logit (Platt, 1999), for pictures over
    all of `val` and for frames over its frames; both labels and, within a label, all archives
    weigh the same.
    The Fake threshold is that of `_strictest`, once for soft faces and once for the others: the
    scores of soft real faces reach higher. What counts as soft is the one of `SOFT` with which
    most fakes of `val` are called Fake, all sources weighing the same. `threshold_real` is the
    quantile `FALSE_REAL` of the archive of fakes, under the condition, that scores lowest.

    Args:
        kind: of files.
        samples: all of `val`, and real faces of `dev`, which count for the Fake threshold alone:
            more cameras, and none of them trained on. For pictures the real pictures count, for
            frames every real face: there are too few cameras that filmed.
        outputs: for each of `CONDITIONS`, float32 (N, L, K), in the order of `samples`.
        sharpness: of the crops, in the same way (N,); see `backend.vision.quality.sharpness`.

    Returns:
        Thresholds with `threshold_real` < `threshold_fake` <= `threshold_fake_soft`, at or around
        0.5.

    Raises:
        SetupError: higher logits do not mean fake on these faces.
    """
    fake = np.tile([s.fake for s in samples], len(outputs))
    scores = np.concatenate([outputs[name] for name in outputs]).astype(np.float64)
    sharp = np.concatenate([sharpness[name] for name in outputs])
    archives = np.tile([s.archive for s in samples], len(outputs))
    sources = np.tile([s.source for s in samples], len(outputs))
    val = np.tile([s.split == "val" for s in samples], len(outputs))
    own = val & np.tile([kind in ("image", s.kind) for s in samples], len(outputs))
    if not own.any():  # nothing of the kind is left: the other stands for it
        own = val
    elif fake[own].all():  # no real frame is left: pictures stand for them
        own |= val & ~fake
    conditions = np.repeat(list(outputs), len(samples))
    weights = _weights(fake[own], archives[own])
    heads = scores.shape[-1]
    plain, unused = (1.0, 0.0), [None] * (heads - 1)
    weighed = () if heads == 1 else (plain,) * heads if kind == "image" else (plain, *unused)
    found = Calibration(heads=weighed, looks=min(TAKEN[kind], scores.shape[1]), **NO_THRESHOLDS)
    slope, bias = _platt(found.logits(scores[own]), fake[own], weights)
    found = found.model_copy(update={"temperature": 1 / slope, "bias": bias})
    calibrated = found.calibrated(found.logits(scores))
    # Faces that serving refuses to judge as too soft ask for no threshold.
    real = ~fake & (sharp >= SOFTEST)
    real &= np.tile([kind in ("video", s.kind) for s in samples], len(outputs))
    by = [sources, archives, conditions]
    fakes = own & fake
    tried = []
    for soft_below in SOFT:
        soft = sharp < soft_below
        limits = [_strictest(calibrated, real & part, by) for part in (~soft, soft)]
        limits[1] = max(limits)
        called = calibrated >= np.where(soft, limits[1], limits[0])
        caught = [called[fakes & (sources == n)].mean() for n in set(sources[fakes])]
        tried.append((float(np.mean(caught)), soft_below, limits))
    _, soft_below, limits = max(tried)
    threshold_real = min(
        float(np.quantile(calibrated[fakes & (archives == a) & (conditions == c)], FALSE_REAL))
        for a in sorted(set(archives[fakes]))
        for c in outputs
    )
    ends = 1 / (1 + np.exp(-np.array([threshold_real, *limits])))
    # Where the labels hardly overlap, the quantiles cross; doubt then begins at even odds.
    return found.model_copy(
        update={
            "threshold_real": float(np.clip(ends[0], 0.0001, 0.4999)),
            "threshold_fake": float(np.clip(ends[1], 0.5, 0.9999)),
            "soft_below": soft_below,
            "threshold_fake_soft": float(np.clip(ends[2], 0.5, 0.9999)),
        }
    )


def _weights(fake: np.ndarray, archives: np.ndarray) -> np.ndarray:
    """Of faces (N,), so that labels, and archives within a label, weigh the same."""
    weights = np.zeros(len(fake))
    for label in (False, True):
        names = sorted(set(archives[fake == label]))
        for name in names:
            members = (fake == label) & (archives == name)
            weights[members] = len(fake) / 2 / (members.sum() * len(names))
    return weights


def _platt(scores: np.ndarray, fake: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Slope and bias from logits (N,) to calibrated logits."""
    # The logits are standardised for the solver and the scale is undone below.
    spread = scores.std()
    fit = LogisticRegression(C=1e6).fit(scores[:, None] / spread, fake, sample_weight=weights)
    slope, bias = float(fit.coef_[0, 0]) / spread, float(fit.intercept_[0])
    if slope <= 0:
        raise SetupError(UNABLE)
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
