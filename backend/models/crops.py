"""The one crop definition: what the classifier sees of a face, in training and in serving."""

from __future__ import annotations

import cv2
import numpy as np

Box = tuple[float, float, float, float]
# The views that `views_of` knows: how much wider than the crop each is, and whether it is mirrored.
VIEWS = ((1.0, False), (1.2, True), (0.9, False), (1.1, False))
# Degrees that a face may lie turned before it is turned upright. Heads are held like this in all
# data that networks learn from, and what is not turned is not interpolated.
LEVEL = 20.0


def crop_square(box: Box, margin: float) -> Box:
    """The square around a face box.

    Args:
        box: (left, top, right, bottom) px, as the face detector gives it.
        margin: share of the box's longer side that the square is longer, e.g. 0.15.

    Returns:
        (left, top, right, bottom) px of a square with the box's centre.
    """
    left, top, right, bottom = box
    half = max(right - left, bottom - top) * (1.0 + margin) / 2
    x, y = (left + right) / 2, (top + bottom) / 2
    return x - half, y - half, x + half, y + half


def crop_face(
    image: np.ndarray, box: Box, margin: float, size: int, roll: float = 0.0
) -> np.ndarray:
    """Cut a face out, square, upright, at the network's input size.

    The part of the square beyond the picture repeats the picture's edge. Large faces are reduced
    by area averaging first, so that no detail aliases.

    Args:
        image: uint8 RGB, shape (height, width, 3).
        box: (left, top, right, bottom) px, as the face detector gives it.
        margin: see `crop_square`.
        size: side of the result in px.
        roll: degrees clockwise that the face lies turned, which are undone; those up to `LEVEL`
            are not.

    Returns:
        uint8 RGB, shape (size, size, 3).
    """
    height, width = image.shape[:2]
    left, top, right, bottom = crop_square(box, margin)
    turned = abs(roll) > LEVEL
    room = 2 + (0.21 * (right - left) if turned else 0)  # a square that turns needs root 2 of it
    x0, y0 = max(0, int(np.floor(left - room))), max(0, int(np.floor(top - room)))
    x1, y1 = min(width, int(np.ceil(right + room))), min(height, int(np.ceil(bottom + room)))
    if x0 >= x1 or y0 >= y1:  # the box lies outside the picture
        x0, y0, x1, y1 = 0, 0, width, height
    part = image[y0:y1, x0:x1]
    left, top, side = left - x0, top - y0, right - left
    reduce = side / size
    if reduce > 2:  # warpAffine samples four pixels only; average down to between 1x and 2x before
        step = 2 ** int(np.floor(np.log2(reduce)))
        part = cv2.resize(
            part,
            (max(1, part.shape[1] // step), max(1, part.shape[0] // step)),
            interpolation=cv2.INTER_AREA,
        )
        left, top, side = left / step, top / step, side / step
    # Pixel centres: output (i + 0.5) * side / size + left - 0.5 in the source.
    matrix = np.array([[side / size, 0, 0], [0, side / size, 0]])
    if turned:
        matrix[:, :2] @= turn(roll)
    middle_of_output = np.full(2, (size - 1) / 2)
    middle_of_square = np.array((left, top)) + side / 2 - 0.5
    matrix[:, 2] = middle_of_square - matrix[:, :2] @ middle_of_output
    return cv2.warpAffine(
        part,
        matrix,
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def turn(roll: float) -> np.ndarray:
    """What turns (x, y), y pointing down, clockwise by `roll` degrees: float64, shape (2, 2)."""
    cos, sin = np.cos(np.radians(roll)), np.sin(np.radians(roll))
    return np.array([[cos, -sin], [sin, cos]])


def turned_back(located: np.ndarray, roll: float) -> np.ndarray:
    """A map of the square that `crop_face` cut, float32 (h, w), as it lies in the picture.

    Cells of the picture's square that the crop did not show repeat the nearest that it did.
    """
    if abs(roll) <= LEVEL:
        return located
    middle = (np.array(located.shape[::-1]) - 1) / 2
    matrix = np.column_stack([turn(-roll), middle - turn(-roll) @ middle])
    return cv2.warpAffine(
        located,
        matrix,
        located.shape[::-1],
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def view_side(size: int, view: int) -> int:
    """Side of the part of a cut that a view shows, px, where the crop is `size` px of it."""
    return size + 2 * round(size * (VIEWS[view][0] - 1) / 2)


def cut_side(size: int, count: int) -> int:
    """Side of the cut that `count` views need, px, for a network's input of `size` px."""
    return max(view_side(size, view) for view in range(count))


def middle(cuts: np.ndarray, size: int) -> np.ndarray:
    """The middle of `size` px of pictures: uint8, shape (..., H, W, 3) to (..., size, size, 3)."""
    edge = (cuts.shape[-2] - size) // 2
    return cuts[..., edge : edge + size, edge : edge + size, :]


def views_of(cuts: np.ndarray, size: int, count: int) -> list[np.ndarray]:
    """Several views of the same faces, as one looks twice before one is sure.

    Args:
        cuts: uint8 RGB, shape (N, C, C, 3); C is `cut_side(size, count)` or more.
        size: side of the views, px.
        count: views wanted, the first of `VIEWS`.

    Returns:
        `count` arrays, uint8 RGB, shape (N, size, size, 3).
    """
    views = []
    for view in range(count):
        parts = middle(cuts, view_side(size, view))
        faces = np.stack([_scaled(part, size) for part in parts])
        views.append(faces[:, :, ::-1] if VIEWS[view][1] else faces)
    return views


def _scaled(part: np.ndarray, size: int) -> np.ndarray:
    how = cv2.INTER_AREA if len(part) > size else cv2.INTER_CUBIC
    return cv2.resize(part, (size, size), interpolation=how)
