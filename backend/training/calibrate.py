"""From raw logits to honest probabilities: temperature and the thresholds of the three answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.stats import t as student

from backend.errors import SetupError
from backend.models.calibration import HALF_SHARP, Calibration, Kind
from backend.models.crops import LOOKS
from backend.models.quality import SOFTEST
from backend.training.data.index import Sample

FALSE_FAKE = 0.01  # share of the real faces of any one source that may be called Fake
FALSE_REAL = 0.05  # share of any archive's fakes, under any condition, that may be called Real
LEAST = 100  # looks at real faces of one kind that a quantile of its own needs
NOISY = 0.1  # share of the real faces whose heat map may show anything at all
NO_THRESHOLDS = {"threshold_real": 0.4, "threshold_fake": 0.6}  # until they are chosen
# Looks at each face. A picture gets one pass for its few faces; the many frames of a clip are looks
# of their own.
TAKEN: dict[Kind, int] = {"image": len(LOOKS), "video": 2}
UNABLE = "The network does not tell real from fake faces on val: train it longer."
RIDGE = 1e-6  # keeps slopes finite where the labels do not overlap
# Confidence that a source which is not in the data keeps `FALSE_FAKE` as well. It is what it takes
# so that no source exceeds that, untouched, when it is left out; see docs/MODEL_CARD.md.
UNSEEN: dict[Kind, float] = {"image": 0.99, "video": 0.95}


def calibrate(
    kind: Kind,
    samples: Sequence[Sample],
    outputs: dict[str, np.ndarray],
    sharpness: dict[str, np.ndarray],
    half_sharp: float = HALF_SHARP,
) -> Calibration:
    """Fit on faces that were not trained on, for pictures or for frames of clips.

    A picture may hold either kind of fake, so a sharp one is read by all outputs, see
    `backend.models.calibration.Calibration`. Soft ones and frames of clips are read by the first
    alone: what tells generated pictures from photographs is lost in them, and soft video from other
    cameras looks generated. Weights, temperature and bias are those of the logistic regression of
    the label (Platt, 1999), for pictures over all of `val` and for frames over its frames; both
    labels and, within a label, all archives weigh the same.
    The Fake threshold is that of `_strictest`. `threshold_real` is the quantile `FALSE_REAL` of the
    archive of fakes, under the condition, that scores lowest.

    Args:
        kind: of files.
        samples: all of `val`, and real faces of `dev`, which count for the Fake threshold alone:
            more cameras, and none of them trained on. Frames count for pictures too, since they are
            sent as such, and pictures for frames: there are too few cameras that filmed.
        outputs: for each of `CONDITIONS`, float32 (N, L, K), in the order of `samples`.
        sharpness: of the crops, in the same way (N,); see `backend.models.quality.sharpness`.
        half_sharp: of the result.

    Returns:
        Thresholds with `threshold_real` < `threshold_fake`, at or around 0.5.

    Raises:
        SetupError: higher logits do not mean fake on these faces.
    """
    fake = np.tile([s.fake for s in samples], len(outputs))
    scores = np.concatenate([outputs[name] for name in outputs]).astype(np.float64)
    sharp = np.concatenate([sharpness[name] for name in outputs]).astype(np.float64)
    archives = np.tile([s.archive for s in samples], len(outputs))
    sources = np.tile([s.source for s in samples], len(outputs))
    val = np.tile([s.split == "val" for s in samples], len(outputs))
    own = val & np.tile([kind in ("image", s.kind) for s in samples], len(outputs))
    if not own.any():  # nothing of the kind is left: the other stands for it
        own = val
    elif fake[own].all():  # no real frame is left: pictures stand for them
        own |= val & ~fake
    conditions = np.repeat(list(outputs), len(samples))
    looks = min(TAKEN[kind], scores.shape[1])
    found = Calibration(looks=looks, half_sharp=half_sharp, **NO_THRESHOLDS)
    averaged, weights = found.averaged(scores[own]), _weights(fake[own], archives[own])
    if kind == "image" and scores.shape[-1] > 1:
        fitted = _weigh(averaged, found.share_of_sharp(sharp[own]), fake[own], weights)
    else:
        fitted = _platt(averaged, fake[own], weights)
    found = found.model_copy(update=fitted)
    calibrated = found.calibrated(found.logits(scores, sharp))
    # Faces that serving refuses to judge as too soft ask for no threshold.
    real = ~fake & (sharp >= SOFTEST)
    by = [sources, archives, conditions]
    threshold_fake = _strictest(calibrated, real, by, UNSEEN[kind])
    fakes = own & fake
    threshold_real = min(
        float(np.quantile(calibrated[fakes & (archives == a) & (conditions == c)], FALSE_REAL))
        for a in sorted(set(archives[fakes]))
        for c in outputs
    )
    ends = 1 / (1 + np.exp(-np.array([threshold_real, threshold_fake])))
    # Where the labels hardly overlap, the quantiles cross; doubt then begins at even odds.
    return found.model_copy(
        update={
            "threshold_real": float(np.clip(ends[0], 0.0001, 0.4999)),
            "threshold_fake": float(np.clip(ends[1], 0.5, 0.9999)),
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


def _weigh(scores: np.ndarray, share: np.ndarray, fake: np.ndarray, weights: np.ndarray) -> dict:
    """Fields of a `Calibration` that reads soft faces by the first output and sharp ones by all.

    Args:
        scores: float64 (N, K). share: float64 (N,), see `Calibration.share_of_sharp`.
    """
    share = share[:, None]
    columns = np.hstack([scores[:, :1] * (1 - share), scores * share, share])
    (soft, *sharp, shift), bias = _regress(columns, fake, weights, free=1)
    scale = max(soft, *sharp)
    if scale <= 0:
        raise SetupError(UNABLE)
    ends = zip([soft] + [0.0] * (len(sharp) - 1), sharp, strict=True)
    return {
        "heads": tuple((low / scale, high / scale) for low, high in ends),
        "shift": shift / scale,
        "temperature": 1 / scale,
        "bias": bias,
    }


def _platt(scores: np.ndarray, fake: np.ndarray, weights: np.ndarray) -> dict:
    """Fields of a `Calibration` that reads the first of the outputs (N, K) in every face."""
    [slope], bias = _regress(scores[:, :1], fake, weights)
    if slope <= 0:
        raise SetupError(UNABLE)
    heads = scores.shape[1]
    read = ((1.0, 1.0), *[(0.0, 0.0)] * (heads - 1)) if heads > 1 else ()
    return {"heads": read, "temperature": 1 / slope, "bias": bias}


def _regress(
    columns: np.ndarray, fake: np.ndarray, weights: np.ndarray, free: int = 0
) -> tuple[list[float], float]:
    """Logistic regression whose slopes are not negative, but for the last `free` ones.

    Args:
        columns: float64 (N, C). fake: bool (N,). weights: float64 (N,), of the faces.

    Returns:
        (slopes, C of them; bias).
    """
    # One scale for all, which is undone below: the solver wants numbers near 1.
    scale = columns.std()
    matrix = np.column_stack([columns / scale, np.ones(len(columns))])
    sign, part = np.where(fake, 1.0, -1.0), weights / weights.sum()

    def loss(slopes: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (matrix @ slopes)
        wrong = 1 / (1 + np.exp(np.clip(margin, -500, 500)))
        slope = matrix.T @ (part * -sign * wrong) + RIDGE * slopes
        return float(part @ np.logaddexp(0, -margin) + RIDGE / 2 * slopes @ slopes), slope

    limits = [(0, None)] * (columns.shape[1] - free) + [(None, None)] * (free + 1)
    found = minimize(
        loss,
        np.zeros(len(limits)),
        jac=True,
        method="L-BFGS-B",
        bounds=limits,
        options={"maxiter": 1000, "ftol": 1e-12, "gtol": 1e-8},
    ).x
    return (found[:-1] / scale).tolist(), float(found[-1])


def _strictest(
    scores: np.ndarray, real: np.ndarray, by: Sequence[np.ndarray], confidence: float
) -> float:
    """The highest of what each kind of real faces needs, and of what one more source would need.

    Args:
        scores: calibrated logits, float64 (N,).
        real: bool (N,), the faces that count.
        by: names (N,) of the kinds: the sources first, then others.
        confidence: see `_unseen`.

    Returns:
        A calibrated logit; minus infinity where there are too few faces.
    """
    pools = [[scores[real & (kinds == name)] for name in sorted(set(kinds[real]))] for kinds in by]
    pools = [[pool for pool in each if len(pool) >= LEAST] for each in pools]
    needed = [np.quantile(pool, 1 - FALSE_FAKE) for each in pools for pool in each]
    return float(max([_unseen(pools[0], confidence), *needed]))


def quiet_floor(maps: np.ndarray) -> float:
    """Where a heat map may begin: all but `NOISY` of the real faces stay below it everywhere.

    Args:
        maps: of real faces, float32 (N, h, w).
    """
    return float(np.quantile(maps.max(axis=(1, 2)), 1 - NOISY))


def _unseen(sources: Sequence[np.ndarray], confidence: float) -> float:
    """Where the quantile `FALSE_FAKE` of one more source lies below, with this confidence.

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
    reach = student.ppf(confidence, count - 1) * np.sqrt(1 + 1 / count)
    return float(np.mean(quantiles) + reach * np.std(quantiles, ddof=1))
