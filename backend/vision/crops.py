"""The one crop definition: what the classifier sees of a face, in training and in serving."""

from __future__ import annotations

import cv2
import numpy as np

Box = tuple[float, float, float, float]
NEARER = 1.2  # times: how much larger the middle of a closer look is, and the square of a wider one
LOOKS = 4  # that `looks_at` knows


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


def crop_face(image: np.ndarray, box: Box, margin: float, size: int) -> np.ndarray:
    """Cut a face out, square, at the network's input size.

    The part of the square beyond the picture repeats the picture's edge. Large faces are reduced
    by area averaging first, so that no detail aliases.

    Args:
        image: uint8 RGB, shape (height, width, 3).
        box: (left, top, right, bottom) px, as the face detector gives it.
        margin: see `crop_square`.
        size: side of the result in px.

    Returns:
        uint8 RGB, shape (size, size, 3).
    """
    height, width = image.shape[:2]
    left, top, right, bottom = crop_square(box, margin)
    x0, y0 = max(0, int(np.floor(left)) - 2), max(0, int(np.floor(top)) - 2)
    x1, y1 = min(width, int(np.ceil(right)) + 2), min(height, int(np.ceil(bottom)) + 2)
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
    scale = size / side
    # Pixel centres: output (i + 0.5) / scale + left - 0.5 in the source.
    matrix = np.array(
        [
            [1 / scale, 0, left + 0.5 / scale - 0.5],
            [0, 1 / scale, top + 0.5 / scale - 0.5],
        ],
        np.float64,
    )
    return cv2.warpAffine(
        part,
        matrix,
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def wide_side(size: int) -> int:
    """Side of the cut that the wider look needs, px, for a network's input of `size` px."""
    return size + 2 * round(size * (NEARER - 1) / 2)


def middle(cuts: np.ndarray, size: int) -> np.ndarray:
    """The middle of `size` px of pictures: uint8, shape (..., H, W, 3) to (..., size, size, 3)."""
    edge = (cuts.shape[-2] - size) // 2
    return cuts[..., edge : edge + size, edge : edge + size, :]


def looks_at(cuts: np.ndarray, size: int, count: int) -> list[np.ndarray]:
    """Several looks at the same faces, as one looks at a picture twice before one is sure.

    In this order: as trained; mirrored, the middle enlarged; with more around the face; the middle
    enlarged and not mirrored.

    Args:
        cuts: uint8 RGB, shape (N, C, C, 3); C is `wide_side(size)` where the wider look is wanted.
        size: side of the looks, px.
        count: looks wanted, 1 to `LOOKS`.

    Returns:
        `count` arrays, uint8 RGB, shape (N, size, size, 3).
    """
    faces = middle(cuts, size)
    looks = [faces]
    if count > 1:
        closer = np.stack([_enlarged(face) for face in faces])
        looks.append(closer[:, :, ::-1])
    if count > 2:
        scaled = [cv2.resize(cut, (size, size), interpolation=cv2.INTER_AREA) for cut in cuts]
        looks += [np.stack(scaled), closer]
    return looks[:count]


def _enlarged(face: np.ndarray) -> np.ndarray:
    """The middle of a square picture, `NEARER` times as large."""
    size = len(face)
    edge = (size - 1) / 2 * (1 - NEARER)
    matrix = np.array([[NEARER, 0, edge], [0, NEARER, edge]], np.float64)
    return cv2.warpAffine(face, matrix, (size, size), flags=cv2.INTER_CUBIC)
