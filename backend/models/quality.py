"""Says whether a face is good enough to be judged at all."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from backend.records.observations import Face

# The limits are the range of the real faces the model was measured on: see
# docs/measurements/quality.md, printed by `python -m backend measure quality`.
SMALLEST = 40.0  # px, longer side of the face box
DARKEST = 22.0  # mean grey level of the face
# Mean grey level that darker faces are brightened to before they are measured or judged. Made half
# as bright they are told much less well, and get it back so; brightened to 100, those that were
# dark to begin with are told less well than before.
DIM = 70.0
SOFTEST = 3.3  # % of its coarser detail that the finest of a face must have
SIDE = 160  # px of the crop at which it is measured, whatever the network's input is
WHOLE = 123.0  # px of the face from which on such a crop is no enlargement of it
FINE, COARSE = 1.0, 3.0  # px, scales of the two
CELLS, INSIDE = 8, (0.30, 0.36)  # across the crop; half axes of the oval of those on the face
LOW = 40  # % of the cells that may be softer: an edge or a text laid over it fills fewer of them
NOISE = 3.0  # grey levels squared, of coarse detail, which nothing can be said of


def sharpness(crop: np.ndarray, size: float) -> float:
    """How strong the finest detail of a face is against its coarser detail, in %.

    Energies of the Laplacian of Gaussian at two scales, divided cell by cell; of the cells on the
    face a low quantile counts. Light and contrast fall out of it, and so do straight edges, texts
    and pictures that lie over a part of a blurred face, which the variance of the whole is raised
    by. A face of few px is measured at those, so that small is not soft.

    Args:
        crop: uint8 RGB, shape (S, S, 3), the classifier's view of the face.
        size: px of the face in the picture, longer side.
    """
    crop = brightened(crop, brightness(crop), DIM)
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    side = round(SIDE * min(1.0, max(size, SMALLEST) / WHOLE))
    if len(grey) != side:
        # Cubic leaves a crop of another size as sharp as one that was cut at this size.
        how = cv2.INTER_CUBIC if side == SIDE else cv2.INTER_AREA
        grey = cv2.resize(grey, (side, side), interpolation=how)
    grey = grey.astype(np.float32)
    fine, coarse = (_energies(grey, scale) for scale in (FINE, COARSE))
    return float(100 * np.percentile(fine / (coarse + NOISE), LOW))


def _energies(grey: np.ndarray, scale: float) -> np.ndarray:
    """Of the cells on the face: mean square of the Laplacian of Gaussian, normalised by scale."""
    detail = cv2.Laplacian(cv2.GaussianBlur(grey, (0, 0), scale), cv2.CV_32F) * scale**2
    cells = cv2.resize(detail * detail, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    return cells[_oval()]


@lru_cache
def _oval() -> np.ndarray:
    """Which cells lie on the face: bool, shape (CELLS, CELLS)."""
    y, x = (np.mgrid[:CELLS, :CELLS] + 0.5) / CELLS - 0.5
    return (x / INSIDE[0]) ** 2 + (y / INSIDE[1]) ** 2 < 1


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


def rejection(face: Face, crop: np.ndarray, sharp: float) -> str | None:
    """Why a face should not be judged.

    Args:
        face: as detected, in px of the picture it was cut from.
        crop: uint8 RGB, the classifier's view of it.
        sharp: its `sharpness`.

    Returns:
        "face_too_small", "face_too_dark", "face_blurred", or None where it can be judged.
    """
    if face.size < SMALLEST:
        return "face_too_small"
    if brightness(crop) < DARKEST:
        return "face_too_dark"
    if sharp < SOFTEST:
        return "face_blurred"
    return None
