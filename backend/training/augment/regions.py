"""Regions of the face by the points of the mesh: what is blended, and what an expression moves."""

from __future__ import annotations

import cv2
import numpy as np

# Indices into MediaPipe's canonical face mesh (face_mesh_connections of that project).
OVAL = [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
        152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67,
        109]  # fmt: skip
JAW = OVAL[7:30]
RIGHT_BROW = [70, 63, 105, 66, 107, 55, 65, 52, 53, 46]
LEFT_BROW = [300, 293, 334, 296, 336, 285, 295, 282, 283, 276]
RIGHT_EYE = [33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246]
LEFT_EYE = [263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466]
NOSE = [168, 6, 122, 351, 48, 278, 64, 294, 98, 327, 2, 4]
LIPS = [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185]
CHIN = [58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 205, 425, 2]

REGIONS: dict[str, tuple[list[list[int]], float]] = {
    # name: (groups, each filled by its convex hull, or its upright box; share of the samples)
    "face": ([OVAL], 0.24),
    "face without forehead": ([JAW + RIGHT_BROW + LEFT_BROW], 0.23),
    "rectangle": ([RIGHT_BROW + LEFT_BROW + LIPS + NOSE], 0.08),
    "inner face": ([RIGHT_BROW + LEFT_BROW + LIPS + NOSE], 0.10),
    "mouth and chin": ([CHIN + LIPS], 0.11),
    "mouth": ([LIPS], 0.07),
    "eyes": ([RIGHT_EYE + RIGHT_BROW, LEFT_EYE + LEFT_BROW], 0.06),
    "eye band": ([RIGHT_EYE + RIGHT_BROW + LEFT_EYE + LEFT_BROW], 0.05),
    "nose": ([NOSE], 0.06),
}
# What expression transfer and lip-sync move, and the regions that they draw anew.
EXPRESSIONS: list[tuple[list[int], tuple[str, ...]]] = [
    (LIPS + CHIN, ("mouth and chin", "mouth", "face without forehead", "face")),
    (LIPS, ("mouth", "mouth and chin", "inner face")),
    (RIGHT_EYE + LEFT_EYE + RIGHT_BROW + LEFT_BROW, ("eyes", "eye band", "inner face", "face")),
    (LIPS + CHIN + RIGHT_EYE + LEFT_EYE + RIGHT_BROW + LEFT_BROW, ("face", "inner face")),
]


def region_mask(landmarks: np.ndarray, shape: tuple[int, int], region: str) -> np.ndarray:
    """Fill a region of the face.

    Args:
        landmarks: float32, shape (468, 2), px.
        shape: (height, width) of the mask.
        region: a key of `REGIONS`.

    Returns:
        float32 array of `shape`, 0 or 1.
    """
    mask = np.zeros(shape, np.float32)
    for group in REGIONS[region][0]:
        points = np.round(landmarks[group]).astype(np.int32)
        if region == "rectangle":  # as early autoencoder swaps were pasted
            left, top, width, height = cv2.boundingRect(points)
            mask[max(0, top) : top + height, max(0, left) : left + width] = 1.0
        else:
            cv2.fillConvexPoly(mask, cv2.convexHull(points), 1.0)
    return mask
