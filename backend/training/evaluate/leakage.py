"""Whether the label can be read off the file instead of the face, in what the networks are fed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from backend.training.data.face_cache import CutFace, FaceCache
from backend.training.fit.loop import sampler_of
from backend.training.recipe import KINDS, MEMBERS, RECIPES, Recipe, read_recipe

CORNER = 0.12  # of the crop's side: corners that the face does not reach
FOLDS = 5
PAIRS, PAIRS_OF_SOURCE = 512, 128
SOURCES = 12  # of fakes, the largest, that are checked each
FOUND = ("manipulated", "generated", "window")  # kinds of pairs whose fakes are files of the data
AREAS = ("whole", "corners")
_BATCH = 16  # pairs

HEAD = """<!-- Whether training batches give the label away. -->
# What tells real from fake beside the face

Printed by `python -m backend measure leakage DATA`: the area under the curve of statistics that
know nothing of faces, on batches as the networks are fed. 0.5 is nothing. "All of" the crop, or of
its corners alone, is gradient boosting over all statistics, cross-validated with pairs kept
together. The lines of a source hold its fakes beside the real faces that they are drawn with.

| batches | pairs | all of the crop | all of its corners | strongest single one |
|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Row:
    """How well statistics tell real from fake in some batches, as areas under the curve.

    Attributes:
        name: of the batches.
        pairs: how many.
        single: statistic -> its area.
        together: area of the crop -> that of all its statistics; None where pairs are too few.
    """

    name: str
    pairs: int
    single: dict[str, float]
    together: dict[str, float | None]

    @property
    def strongest(self) -> str:
        """The single statistic that tells most."""
        return max(self.single, key=lambda name: abs(self.single[name] - 0.5))


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


def measure(faces: FaceCache) -> str:
    """The page in Markdown: each recipe's batches as they are drawn, then source by source."""
    train, lines = faces.of("train"), []
    for recipe in (read_recipe(RECIPES / f"{name}.toml") for name in MEMBERS):
        for row in [*shortcuts(train, recipe, PAIRS), *by_source(train, recipe, PAIRS_OF_SOURCE)]:
            both = ["–" if each is None else f"{each:.2f}" for each in row.together.values()]
            strongest = f"{row.strongest}, {row.single[row.strongest]:.2f}"
            lines.append(f"| {row.name} | {row.pairs} | {' | '.join(both)} | {strongest} |")
    return HEAD + "\n".join(lines) + "\n"


def shortcuts(faces: Sequence[CutFace], recipe: Recipe, pairs: int) -> list[Row]:
    """Check the batches of a recipe.

    Args:
        faces: of the split "train".
        recipe: of the network.
        pairs: about how many to draw.

    Returns:
        A row for the batches as a whole, and one for each kind of pair; none where these faces
        make no pair.
    """
    recipe = _drawable(recipe, faces)
    if recipe is None:
        return []
    table, kinds = _draw(recipe, faces, pairs)
    rows = [_row(f"{recipe.name}: all", table)]
    for kind in sorted(set(kinds)) if len(set(kinds)) > 1 else ():
        rows.append(_row(f"{recipe.name}: {kind}", table[np.repeat(np.array(kinds) == kind, 2)]))
    return rows


def by_source(faces: Sequence[CutFace], recipe: Recipe, pairs: int) -> list[Row]:
    """As `shortcuts`, a row for each of the largest sources of fakes: the pairs that those make."""
    real = [face for face in faces if not face.row.fake]
    fakes: dict[str, list[CutFace]] = defaultdict(list)
    for face in faces:
        if face.row.fake:
            fakes[face.row.source].append(face)
    mix = {kind: 1.0 for kind in KINDS[recipe.sampler] if kind in FOUND}
    largest = sorted(fakes, key=lambda name: -len({face.row.key for face in fakes[name]}))
    rows = []
    for source in largest[:SOURCES]:
        own = real + fakes[source]
        if drawable := _drawable(replace(recipe, mix=mix), own):
            table, _ = _draw(drawable, own, pairs)
            rows.append(_row(f"{recipe.name}: fakes of {source}", table))
    return rows


def _drawable(recipe: Recipe, faces: Sequence[CutFace]) -> Recipe | None:
    """The recipe without the kinds of pairs that these faces cannot make; None without any."""
    lacking = sampler_of(recipe, faces).lacking()
    mix = {kind: share for kind, share in recipe.mix.items() if kind not in lacking}
    return replace(recipe, mix=mix) if any(mix.values()) else None


def _draw(recipe: Recipe, faces: Sequence[CutFace], pairs: int) -> tuple[np.ndarray, list[str]]:
    """Statistics of real and fake in turn, float64 (2 * pairs, K), and the kind of each pair."""
    sampler, values, kinds = sampler_of(recipe, faces), [], []
    for step in range(max(1, round(pairs / _BATCH))):
        images, _, _, names = sampler.batch(step, _BATCH)
        values += [list(statistics(image).values()) for image in images]
        kinds += names
    return np.array(values), kinds


def _row(name: str, table: np.ndarray) -> Row:
    names = list(statistics(np.zeros((32, 32, 3), np.uint8)))
    fake, pair = np.arange(len(table)) % 2 == 1, np.arange(len(table)) // 2
    areas = [float(roc_auc_score(fake, values)) for values in table.T]
    together = {}
    for area in AREAS:
        columns = [i for i, each in enumerate(names) if each.startswith(area)]
        enough = len(table) >= 20 * FOLDS
        together[area] = _together(table[:, columns], fake, pair) if enough else None
    return Row(name, len(table) // 2, dict(zip(names, areas, strict=True)), together)


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
