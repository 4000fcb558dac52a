"""Windows of a picture at its own resolution: what generators leave is finer than a face crop."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from backend.models.crops import Box

# What a picture is made smaller by before windows are cut, see docs/MODEL_CARD.md. The very finest
# pixels tell how a picture was stored; what is left after a reduction tells how it was made.
REDUCTIONS = (0.7, 0.5, 0.35)


def windows(
    image: np.ndarray, box: Box, size: int, reductions: Sequence[float] = REDUCTIONS
) -> np.ndarray:
    """Cut windows around the middle of a face, one for each reduction.

    Args:
        image: uint8 RGB, shape (height, width, 3), at the file's own resolution.
        box: (left, top, right, bottom) px of the face.
        size: side of a window, px.
        reductions: what the picture is made smaller by.

    Returns:
        uint8 RGB, shape (K, size, size, 3). A picture that is too small for a reduction is made
        smaller by less; K is 0 where it is smaller than a window.
    """
    sides = dict.fromkeys(region_side(image.shape, size, factor) for factor in reductions)
    middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    cut = [region(image, middle, side) for side in sides if side]
    scaled = [cv2.resize(part, (size, size), interpolation=cv2.INTER_AREA) for part in cut]
    return np.stack(scaled) if scaled else np.zeros((0, size, size, 3), np.uint8)


def region_side(shape: Sequence[int], size: int, factor: float) -> int:
    """Side of the part of a picture that a window shows, px; 0 where the picture is too small."""
    shorter = min(shape[:2])
    return 0 if shorter < size else min(round(size / factor), shorter)


def region(image: np.ndarray, middle: tuple[float, float], side: int) -> np.ndarray:
    """The square of `side` px around `middle`, moved to lie inside the picture."""
    left, top = corner(image.shape, middle, side)
    return image[top : top + side, left : left + side]


def corner(shape: Sequence[int], middle: tuple[float, float], side: int) -> tuple[int, int]:
    """(left, top) of `region` in a picture of a shape, px."""
    left, top = (
        int(np.clip(place - side / 2, 0, length - side))
        for place, length in zip(middle, (shape[1], shape[0]), strict=True)
    )
    return left, top
