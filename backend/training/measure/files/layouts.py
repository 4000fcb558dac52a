"""Clips of layouts and turns: a blurred backdrop behind the clip, faces upside down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from backend.training.measure.files.cases import Case, like, not_fake
from backend.training.measure.files.media import astronaut, frames_of, swaying, write_clip

REAL = ("real_1080p_a", "real_1080p_b", "real_480p_a")
ANGLES = (30, 90, 150, 180)  # degrees
SIDE = 1080  # px of a turned picture


def _box(picture: np.ndarray) -> np.ndarray:
    return cv2.blur(cv2.blur(picture, (7, 7)), (7, 7))


def _gauss(sigma: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda picture: cv2.GaussianBlur(picture, None, sigma)


def _darker(picture: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(picture, None, 3) // 10 * 7


WIDE, TALL, SQUARE = (1280, 720), (720, 1280), (720, 720)  # px: width, height
LAYOUTS = {  # of which size, the part of the picture's width that is kept, and backdrops
    "bars": (WIDE, 0.4, {"box": _box, "gauss": _gauss(4)}),
    "story": (TALL, 1.0, {"gauss": _gauss(3), "darker": _darker}),
    "square": (SQUARE, 1.0, {"gauss": _gauss(5)}),
}
SHRUNK = 4  # times: a backdrop is blurred in a small picture, as editors do it


def backdrops(folder: Path, clips: Path | None) -> Iterator[Case]:
    """Each clip in each layout, beside the same with black bars."""
    for name, frames in _people(clips):
        for layout, (size, keep, blurs) in LAYOUTS.items():
            sharp = [_middle(frame, keep) for frame in frames]
            control = folder / f"{name}_{layout}_black.mp4"
            write_clip(control, [_laid(picture, size, np.zeros_like) for picture in sharp])
            yield Case("backdrop", control)
            for blur, backdrop in blurs.items():
                path = folder / f"{name}_{layout}_{blur}.mp4"
                write_clip(path, [_laid(picture, size, backdrop) for picture in sharp])
                yield Case("backdrop", path, not_fake(), control)


def _middle(frame: np.ndarray, keep: float) -> np.ndarray:
    left = round(frame.shape[1] * (1 - keep) / 2)
    return frame[:, left : frame.shape[1] - left]


def _laid(sharp: np.ndarray, size: tuple[int, int], blur) -> np.ndarray:
    """The picture whole, over itself enlarged and blurred: uint8 RGB, (height, width, 3)."""
    width, height = size
    small = _scaled(sharp, (width // SHRUNK, height // SHRUNK), max)
    out = cv2.resize(blur(small), size, interpolation=cv2.INTER_LINEAR)
    inside = _scaled(sharp, size, min)
    top, left = (height - inside.shape[0]) // 2, (width - inside.shape[1]) // 2
    out[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    return out


def _scaled(picture: np.ndarray, size: tuple[int, int], fit) -> np.ndarray:
    """Made to fit into `size` (`min`) or to fill it (`max`), then its middle."""
    width, height = size
    scale = fit(width / picture.shape[1], height / picture.shape[0])
    shrunk = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    out = cv2.resize(picture, shrunk, interpolation=cv2.INTER_AREA)
    top, left = (max(0, (shrunk[1 - axis] - size[1 - axis]) // 2) for axis in (0, 1))
    return out[top : top + height, left : left + width]


def turned(folder: Path, clips: Path | None) -> Iterator[Case]:
    """Each clip and the astronaut's picture at each angle, beside themselves upright."""
    for name, frames in _people(clips):
        upright = write_clip(folder / f"{name}_0.mp4", [_turn(frame, 0) for frame in frames])
        yield Case("turned", upright)
        for angle in ANGLES:
            path = folder / f"{name}_{angle}.mp4"
            write_clip(path, [_turn(frame, angle) for frame in frames])
            yield Case("turned", path, like(0.1), upright)
    still = folder / "picture_0.png"
    astronaut().save(still)
    yield Case("turned", still)
    for angle in ANGLES:
        path = folder / f"picture_{angle}.png"
        astronaut().rotate(angle, expand=True, resample=3, fillcolor=(120, 120, 120)).save(path)
        yield Case("turned", path, like(0.1), still)


def _turn(frame: np.ndarray, angle: int) -> np.ndarray:
    """The picture's middle square turned on grey that has room for it: (SIDE, SIDE, 3)."""
    height, width = frame.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, SIDE / np.hypot(height, width))
    matrix[:, 2] += (SIDE - width) / 2, (SIDE - height) / 2
    return cv2.warpAffine(
        frame, matrix, (SIDE, SIDE), flags=cv2.INTER_AREA, borderValue=(120, 120, 120)
    )


def _people(clips: Path | None) -> Iterator[tuple[str, tuple[np.ndarray, ...]]]:
    """Names and frames: of the real clips, or of the astronaut where there are none."""
    if clips is None:
        yield "astronaut", swaying()
    for name in REAL if clips else ():
        yield name, frames_of(clips / f"{name}.mp4")
