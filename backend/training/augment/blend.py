"""Self-blended faces: a real face blended with a changed copy of itself, or with a similar face.

Method: Shiohara and Yamasaki, "Detecting Deepfakes with Self-Blended Images", CVPR 2022, with the
468-point MediaPipe mesh for the masks and, beside whole faces, small regions that stand for
expression transfer and lip-sync.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from backend.training.augment.degrade import jpeg
from backend.training.augment.regions import REGIONS, region_mask
from backend.training.augment.warp import warp

# Share of the blends whose seam is hidden by Poisson blending, as graphics-based swaps hide it.
SEAMLESS = {"other": 0.4, "self": 0.15}
# (uint8 RGB (H, W, 3), landmarks float32 (468, 2), generator) -> uint8 RGB (H, W, 3)
Redraw = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


def _soften(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Bend the mask elastically, grow or shrink it, and give it a hard or a soft edge."""
    height, width = mask.shape
    coarse = rng.normal(0, 1, (2, 5, 5)).astype(np.float32) * rng.uniform(0, 0.03) * width
    shift = [cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC) for field in coarse]
    grid_x, grid_y = np.meshgrid(
        np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    )
    mask = cv2.remap(mask, grid_x + shift[0], grid_y + shift[1], cv2.INTER_LINEAR)
    reach = int(rng.integers(-4, 4) * width / 160)
    if reach:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(reach) + 1,) * 2)
        mask = (cv2.dilate if reach > 0 else cv2.erode)(mask, kernel)
    sigma = float(np.exp(rng.uniform(np.log(0.4), np.log(0.06 * width))))
    mask = cv2.GaussianBlur(mask, (0, 0), sigma)
    peak = float(mask.max())
    return mask / peak if peak > 0.05 else mask


def change_colour(image: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """Shift channels, hue, saturation, brightness, contrast and gamma of a uint8 RGB image."""
    out = image.astype(np.float32) + rng.normal(0, 8 * strength, 3).astype(np.float32)
    mean = out.mean()
    out = (out - mean) * (1 + rng.normal(0, 0.12 * strength)) + mean + rng.normal(0, 10 * strength)
    grey = out.mean(axis=2, keepdims=True)
    out = grey + (out - grey) * (1 + rng.normal(0, 0.18 * strength))
    if rng.random() < 0.3:
        out = 255 * (np.clip(out, 0, 255) / 255) ** np.exp(rng.normal(0, 0.15 * strength))
    return np.clip(out, 0, 255).astype(np.uint8)


def _change_frequency(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Soften by down-and-up scaling, sharpen, or recompress, as a generator's output was.

    A third of the scaled ones also lose the texture of their surfaces, as the faces of an
    autoencoder do: it draws edges before pores.
    """
    height, width = image.shape[:2]
    choice = rng.random()
    if choice < 0.5:
        scale = rng.uniform(0.25, 0.9)
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        if rng.random() < 0.33:
            small = cv2.bilateralFilter(small, 5, rng.uniform(10, 50), rng.uniform(1, 3))
        how = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[rng.integers(2)]
        return cv2.resize(small, (width, height), interpolation=how)
    if choice < 0.75:
        blurred = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.6, 2.0))
        amount = rng.uniform(0.3, 1.2)
        return cv2.addWeighted(image, 1 + amount, blurred, -amount, 0)
    quality = int(rng.integers(25, 85))
    return jpeg(quality)(image)


def _misplace(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator):
    """Move, scale and turn image and mask together by a little: the landmark mismatch of a swap."""
    height, width = mask.shape
    matrix = cv2.getRotationMatrix2D(
        (width / 2, height / 2), rng.normal(0, 1.5), float(np.exp(rng.normal(0, 0.025)))
    )
    matrix[:, 2] += rng.uniform(-0.03, 0.03, 2) * (width, height)
    return (
        cv2.warpAffine(
            image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        ),
        cv2.warpAffine(mask, matrix, (width, height), flags=cv2.INTER_LINEAR),
    )


def _fit(
    source: np.ndarray, from_points: np.ndarray, to_points: np.ndarray, shape, bend: bool
) -> np.ndarray | None:
    """Turn and scale `source` to lay its landmarks near `to_points`; on them with `bend`."""
    matrix, _ = cv2.estimateAffinePartial2D(
        from_points[::9].copy(), to_points[::9].copy(), method=cv2.LMEDS
    )
    if matrix is None:
        return None
    fitted = cv2.warpAffine(
        source, matrix, shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    if not bend:
        return fitted
    points = from_points @ matrix[:, :2].T + matrix[:, 2]
    return warp(fitted, points.astype(np.float32), to_points)


def _match_colour(source: np.ndarray, target: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Give the source the target's mean and spread in the mask (Reinhard et al., 2001, in RGB)."""
    inside = mask > 0.5
    if inside.sum() < 50:
        return source
    a, b = source[inside].astype(np.float32), target[inside].astype(np.float32)
    out = (source - a.mean(0)) / (a.std(0) + 1e-3) * b.std(0) + b.mean(0)
    return np.clip(out, 0, 255).astype(np.uint8)


def _clone(source: np.ndarray, target: np.ndarray, mask: np.ndarray) -> np.ndarray | None:
    """Lay the source's gradients into the target (Pérez et al., "Poisson Image Editing", 2003)."""
    inside = (mask > 0.5).astype(np.uint8)
    inside[[0, 1, -2, -1]] = inside[:, [0, 1, -2, -1]] = 0  # OpenCV wants a rim around it
    left, top, width, height = cv2.boundingRect(inside)
    if min(width, height) < 8:
        return None
    middle = (left + width // 2, top + height // 2)
    return cv2.seamlessClone(source, target, 255 * inside, middle, cv2.NORMAL_CLONE)


def blend(
    image: np.ndarray,
    landmarks: np.ndarray,
    rng: np.random.Generator,
    other: tuple[np.ndarray, np.ndarray] | None = None,
    moved: tuple[np.ndarray, np.ndarray] | None = None,
    regions: Sequence[str] = tuple(REGIONS),
    redraw: Redraw | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Make a manipulated face out of a real one.

    Args:
        image: uint8 RGB, shape (H, W, 3).
        landmarks: float32, shape (468, 2), px.
        rng: seeded generator.
        other: (image, landmarks) of another face to blend in; None blends the face with itself.
        moved: (image, landmarks) of the same picture with another expression, to blend in.
        regions: keys of `REGIONS` to draw from, in their shares.
        redraw: draws what is blended in anew, see `backend.training.augment.redraw`; None to
            leave it.

    Returns:
        (blended uint8 RGB (H, W, 3), alpha mask float32 (H, W) in 0..1).
    """
    shares = np.array([REGIONS[name][1] for name in regions])
    region = regions[rng.choice(len(regions), p=shares / shares.sum())]
    mask = region_mask(landmarks, image.shape[:2], region)
    source, target = image, image
    if moved is not None:
        source = moved[0]
        mask = np.maximum(mask, region_mask(moved[1], image.shape[:2], region))
    if other is not None:
        # Half of them as a swap by a model of the face's shape, half as a cut-out laid over it.
        fitted = _fit(other[0], other[1], landmarks, image.shape[:2], rng.random() < 0.5)
        if fitted is not None:
            source = _match_colour(fitted, image, mask) if rng.random() < 0.8 else fitted
    if redraw is not None:
        source = redraw(source, landmarks if moved is None else moved[1], rng)
        if rng.random() < 0.5:
            source = _match_colour(source, image, mask)
    # One side is changed, so that the two differ in statistics as two sources would.
    small = region in ("mouth", "eyes", "nose")
    itself = other is None and moved is None and redraw is None
    outside = itself and rng.random() < 0.5
    changed = target if outside else source
    # What moves an expression has the person's own colours to begin with.
    strength = 0.6 if moved is not None else 1.5 if small else 1.0
    altered = change_colour(changed, rng, rng.uniform(0.2, 1.0) * strength)
    if rng.random() < (0.6 if redraw is None else 0.2):  # what is drawn anew differs in it already
        altered = _change_frequency(altered, rng)
    if outside:
        target = altered
    else:
        source = altered
    if moved is None or rng.random() < 0.3:  # what moves an expression keeps its place
        source, mask = _misplace(source, mask, rng)
    if rng.random() < (SEAMLESS["other"] if other is not None else SEAMLESS["self"]):
        out = _clone(source, target, mask)
        if out is not None:
            return out, (mask > 0.5).astype(np.float32)
    ratio = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)[rng.integers(6)]
    if small or not itself:
        ratio = max(ratio, 0.75)
    alpha = np.clip(_soften(mask, rng) * ratio, 0, 1)
    out = source * alpha[..., None] + target * (1 - alpha[..., None])
    return np.clip(out + 0.5, 0, 255).astype(np.uint8), alpha
