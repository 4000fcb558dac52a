"""How well heat maps find what was changed: the faces, the maps of them, and how these score."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from sklearn.metrics import roc_auc_score

from backend.errors import SetupError
from backend.models.classifier import Classifier, FaceCut
from backend.models.crops import crop_face
from backend.training.augment.blend import blend
from backend.training.augment.regions import REGIONS
from backend.training.data.face_cache import CutFace
from backend.training.data.pair_sampler import laid_over

CHANGED = 10.0  # grey levels between a swap and its original from which a pixel counts as changed
LEAST = 0.005  # share of the crop that must be changed for a picture to count
THRESHOLDS = np.arange(-4, 12.1, 0.25)  # log-odds above where the page begins to colour
RADII = np.arange(0.1, 0.71, 0.02)  # of the disc that stands for knowing nothing, in crops
RESAMPLES = 1000
BATCH = 32  # faces judged at once


@dataclass(frozen=True, slots=True)
class Trial:
    """One manipulated face.

    Attributes:
        kind: the region that was blended, or the family of methods.
        values: float32 (S, S): the heat map stretched over the crop; above 0 the page colours it.
        mask: bool (S, S): what was changed.
        found: whether the face as a whole scored above even odds.
        chooses: whether it is of the half that chooses thresholds; the other half measures IoU.
    """

    kind: str
    values: np.ndarray
    mask: np.ndarray
    found: bool
    chooses: bool

    @property
    def hit(self) -> bool:
        """The pointing game (Zhang et al., ECCV 2016): the hottest place lies in the mask."""
        return bool(self.mask.flat[self.values.argmax()])

    @property
    def ranking(self) -> float:
        """Chance that a changed pixel is hotter than an unchanged one (AUC)."""
        return float(roc_auc_score(self.mask[::4, ::4].ravel(), self.values[::4, ::4].ravel()))


@dataclass(frozen=True, slots=True)
class Row:
    """Means over the trials of one kind; pairs are 95 % bootstrap intervals.

    Attributes:
        kind, trials: which and how many.
        area: share of the crop that was changed: the pointing game's level of chance.
        middle: pointing game of always saying the middle of the crop.
        hit: pointing game of the heat map.
        found, found_hit: trials that scored above even odds, and the pointing game among them.
        iou: of the mask and the places above the threshold, on those of the found that were not
            used to choose it: a face that scores real shows no heat, and shall not.
        drawn_iou: the same of the places that the page colours.
        disc_iou: of the mask and a disc in the middle, its radius chosen as the threshold was.
        ranking: see `Trial`.
    """

    kind: str
    trials: int
    area: float
    middle: float
    hit: float
    hit_interval: tuple[float, float]
    found: int
    found_hit: float | None
    found_hit_interval: tuple[float, float] | None
    iou: float | None
    iou_interval: tuple[float, float] | None
    drawn_iou: float | None
    disc_iou: float | None
    ranking: float


@dataclass(frozen=True, slots=True)
class Manipulated:
    """A face before it is judged: its kind and what was changed, as of `Trial`, and its cut."""

    kind: str
    cut: FaceCut
    mask: np.ndarray


def blends(faces: Sequence[CutFace], classifier: Classifier, each: int) -> Iterator[Manipulated]:
    """Self-blended real faces, one a group, `each` of every region."""
    real = {f.row.group: f for f in faces if not f.row.fake and f.record["meshed"]}
    rng = np.random.default_rng(0)
    names = list(REGIONS)
    groups = rng.permutation(sorted(real))[: each * len(names)]
    for number, face in enumerate(real[group] for group in groups):
        region = names[number % len(names)]
        picture, alpha = blend(face.image(), face.landmarks, rng, regions=[region])
        alpha = _cropped(alpha, face, classifier)
        mask = alpha > max(alpha.max() / 2, 0.02)
        yield Manipulated(region, classifier.cut(picture, face.box), mask)


def swaps(faces: Sequence[CutFace], classifier: Classifier, count: int) -> Iterator[Manipulated]:
    """Fakes that lie over their originals, in the same box; `count` groups of each family."""
    real: dict[tuple, list[CutFace]] = defaultdict(list)
    pairs: dict[str, dict[str, tuple[CutFace, CutFace]]] = defaultdict(dict)
    for face in faces:
        if not face.row.fake:
            real[face.row.group, float(face.record["time"])].append(face)
    for fake in faces:
        for own in real[fake.row.group, float(fake.record["time"])] if fake.row.fake else ():
            if laid_over(own, fake):
                pairs[fake.row.family].setdefault(fake.row.group, (own, fake))
    for family, groups in sorted(pairs.items()):
        for group in np.random.default_rng(0).permutation(sorted(groups))[:count]:
            own, fake = groups[group]
            cuts = [classifier.cut(face.image(), own.box) for face in (fake, own)]
            difference = cv2.absdiff(cuts[0].crop, cuts[1].crop).astype(np.float32).mean(axis=2)
            # Smoothed, so that recompression counts less than a face that was laid over.
            mask = cv2.GaussianBlur(difference, (0, 0), 3) > CHANGED
            yield Manipulated(family, cuts[0], mask)


def _cropped(mask: np.ndarray, face: CutFace, classifier: Classifier) -> np.ndarray:
    """A mask of the picture as the face network sees it."""
    member = next(each for each in classifier.config.members if each.input == "face")
    return crop_face(mask, face.box, member.margin, member.input_size)


def judge(classifier: Classifier, faces: Sequence[Manipulated]) -> list[Trial]:
    """Make the heat maps, all but those of faces with too little changed to point at.

    Raises:
        SetupError: the model has no heat maps.
    """
    faces = [face for face in faces if LEAST < face.mask.mean() < 1]
    if not faces:
        return []
    trials: list[Trial] = []
    seen: Counter[str] = Counter()
    for start in range(0, len(faces), BATCH):
        batch = faces[start : start + BATCH]
        scores = classifier.judge([face.cut for face in batch])
        if scores.maps is None:
            raise SetupError("The model has no heat map: it must end in average pooling and Dense.")
        found = classifier.probabilities(scores.logits) >= 0.5
        for face, located, above in zip(batch, scores.maps, found, strict=True):
            heat = classifier.heat((0, 0, 1, 1), located).values
            values = cv2.resize(heat, face.mask.shape[::-1])
            seen[face.kind] += 1
            chooses = seen[face.kind] % 2 == 0
            trials.append(Trial(face.kind, values, face.mask, bool(above), chooses))
    return trials


def rows_of(trials: Sequence[Trial], threshold: float, radius: float) -> list[Row]:
    """One row a kind, and one for all blends."""
    kinds = list(dict.fromkeys(trial.kind for trial in trials))
    groups = {kind: [t for t in trials if t.kind == kind] for kind in kinds}
    return [
        _row(kind, members, threshold, radius)
        for kind, members in [
            ("all blends", [t for t in trials if t.kind in REGIONS]),
            *groups.items(),
        ]
        if members
    ]


def choose(trials: Sequence[Trial]) -> tuple[float, float]:
    """The threshold of the maps and the radius of the disc with the best mean IoU on one half.

    Raises:
        SetupError: the model finds none of these faces manipulated.
    """
    trials = [t for t in trials if t.chooses and t.found]
    if not trials:
        raise SetupError("No manipulated face scores above even odds: there is nothing to measure.")
    threshold = max(THRESHOLDS, key=lambda t: np.mean([_iou(x.values > t, x.mask) for x in trials]))
    radius = max(RADII, key=lambda r: np.mean([_iou(_disc(x.mask, r), x.mask) for x in trials]))
    return float(threshold), float(radius)


def _row(kind: str, trials: Sequence[Trial], threshold: float, radius: float) -> Row:
    hits = np.array([t.hit for t in trials], float)
    found = hits[[t.found for t in trials]]
    held_out = [t for t in trials if t.found and not t.chooses]
    ious = np.array([_iou(t.values > threshold, t.mask) for t in held_out])
    drawn = np.array([_iou(t.values > 0, t.mask) for t in held_out])
    discs = np.array([_iou(_disc(t.mask, radius), t.mask) for t in held_out])
    return Row(
        kind,
        len(trials),
        float(np.mean([t.mask.mean() for t in trials])),
        float(np.mean([t.mask[tuple(n // 2 for n in t.mask.shape)] for t in trials])),
        *_mean(hits),
        len(found),
        *_mean(found),
        *_mean(ious),
        _mean(drawn)[0],
        _mean(discs)[0],
        float(np.mean([t.ranking for t in trials])),
    )


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max(1, (a | b).sum()))


def _disc(mask: np.ndarray, radius: float) -> np.ndarray:
    height, width = mask.shape
    y, x = np.ogrid[:height, :width]
    return np.hypot((y + 0.5) / height - 0.5, (x + 0.5) / width - 0.5) < radius


def _mean(values: np.ndarray) -> tuple[float | None, tuple[float, float] | None]:
    """The mean and its 95 % bootstrap interval; every trial is of another group."""
    if not len(values):
        return None, None
    drawn = np.random.default_rng(0).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(values[drawn].mean(axis=1), (2.5, 97.5))
    return float(values.mean()), (float(low), float(high))
