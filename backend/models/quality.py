"""Says whether a face is good enough to be judged at all."""

from __future__ import annotations

import cv2
import numpy as np

from backend.records.observations import Face

# The limits are the range of the real faces the model was measured on: see
# docs/measurements/quality.md, printed by `python -m backend measure quality`.
SMALLEST = 40.0  # px, longer side of the face box
DARKEST = 22.0  # mean grey level of the face
SOFTEST = 6.0  # variance of the Laplacian of the crop at `SIDE`, grey levels squared
SIDE = 160  # px of the crop at which it is measured, whatever the network's input is


def sharpness(crop: np.ndarray) -> float:
    """Variance of the Laplacian of a uint8 RGB crop, scaled to `SIDE` (Pech-Pacheco et al., 2000).

    Cubic, which leaves a crop of another size as sharp as one that was cut at this size.
    """
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    if len(grey) != SIDE:
        grey = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())


def brightness(crop: np.ndarray) -> float:
    """Mean grey level of a uint8 RGB crop, 0 to 255."""
    return float(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).mean())


def brightened(crop: np.ndarray, light: float, dim: float) -> np.ndarray:
    """Multiply the pixels of a uint8 RGB crop whose `light` lies below `dim`.

    Args:
        light: mean grey level of the face.
        dim: what it becomes, but for what is brighter than white then. Faces darker than `DARKEST`
            gain no more than those have to.
    """
    gain = dim / max(light, DARKEST)
    return crop if gain <= 1 else cv2.convertScaleAbs(crop, alpha=gain)


def rejection(face: Face, crop: np.ndarray) -> str | None:
    """Why a face should not be judged.

    Args:
        face: as detected.
        crop: uint8 RGB, the classifier's view of it.

    Returns:
        "face_too_small", "face_too_dark", "face_blurred", or None where it can be judged.
    """
    if face.size < SMALLEST:
        return "face_too_small"
    if brightness(crop) < DARKEST:
        return "face_too_dark"
    if sharpness(crop) < SOFTEST:
        return "face_blurred"
    return None
