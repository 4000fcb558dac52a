"""Describes how a face looks, so that two can be compared: one person or two?"""

from __future__ import annotations

import cv2
import numpy as np

from backend.records.observations import Face

SIDE, CELL, BINS = 64, 8, 8  # px of the aligned patch, px of a cell, directions
# Where eyes, nose tip and mouth come to lie in the patch, in shares of its side.
PLACES = np.array([[0.33, 0.38], [0.67, 0.38], [0.5, 0.57], [0.5, 0.76]])
CELLS = SIDE // CELL
_ROW, _COLUMN = np.mgrid[:SIDE, :SIDE] // CELL
_START = (_ROW * CELLS + _COLUMN) * BINS  # of the counts of the cell that each pixel belongs to
FLOOR = 0.02  # of the mean cell's strength: what a flat cell is divided by at least


def describe(image: np.ndarray, face: Face) -> np.ndarray:
    """Directions of the edges in each part of the aligned face.

    Histograms of oriented gradients (Dalal and Triggs, CVPR 2005), each cell normalised by itself,
    so that light and contrast matter little. How well they tell people apart stands in
    docs/measurements/appearance.md.

    Args:
        image: uint8 RGB, shape (height, width, 3), the picture the face was found in.
        face: where it is.

    Returns:
        float32, shape (512,), of unit length at most; compare two by `unlike`.
    """
    patch = cv2.warpAffine(
        image, _alignment(face.landmarks), (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE
    )
    grey = cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY)
    strength, angle = cv2.cartToPolar(
        cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=1), cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=1)
    )
    place = angle * (BINS / np.pi) % BINS  # opposite directions are one
    low = place.astype(int)
    share = place - low
    counts = np.zeros(CELLS * CELLS * BINS)
    for direction, weight in ((low, 1 - share), (low + 1, share)):
        index = (_START + direction % BINS).ravel()
        counts += np.bincount(index, (strength * weight).ravel(), len(counts))
    counts = counts.reshape(-1, BINS)
    lengths = np.linalg.norm(counts, axis=1, keepdims=True)
    counts /= lengths + FLOOR * counts.sum() / len(counts) + 1e-6
    return (counts / CELLS).astype(np.float32).ravel()


def unlike(one: np.ndarray, many: np.ndarray) -> np.ndarray:
    """How unlike descriptors are: 0 for equal ones, at most the square root of 2.

    Args:
        one: of `describe`, shape (512,).
        many: shape (n, 512).

    Returns:
        float32, shape (n,).
    """
    return np.linalg.norm(many - one, axis=-1)


def _alignment(landmarks: np.ndarray) -> np.ndarray:
    """The turn, scale and shift, shape (2, 3), that bring the landmarks nearest to their places.

    Least squares in closed form (Umeyama, 1991).
    """
    points, places = landmarks[:4].astype(np.float64), PLACES * SIDE
    middle, goal = points.mean(axis=0), places.mean(axis=0)
    a, b = points - middle, places - goal
    total = max(float((a * a).sum()), 1e-6)
    along = float((a * b).sum()) / total
    across = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / total
    matrix = np.array([[along, -across], [across, along]])
    return np.column_stack([matrix, goal - matrix @ middle])
