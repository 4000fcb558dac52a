"""Whether the label can be read off the file instead of the face, in what the network is fed."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from backend.training.data.index import Sample
from backend.training.data.pair_sampler import PairSource
from backend.training.recipe import Recipe

CORNER = 0.12  # of the crop's side: corners that the face does not reach
FOLDS = 5
_BATCH = 16  # pairs


def statistics(image: np.ndarray) -> dict[str, float]:
    """What can be said of a picture without looking at the face.

    "whole" numbers are of the whole crop, "corners" of its four corners alone.

    Args:
        image: uint8 RGB, shape (S, S, 3).
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    detail = cv2.Laplacian(grey, cv2.CV_32F)
    saved, resaved = _encode(image, 75), _encode(image, 92)
    again = cv2.imdecode(resaved, cv2.IMREAD_COLOR)[..., ::-1]
    side = max(4, round(CORNER * len(image)))
    corners = np.zeros(grey.shape, bool)
    for rows in (slice(0, side), slice(-side, None)):
        for columns in (slice(0, side), slice(-side, None)):
            corners[rows, columns] = True
    return {
        "whole: JPEG bytes": float(len(saved)),
        "whole: change when saved again": float(cv2.absdiff(image, again).mean()),
        "whole: blocks of 8 px": _blockiness(grey),
        "whole: sharpness": float(np.log1p(detail.var())),
        "whole: brightness": float(grey.mean()),
        "whole: contrast": float(grey.std()),
        "whole: saturation": float(hsv[..., 1].mean()),
        "corners: sharpness": float(np.log1p(detail[corners].var())),
        "corners: brightness": float(grey[corners].mean()),
        "corners: saturation": float(hsv[corners, 1].mean()),
        "corners: repeated edge": _repeated(grey),
    }


def shortcuts(train: Sequence[Sample], recipe: Recipe, pairs: int) -> list[dict]:
    """How well statistics alone tell real from fake in training batches.

    Each number is an AUC; 0.5 is nothing. "all of whole" and "all of corners" are gradient
    boosting over all statistics of the kind, cross-validated with pairs kept together.

    Args:
        train: samples of the `train` split.
        recipe: of the run that made the model.
        pairs: about how many to draw.

    Returns:
        Rows {kind, pairs, statistic, auc}; kind "all" is the batch as a whole.
    """
    source = PairSource(
        list(train),
        recipe.mix,
        recipe.size,
        recipe.margin,
        recipe.seed,
        recipe.untouched,
        redraw=recipe.redraw,
    )
    values: list[dict[str, float]] = []
    kinds: list[str] = []
    for step in range(max(1, round(pairs / _BATCH))):
        images, _, _, names = source.batch(step, _BATCH)
        values += [statistics(image) for image in images]
        kinds += [name for name in names for _ in range(2)]
    table = np.array([list(value.values()) for value in values])
    names, fake = list(values[0]), np.arange(len(table)) % 2 == 1
    pair = np.arange(len(table)) // 2
    rows = []
    for kind in ["all", *sorted(set(kinds))]:
        own = np.array([kind in ("all", each) for each in kinds])
        found = {
            name: float(roc_auc_score(fake[own], table[own, column]))
            for column, name in enumerate(names)
        }
        for area in ("whole", "corners"):
            columns = [i for i, name in enumerate(names) if name.startswith(area)]
            if own.sum() >= 20 * FOLDS:
                found[f"{area}: all together"] = _together(
                    table[own][:, columns], fake[own], pair[own]
                )
        rows += [
            {"kind": kind, "pairs": int(own.sum() // 2), "statistic": name, "auc": auc}
            for name, auc in found.items()
        ]
    return rows


def _together(table: np.ndarray, fake: np.ndarray, pair: np.ndarray) -> float:
    model = HistGradientBoostingClassifier(max_iter=60, max_depth=3, random_state=0)
    folds = GroupKFold(FOLDS)
    with threadpool_limits(1):  # the tables are too small for threads to pay
        said = cross_val_predict(model, table, fake, groups=pair, cv=folds, method="predict_proba")
    return float(roc_auc_score(fake, said[:, 1]))


def _encode(image: np.ndarray, quality: int) -> np.ndarray:
    return cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]


def _blockiness(grey: np.ndarray) -> float:
    """Steps at the borders of JPEG's blocks over steps elsewhere, both directions."""
    values = grey.astype(np.float32)
    ratios = []
    for steps in (np.abs(np.diff(values, axis=0)).mean(1), np.abs(np.diff(values, axis=1)).mean(0)):
        edge = np.arange(len(steps)) % 8 == 7
        ratios.append(steps[edge].mean() / (steps[~edge].mean() + 1e-3))
    return float(np.mean(ratios))


def _repeated(grey: np.ndarray) -> float:
    """Share of the outer rows and columns that repeat their neighbour: the crop left the picture.

    Counted from each side inwards, over a quarter of the side.
    """
    reach = max(1, len(grey) // 4)
    values = grey.astype(np.float32)
    count = 0
    for turn in range(4):
        steps = np.abs(np.diff(np.rot90(values, turn)[: reach + 1], axis=0)).mean(axis=1) < 0.75
        count += reach if steps.all() else int(steps.argmin())
    return count / (4 * reach)
