"""What is measured of faces and pictures, each as one number; pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

from backend.records.observations import Face, Traits

INNER, OUTER = 0.55, 0.9  # of half the crop's side: the face's middle ends, its surroundings begin
PATCH = 64  # px of the frame itself, never scaled: scaling would change what is measured
# Cycles per px: fine detail that generators and blending change, beside detail of any picture.
FINE, COARSE = (0.35, 0.5), (0.1, 0.2)
WINDOW = 7  # px of the windows whose variance is texture


def traits(image: np.ndarray, face: Face, crop: np.ndarray, scale: float = 1.0) -> Traits:
    """What is measured of one face in one picture.

    Args:
        image: uint8 RGB, shape (height, width, 3).
        face: where it is.
        crop: uint8 RGB, the classifier's view of it.
        scale: by how much the picture is smaller than the file's; its finest detail is then gone.
    """
    own = own_pixels(image, face) if scale == 1.0 else None
    return Traits(
        sharpness_contrast=sharpness_contrast(crop),
        fine_detail=None if own is None else fine_detail(own),
        texture_variance=None if own is None else texture_variance(own),
    )


def own_pixels(image: np.ndarray, face: Face) -> np.ndarray | None:
    """The middle of a face as the picture holds it, never scaled: grey uint8, (PATCH, PATCH).

    Returns:
        None where the face is smaller than that, or not wholly visible.
    """
    left, top, right, bottom = face.box
    x, y = round((left + right - PATCH) / 2), round((top + bottom - PATCH) / 2)
    height, width = image.shape[:2]
    if face.size < PATCH or min(x, y) < 0 or x + PATCH > width or y + PATCH > height:
        return None
    return cv2.cvtColor(image[y : y + PATCH, x : x + PATCH], cv2.COLOR_RGB2GRAY)


def sharpness_contrast(crop: np.ndarray) -> float:
    """How much sharper the middle of a crop is than its surroundings, in dB; negative: softer.

    The variance of the Laplacian inside and outside two circles.
    """
    edges = cv2.Laplacian(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.CV_32F)
    inner, outer = (cv2.meanStdDev(edges, mask=mask)[1].item() ** 2 for mask in _zones(len(crop)))
    return float(10 * np.log10((inner + 1) / (outer + 1)))


@lru_cache
def _zones(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Masks of the middle and of the surroundings, uint8, shape (side, side)."""
    line = np.linspace(-1, 1, side)
    radius = np.hypot(line, line[:, None])
    return np.uint8(radius < INNER), np.uint8(radius > OUTER)


def fine_detail(patch: np.ndarray) -> float:
    """Power of the finest detail of a face against that of coarse detail, in dB.

    Generators and blending leave too much or too little of it (Durall et al., "Watch your
    Up-Convolution", CVPR 2020; Frank et al., ICML 2020).

    Args:
        patch: of `own_pixels`.
    """
    window, fine, coarse = _spectrum()
    power = np.abs(np.fft.rfft2((patch - patch.mean()) * window)) ** 2
    return float(10 * np.log10((power[fine].mean() + 1) / (power[coarse].mean() + 1)))


def texture_variance(patch: np.ndarray) -> float:
    """How much the grey levels of skin vary over a few px, in dB; low where it is smooth.

    The median over all windows, so that eyes, nose and mouth do not count.

    Args:
        patch: of `own_pixels`.
    """
    grey = patch.astype(np.float32)
    mean = cv2.blur(grey, (WINDOW, WINDOW))
    variance = np.maximum(cv2.blur(grey * grey, (WINDOW, WINDOW)) - mean * mean, 0)
    return float(10 * np.log10(np.median(variance) + 0.1))


@lru_cache
def _spectrum() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The patch's window, and where its half spectrum holds `FINE` and `COARSE` detail."""
    window = np.hanning(PATCH)
    radius = np.hypot(np.fft.rfftfreq(PATCH), np.fft.fftfreq(PATCH)[:, None])
    fine, coarse = ((low <= radius) & (radius < high) for low, high in (FINE, COARSE))
    return window * window[:, None], fine, coarse


def jump(before: Face, after: Face) -> float:
    """How far the landmarks of a face moved against each other, in % of its size.

    What turning, moving and coming nearer explain is taken out (Procrustes analysis).
    """
    a, b = (
        face.landmarks[:4].astype(np.float64) - face.landmarks[:4].mean(axis=0)
        for face in (before, after)
    )
    a, b = a / max(np.linalg.norm(a), 1e-6), b / max(np.linalg.norm(b), 1e-6)
    u, values, v = np.linalg.svd(a.T @ b)
    fit = values.sum() if np.linalg.det(u @ v) > 0 else values[0] - values[1]
    return float(100 * np.sqrt(max(0.0, 1 - fit**2)))


def flicker(steps: Sequence[float]) -> float:
    """How much a score changes from moment to moment: the spread that independent ones would have.

    The root of half the mean square of the successive differences `steps` (von Neumann, 1941).
    """
    return float(np.sqrt(np.mean(np.square(steps)) / 2))


def turned(face: Face) -> float:
    """How far the nose lies beside the middle of the eyes, in % of their distance: 0 is frontal."""
    eyes, nose = face.landmarks[:2].astype(np.float64), face.landmarks[2]
    along = eyes[1] - eyes[0]
    away = (nose - eyes.mean(axis=0)) @ along / max(float(along @ along), 1e-6)
    return float(100 * abs(away))
