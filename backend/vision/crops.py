"""The one crop definition: what the classifier sees of a face, in training and in serving."""

from __future__ import annotations

import cv2
import numpy as np

Box = tuple[float, float, float, float]
CLOSER = 1.2  # times that the second look is nearer


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


def look_closer(crops: np.ndarray) -> np.ndarray:
    """A second look at faces: mirrored, and their middle enlarged.

    Args:
        crops: uint8 RGB, shape (N, S, S, 3).

    Returns:
        uint8 RGB of the same shape.
    """
    size = crops.shape[1]
    centre = (size - 1) / 2
    matrix = np.array(
        [[-CLOSER, 0, centre * (1 + CLOSER)], [0, CLOSER, centre * (1 - CLOSER)]], np.float64
    )
    looks = [cv2.warpAffine(crop, matrix, (size, size), flags=cv2.INTER_CUBIC) for crop in crops]
    return np.stack(looks)
