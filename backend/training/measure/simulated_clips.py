"""Clips made from single held-out faces: many looks at one face, with the losses of one clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from backend.models.classifier import Classifier
from backend.models.crops import Box
from backend.models.quality import sharpness
from backend.training.augment import degrade
from backend.training.augment.conditions import CONDITIONS
from backend.training.data.index import Sample

SEED = 5
SPIKE = 6.0  # logit of a look that went wrong
FEW = 12  # looks of a short clip
ONE, ALL = 0, 1  # ways to judge a face: see `Looks`
DRIFT = 0.9, 0.6  # logits, correlation of neighbours: how the scores of a moving head wander


@dataclass(frozen=True, slots=True)
class Looks:
    """Raw logits of simulated clips.

    Each face was judged in two ways: by one look at its crop, as in clips of
    `backend.analysis.face_scores.SEVERAL` moments, and by as many as the calibration says, as in
    shorter ones.

    Attributes:
        good: float32, shape (clips, looks, 2): what a tracker hands on of a steady face.
        bad: float32, shape (clips, fewer looks, 2): the same face half out of the box, behind
            something, blurred or dark.
    """

    good: np.ndarray
    bad: np.ndarray


def simulate(classifier: Classifier, samples: Sequence[Sample], looks: int, bad: int = 0) -> Looks:
    """Judge `looks` views of each sample.

    All looks of a clip went through one of `CONDITIONS`; each look has its own small error of
    box and angle, its own light and its own compression. Clip number i draws the same numbers
    whatever the samples are, so that the two members of a pair, at the same place of two lists,
    differ in the swap alone. A picture has one expression and one pose: the looks of a true clip
    differ more, so that its mean is surer than here.

    Args:
        samples: one clip is made of each.
        looks, bad: views a clip.
    """
    out = Looks(*(np.empty((len(samples), views, 2), np.float32) for views in (looks, bad)))
    names = list(CONDITIONS)
    for i, sample in enumerate(samples):
        rng = np.random.default_rng([SEED, i])
        image = CONDITIONS[names[rng.integers(len(names))]](sample.image())
        cuts = []
        for j in range(looks + bad):
            picture, box = _look(image, sample.box, rng)
            if j >= looks:
                picture, box = _ruin(picture, box, rng)
            cuts.append(classifier.cut(picture, box))
        outputs, _ = classifier.outputs(np.stack(cuts))
        sharp = np.array([sharpness(classifier.view(cut)) for cut in cuts])
        judged = (classifier.calibration.logits(part, sharp) for part in (outputs[:, :1], outputs))
        both = np.stack(list(judged), axis=-1)
        out.good[i], out.bad[i] = both[:looks], both[looks:]
    return out


def _look(image: np.ndarray, box: Box, rng: np.random.Generator) -> tuple[np.ndarray, Box]:
    height, width = image.shape[:2]
    left, top, right, bottom = box
    x, y, side = (left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top)
    turn = cv2.getRotationMatrix2D((x, y), rng.normal(0, 3), 1.0)
    image = cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    image = degrade.tone(
        float(np.exp(rng.normal(0, 0.05))), float(rng.normal(0, 4)), 1.0, 1.0, np.zeros(3)
    )(image)
    if rng.random() < 0.3:
        image = degrade.blur(rng.uniform(0.3, 1.2))(image)
    image = degrade.jpeg(int(rng.integers(50, 96)))(image)
    x, y = (x, y) + rng.normal(0, 0.02, 2) * side
    half = side * float(np.exp(rng.normal(0, 0.04))) / 2
    return image, (x - half, y - half, x + half, y + half)


def _ruin(image: np.ndarray, box: Box, rng: np.random.Generator) -> tuple[np.ndarray, Box]:
    left, top, right, bottom = box
    side = right - left
    kind = rng.integers(4)
    if kind == 0:  # the tracker lost half of the face
        angle = rng.uniform(0, 2 * np.pi)
        x, y = 0.4 * side * np.cos(angle), 0.4 * side * np.sin(angle)
        return image, (left + x, top + y, right + x, bottom + y)
    if kind == 1:  # a hand or a microphone in front of it
        height, width = (int(side * rng.uniform(0.3, 0.6)) for _ in range(2))
        row = int(max(0, top + rng.uniform(0.2, 0.6) * side))
        column = int(max(0, left + rng.uniform(0, 0.6) * side))
        colour = rng.integers(0, 256, 3)
        return degrade.cut_out(row, column, height, width, colour)(image), box
    if kind == 2:  # it moved
        return degrade.blur(side * rng.uniform(0.03, 0.06))(image), box
    return degrade.tone(rng.uniform(0.15, 0.4), 0, 1.0, 1.0, np.zeros(3))(image), box


def scenarios(real: Looks, fake: Looks) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Name -> logits of real and of manipulated clips, each (clips, looks)."""
    rng = np.random.default_rng(SEED)
    good = [x.good.astype(np.float64) for x in (real, fake)]
    r, f = (x[..., ONE] for x in good)
    both_r, both_f = (x[..., ALL] for x in good)
    few_r, few_f = both_r[:, :FEW], both_f[:, :FEW]
    moving_r, moving_f = (x + _drift(x.shape, rng) for x in (r, f))
    looks = r.shape[1]
    return {
        "whole clip": (r, f),
        "a quarter swapped": (r, replace(r, f, looks // 4, rng)),
        "an eighth swapped": (r, replace(r, f, looks // 8, rng)),
        "5 bad looks in a row": (
            _spoil(r, real.bad[..., ONE], rng),
            _spoil(f, fake.bad[..., ONE], rng),
        ),
        "3 looks at +6": (_spike(r, rng), f),
        "moving, whole clip": (moving_r, moving_f),
        "moving, a quarter swapped": (moving_r, replace(moving_r, moving_f, looks // 4, rng)),
        f"{FEW} looks": (few_r, few_f),
        f"{FEW} looks, 3 in a row at +6": (
            replace(few_r, np.full((len(r), FEW), SPIKE), 3, rng),
            few_f,
        ),
        f"{FEW} looks, 5 bad ones in a row": (
            _spoil(few_r, real.bad[..., ALL], rng),
            _spoil(few_f, fake.bad[..., ALL], rng),
        ),
        "whole clip, more looks at each face": (both_r, both_f),
        "a quarter swapped, more looks at each face": (
            both_r,
            replace(both_r, both_f, looks // 4, rng),
        ),
    }


def replace(real: np.ndarray, fake: np.ndarray, length: int, rng) -> np.ndarray:
    """Real clips with one stretch of `length` looks from the swap, anywhere."""
    out = real.copy()
    for row, other in zip(out, fake, strict=True):
        start = rng.integers(0, len(row) - length + 1)
        row[start : start + length] = other[start : start + length]
    return out


def _spoil(good: np.ndarray, bad: np.ndarray, rng, length: int = 5) -> np.ndarray:
    """Clips with a stretch of bad looks, anywhere."""
    repeats = -(-good.shape[1] // length)
    return replace(good, np.tile(bad[:, :length], repeats)[:, : good.shape[1]], length, rng)


def _spike(good: np.ndarray, rng, count: int = 3) -> np.ndarray:
    out = good.copy()
    for row in out:
        row[rng.choice(len(row), count, replace=False)] = SPIKE
    return out


def _drift(shape: tuple[int, int], rng) -> np.ndarray:
    """First-order autoregressive noise, float (clips, looks)."""
    spread, memory = DRIFT
    steps = rng.normal(0, spread, shape)
    for t in range(1, shape[1]):
        steps[:, t] = memory * steps[:, t - 1] + np.sqrt(1 - memory**2) * steps[:, t]
    return steps
