"""Classic signals of older detectors, each as one number of a face or of a clip; pure.

They are tried by `python -m backend measure candidates`. Those that are served stand in
`backend.evidence.measurements`.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from backend.evidence.measurements import INNER, OUTER, texture_variance

SIDE = 160  # px of the crop that is measured
EDGES = 50, 150  # grey levels of Canny's two thresholds
PATCH = 128  # px of the picture itself, never scaled
LOW, HIGH = 0.05, 0.45  # cycles per px between which the slope of the spectrum is taken
QUALITIES = range(50, 100, 5)  # of JPEG that ghosts are looked for in (Farid, 2009)
# Points of the mesh around each eye: the corners, and two above and below (Soukupová, Čech, 2016).
EYES = ((33, 133, 160, 144, 158, 153), (362, 263, 385, 380, 387, 373))
CLOSED = 0.6  # of the clip's usual openness, below which an eye is closed


def of_crop(crop: np.ndarray) -> dict[str, float]:
    """Edges and colours of a face.

    Args:
        crop: uint8 RGB, shape (SIDE, SIDE, 3), the face with a margin around it.
    """
    line = np.linspace(-1, 1, len(crop))
    radius = np.hypot(line, line[:, None])
    inner, outer = radius < INNER, radius > OUTER
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    edges = cv2.Canny(grey, *EDGES) > 0
    chroma = cv2.cvtColor(crop, cv2.COLOR_RGB2LAB)[..., 1:].astype(np.float64)
    middle = chroma[inner]
    return {
        "edge_density": float(100 * edges[inner].mean()),
        "edge_contrast": float(100 * (edges[inner].mean() - edges[outer].mean())),
        "colour_spread": float(np.sqrt(middle.var(axis=0).sum())),
        "colour_contrast": float(np.linalg.norm(middle.mean(axis=0) - chroma[outer].mean(axis=0))),
        "saturation": float(cv2.cvtColor(crop, cv2.COLOR_RGB2HSV)[..., 1][inner].mean()),
    }


def of_pixels(patch: np.ndarray, around: np.ndarray) -> dict[str, float]:
    """Texture, spectrum and traces of JPEG at the picture's own resolution.

    Args:
        patch: uint8 RGB, shape (PATCH, PATCH, 3), of the middle of the face.
        around: the same of what lies beside it.
    """
    grey = cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY).astype(np.float64)
    window = np.hanning(PATCH)
    power = np.abs(np.fft.rfft2((grey - grey.mean()) * window * window[:, None])) ** 2
    radius = np.hypot(np.fft.rfftfreq(PATCH), np.fft.fftfreq(PATCH)[:, None])
    within = (radius > LOW) & (radius < HIGH)
    rings = np.round(radius[within] * PATCH).astype(int)
    sums, counts = np.bincount(rings, power[within]), np.bincount(rings)
    known = np.nonzero(counts)[0]
    slope = np.polyfit(np.log(known), np.log(sums[known] / counts[known] + 1e-9), 1)[0]
    inside, outside = ghost(patch), ghost(around)
    return {
        "texture_variance": texture_variance(grey),
        "spectrum_slope": float(slope),
        "jpeg_ghost": abs(inside[0] - outside[0]),
        "jpeg_quality": inside[0],
        "double_compression": inside[1],
        "jpeg_grid": grid(patch) - grid(around),
    }


def ghost(patch: np.ndarray) -> tuple[float, float]:
    """The JPEG quality that changes a patch least, and how far a second such quality dips, in %.

    Compressed once more at a quality that it was compressed with before, a picture changes less
    than at those beside it.
    """
    rows, columns = phase(patch)
    part = cv2.cvtColor(patch[rows:, columns:], cv2.COLOR_RGB2BGR)
    lost = []
    for quality in QUALITIES:
        _, saved = cv2.imencode(".jpg", part, [cv2.IMWRITE_JPEG_QUALITY, quality])
        change = cv2.imdecode(saved, cv2.IMREAD_COLOR).astype(np.float64) - part
        lost.append(np.mean(change**2))
    curve = np.log(np.array(lost) + 1e-3)
    # The loss falls with the quality by itself: a dip is what lies below its neighbours' line.
    dips = np.maximum((curve[:-2] + curve[2:]) / 2 - curve[1:-1], 0)
    order = np.argsort(-dips)
    return float(QUALITIES[order[0] + 1]), float(100 * dips[order[1]])


def phase(patch: np.ndarray) -> tuple[int, int]:
    """Where the grid of 8 px begins that the patch is compressed on: rows, columns."""
    steps = _steps(patch)
    return tuple(int(np.argmax([each[n::8].mean() for n in range(8)]) + 1) % 8 for each in steps)


def grid(patch: np.ndarray) -> float:
    """How much stronger steps are on the grid of 8 px than elsewhere, in dB."""
    found = []
    for each in _steps(patch):
        means = np.array([each[n::8].mean() for n in range(8)])
        found.append(10 * np.log10((means.max() + 0.1) / (np.median(means) + 0.1)))
    return float(np.mean(found))


def _steps(patch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean second difference across each row and each column border."""
    grey = cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY).astype(np.float64)
    rows, columns = np.abs(np.diff(grey, axis=0)), np.abs(np.diff(grey, axis=1))
    return rows.mean(axis=1), columns.mean(axis=0)


def flow_apart(before: np.ndarray, after: np.ndarray) -> float:
    """How much more the motion inside a face varies than around it, as a ratio in dB.

    Args:
        before, after: grey, uint8, shape (SIDE, SIDE): the same square of two frames in a row.
    """
    flow = cv2.calcOpticalFlowFarneback(before, after, None, 0.5, 2, 15, 2, 5, 1.1, 0)
    line = np.linspace(-1, 1, len(before))
    radius = np.hypot(line, line[:, None])
    rough = np.linalg.norm(flow - cv2.blur(flow, (9, 9)), axis=2)
    inner, outer = rough[radius < INNER].mean(), rough[radius > OUTER].mean()
    return float(10 * np.log10((inner + 1e-3) / (outer + 1e-3)))


def openness(points: np.ndarray) -> float:
    """How far the eyes are open: height over width of both, the mean.

    Args:
        points: float32, shape (468, 2), of the mesh.
    """
    found = []
    for corner, other, *lids in EYES:
        width = np.linalg.norm(points[corner] - points[other])
        heights = [np.linalg.norm(points[a] - points[b]) for a, b in (lids[:2], lids[2:])]
        found.append(np.mean(heights) / max(width, 1e-6))
    return float(np.mean(found))


def blinks(opened: Sequence[float], seconds: float) -> dict[str, float]:
    """Blinks a minute, and how much the openness changes, in % of its usual value.

    Args:
        opened: of `openness`, in order of time.
        seconds: that they span.
    """
    values = np.asarray(opened)
    usual = np.median(values)
    closed = values < CLOSED * usual
    begins = int(closed[0]) + int((closed[1:] & ~closed[:-1]).sum())
    return {
        "blink_rate": 60 * begins / seconds,
        "eye_changes": float(100 * np.abs(np.diff(values)).mean() / max(usual, 1e-6)),
    }
