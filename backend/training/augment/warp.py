"""Moves the landmarks of a face: another expression on it, or another's texture on its shape."""

from __future__ import annotations

import cv2
import numpy as np

# Indices into MediaPipe's canonical face mesh: what bone holds, whatever the expression.
RIGID = [10, 338, 297, 332, 284, 251, 389, 356, 127, 162, 21, 54, 103, 67, 109, 168, 6, 197, 195,
         33, 133, 362, 263]  # fmt: skip
GRID = 28  # points a side at which the movement is worked out
NEAR = 0.035  # of the face's width: how far a landmark takes its surroundings along
REACH = 0.08  # of the face's width: the farthest that a landmark is moved by an expression


def warp(image: np.ndarray, from_points: np.ndarray, to_points: np.ndarray) -> np.ndarray:
    """Move a picture so that landmarks come to lie elsewhere, smoothly, and far away not at all.

    The movement is the mean of those of the landmarks near by, weighted by a Gaussian of their
    distance (normalized convolution, Knutsson and Westin, CVPR 1993).

    Args:
        image: uint8 RGB, shape (H, W, 3).
        from_points, to_points: float32, shape (N, 2), px.

    Returns:
        uint8 RGB, shape (H, W, 3).
    """
    height, width = image.shape[:2]
    near = NEAR * float(np.ptp(to_points[:, 0])) + 1e-3
    x = np.linspace(0, width - 1, GRID, dtype=np.float32)
    y = np.linspace(0, height - 1, GRID, dtype=np.float32)
    # A Gaussian of two dimensions is the product of two of one: (N, GRID) each.
    along_x = np.exp(-(((x - to_points[:, :1]) / near) ** 2) / 2)
    along_y = np.exp(-(((y - to_points[:, 1:]) / near) ** 2) / 2)
    weight = along_y.T @ along_x + 0.02  # far from every landmark this outweighs them: no movement
    field = [
        cv2.resize((along_y * move[:, None]).T @ along_x / weight, (width, height),
                   interpolation=cv2.INTER_CUBIC)
        for move in (from_points - to_points).T
    ]  # fmt: skip
    grid_x, grid_y = np.meshgrid(
        np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    )
    return cv2.remap(
        image, grid_x + field[0], grid_y + field[1], cv2.INTER_LINEAR, None, cv2.BORDER_REFLECT
    )


def change_expression(
    image: np.ndarray,
    landmarks: np.ndarray,
    donor: np.ndarray,
    moving: list[int],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Give a face the mouth or the eyes of another's landmarks, as expression transfer does.

    Stands for what Face2Face (Thies et al., CVPR 2016) and its successors do: the same person, a
    driven expression.

    Args:
        image: uint8 RGB, shape (H, W, 3).
        landmarks: float32, shape (468, 2), px.
        donor: float32, shape (468, 2): landmarks of the face whose expression is taken.
        moving: the landmarks that are moved; those of `RIGID` are not.
        rng: seeded generator.

    Returns:
        (uint8 RGB (H, W, 3), its landmarks float32 (468, 2)).
    """
    points = landmarks.copy()
    matrix, _ = cv2.estimateAffine2D(donor[RIGID], landmarks[RIGID], method=cv2.LMEDS)
    if matrix is None:
        return image, points
    aligned = donor[moving] @ matrix[:, :2].T.astype(np.float32) + matrix[:, 2].astype(np.float32)
    move = (aligned - landmarks[moving]) * rng.uniform(0.5, 1.2)
    width = float(np.ptp(landmarks[:, 0]))
    length = np.linalg.norm(move, axis=1, keepdims=True)
    move *= np.minimum(1, REACH * width / np.maximum(length, 1e-3))
    points[moving] += move
    # The others near by are carried along: were they held, little would be left of the movement.
    used = RIGID + moving
    return warp(image, landmarks[used], points[used]), points
