"""From logits to honest answers: weights, odds, and thresholds that hold abroad.

`val` has the methods and sources of training, `dev-a` others. Both fit the weights of a member's
heads; those of the members of an ensemble, and their doubt, `val` alone. Odds and thresholds rest
on `dev-a`, and on `val` for real files alone. `dev-b` is not read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import minimize

from backend.errors import SetupError
from backend.models.calibration import Profiles, Reading, Thresholds, spread
from backend.training.data.index import Row
from backend.training.thresholds import file_weights, odds, thresholds

RIDGE = 1e-3  # keeps slopes finite where the labels do not overlap
DOUBTS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)  # tried, see `Reading.doubt`
UNABLE = "The networks do not tell real from fake files on val and dev-a: train them longer."


def fit_weights(
    heads: Mapping[str, np.ndarray], rows: Sequence[Row]
) -> tuple[dict[str, float], float]:
    """Weights and bias by which the heads' logits become the calibrated logit (Platt, 1999).

    The logistic regression of the label; both labels weigh the same, and within a label the
    families or sources by the root of their files, `dev-a` twice. No slope is negative: what speaks
    for a fake never speaks against it.

    Args:
        heads: name of a head or a member -> logits, shape (N,).
        rows: what the N faces are.

    Returns:
        (weights by name, those of 0 left out; bias).

    Raises:
        SetupError: higher logits do not mean fake on these faces.
    """
    names = sorted(heads)
    columns = np.stack([np.asarray(heads[name], np.float64) for name in names], axis=1)
    fake = np.array([row.fake for row in rows])
    slopes, bias = _regress(columns, fake, file_weights(rows))
    found = {name: slope for name, slope in zip(names, slopes, strict=True) if slope > 1e-4}
    if not found:
        raise SetupError(UNABLE)
    return found, bias


def fit_together(votes: Mapping[str, np.ndarray], rows: Sequence[Row]) -> Reading:
    """How members are read together: weights, bias and doubt, fitted on `val`.

    Args:
        votes: member -> its calibrated logits, shape (N,).
        rows: what the N faces are; those of other splits are passed over.

    Returns:
        A reading whose thresholds say nothing yet, see `finish`.

    Raises:
        SetupError: `val` lacks a label, or higher logits do not mean fake on it.
    """
    own = np.array([row.split == "val" for row in rows])
    rows = [row for row, each in zip(rows, own, strict=True) if each]
    votes = {name: np.asarray(logits)[own] for name, logits in votes.items()}
    weights, _ = fit_weights(votes, rows)
    columns = np.stack([votes[name] for name in weights], axis=1)
    slopes, counts = np.array(list(weights.values())), file_weights(rows)
    sign = np.array([1.0 if row.fake else -1.0 for row in rows])
    tried = []
    for doubt in DOUBTS if len(weights) > 1 else DOUBTS[:1]:
        drawn = columns @ slopes / (1 + doubt * spread(columns, slopes))
        (slope,), bias = _regress(drawn[:, None], sign > 0, counts)
        loss = counts @ np.logaddexp(0, -sign * (drawn * slope + bias))
        tried.append((loss, doubt, slope, bias))
    _, doubt, slope, bias = min(tried)
    weights = {name: weight * slope for name, weight in weights.items()}
    return unread(weights, bias, doubt)


def unread(weights: dict[str, float], bias: float = 0.0, doubt: float = 0.0) -> Reading:
    """A reading before its thresholds are known."""
    ends = Thresholds(real=0.4, fake=0.6)
    profiles = Profiles(strict=ends, balanced=ends, sensitive=ends)
    return Reading(weights=weights, bias=bias, doubt=doubt, thresholds=profiles)


def finish(reading: Reading, logits: np.ndarray, rows: Sequence[Row]) -> Reading:
    """Set the scale anew by whole files, and find odds and thresholds.

    Args:
        reading: whose thresholds are not known, see `unread`.
        logits: of whole files with it, shape (N,); NaN where nothing was judged.
        rows: what the N files are, of `val` and `dev-a`.
    """
    known = ~np.isnan(logits)
    logits = np.asarray(logits, np.float64)[known]
    rows = [row for row, each in zip(rows, known, strict=True) if each]
    fake = np.array([row.fake for row in rows])
    (slope,), more = _regress(logits[:, None], fake, file_weights(rows))
    if slope <= 0:
        raise SetupError(UNABLE)
    logits = logits * slope + more
    return Reading(
        weights={name: weight * slope for name, weight in reading.weights.items()},
        bias=reading.bias * slope + more,
        doubt=reading.doubt,
        thresholds=thresholds(logits, rows),
        odds=odds(logits, rows),
    )


def _regress(
    columns: np.ndarray, fake: np.ndarray, weights: np.ndarray
) -> tuple[list[float], float]:
    """Logistic regression without negative slopes.

    Args:
        columns: float64 (N, C). fake: bool (N,). weights: float64 (N,).

    Returns:
        (slopes, C of them; bias).
    """
    scale = columns.std() or 1.0  # undone below: the solver wants numbers near 1
    matrix = np.column_stack([columns / scale, np.ones(len(columns))])
    sign, part = np.where(fake, 1.0, -1.0), weights / weights.sum()
    count = columns.shape[1]
    ridge = np.append(np.full(count, RIDGE), 0.0)

    def loss(slopes: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (matrix @ slopes)
        wrong = 1 / (1 + np.exp(np.clip(margin, -500, 500)))
        slope = matrix.T @ (part * -sign * wrong) + ridge * slopes
        return float(part @ np.logaddexp(0, -margin) + ridge / 2 @ slopes**2), slope

    found = minimize(
        loss, np.zeros(count + 1), jac=True, method="L-BFGS-B",
        bounds=[(0, None)] * count + [(None, None)],
        options={"maxiter": 1000, "ftol": 1e-12, "gtol": 1e-8},
    ).x  # fmt: skip
    return (found[:-1] / scale).tolist(), float(found[-1])
