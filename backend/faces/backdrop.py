"""Tells the faces of a blurred backdrop from those that stand sharp before it; pure."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from backend.records.observations import Face

# What `backend.models.quality.sharpness` says of them. Of real faces 99 in 100 are sharper than
# `SOFT`; of backdrops, blurred by 3 px of 720 and more, nearly none is.
SOFT = 5.0  # %
SHARPER = 2.0  # times as sharp another face of the picture then is, for this one to be left out
A_LITTLE = 1.4  # times as sharp one is that it repeats
COVERS = 0.02  # share of the smaller box from which on two faces overlap
FAR_SHARPER = 3.0  # times as sharp the one that overlaps is; two people in focus differ by less
PATCH, SMOOTH = 32, 1.5  # px of a face that is compared; blur, after which sharpness plays no part
PART = 0.6  # of the patch: upper, lower, left and right, as others may be covered
ROOM = 1.43  # sides of the box in which the likeness is looked for
SCALES = (0.8, 0.9, 1.0, 1.11, 1.25)  # as boxes of blurred faces are not exact
SAME = 0.92  # correlation from which on both show one moment of one face; 3 in 100 strangers do


def backdrop(
    image: np.ndarray, faces: Sequence[Face], sharpness: Sequence[float]
) -> dict[int, int | None]:
    """The faces that do not count beside sharper ones of the same picture.

    Editors fill the bars beside a clip with its own enlargement, blurred, and somebody seen sharp
    is there twice. Somebody else who is far out of focus, or lies behind a sharper face, is left
    out too.

    Args:
        image: uint8 RGB, shape (height, width, 3).
        faces: in px of it.
        sharpness: of each, see `backend.models.quality.sharpness`.

    Returns:
        Index of each such face -> index of the sharp one that it repeats; None where it repeats
        none.
    """
    left_out: dict[int, int | None] = {}
    for i, (face, own) in enumerate(zip(faces, sharpness, strict=True)):
        times = {j: other / max(own, 1e-6) for j, other in enumerate(sharpness)}
        behind = any(
            by >= FAR_SHARPER and _overlap(face, faces[j]) > COVERS for j, by in times.items()
        )
        sharper = [j for j, by in times.items() if by >= A_LITTLE]
        if not sharper or not (behind or own < SOFT):
            continue
        like = {j: _likeness(image, face, faces[j]) for j in sharper}
        best = max(like, key=like.__getitem__)
        if like[best] >= SAME:
            left_out[i] = best
        elif behind or max(times.values()) >= SHARPER:
            left_out[i] = None
    return left_out


def _overlap(one: Face, other: Face) -> float:
    """Share of the smaller box that lies in the other."""
    a, b = np.array(one.box), np.array(other.box)
    width, height = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0)
    return float(width * height / min(np.prod(a[2:] - a[:2]), np.prod(b[2:] - b[:2])))


def _likeness(image: np.ndarray, soft: Face, sharp: Face) -> float:
    """Highest correlation of a part of a soft face with a sharp one, or with its mirror image."""
    patch = _patch(image, soft, 1.0, PATCH)
    most = round(PATCH * PART)
    parts = (patch[:most], patch[-most:], patch[:, :most], patch[:, -most:])
    best = -1.0
    for scale in SCALES:
        seen = _patch(image, sharp, ROOM, max(PATCH, round(PATCH * ROOM * scale)))
        for view in (seen, seen[:, ::-1].copy()):
            for part in parts:
                best = max(best, cv2.matchTemplate(view, part, cv2.TM_CCOEFF_NORMED).max())
    return float(best)


def _patch(image: np.ndarray, face: Face, room: float, side: int) -> np.ndarray:
    """The square around a face, smoothed: float32 grey, shape (side, side)."""
    left, top, right, bottom = face.box
    span = round(face.size * room)
    cut = cv2.getRectSubPix(image, (span, span), ((left + right) / 2, (top + bottom) / 2))
    grey = cv2.cvtColor(cut, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return cv2.GaussianBlur(
        cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA), (0, 0), SMOOTH
    )
