"""Draws what was found on a frame: boxes, words and scores; pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from backend.records import ModelCard, Sighting

WIDEST = 1280  # px, longer side of an annotated picture

# Colours that stay apart for colour-blind people (Okabe and Ito, 2008); words and lines differ too.
FAKE, REAL, UNDECIDED, UNJUDGED = "#D55E00", "#009E73", "#E69F00", "#9AA0A6"


def shrink(image: np.ndarray) -> tuple[np.ndarray, float]:
    """Reduce a frame to the size it is shown at.

    Args:
        image: uint8 RGB, shape (height, width, 3).

    Returns:
        (uint8 RGB with a longer side of at most `WIDEST`, factor from old to new px).
    """
    factor = min(1.0, WIDEST / max(image.shape[:2]))
    if factor == 1.0:
        return image, 1.0
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), factor


def annotate(
    image: np.ndarray, factor: float, sightings: Sequence[Sighting], card: ModelCard
) -> np.ndarray:
    """Draw boxes and scores.

    Args:
        image: uint8 RGB, shape (height, width, 3), from `shrink`.
        factor: from px of the boxes to px of `image`.
        sightings: of this frame.
        card: the thresholds that give a box its word.

    Returns:
        A new uint8 RGB array of the same shape.
    """
    picture = Image.fromarray(image)
    pen = ImageDraw.Draw(picture)
    size = max(12, round(min(picture.size) / 32))
    font = _font(size)
    line = max(2, size // 6)
    for sighting in sightings:
        box = [v * factor for v in sighting.face.box]
        colour, text, dashed = _look(sighting, card)
        _rectangle(pen, box, colour, line, dashed)
        left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
        width, height = right - left + size // 2, bottom - top + size // 2
        x = min(max(0, box[0]), max(0, picture.width - width))
        y = box[1] - height if box[1] >= height else min(box[3], picture.height - height)
        pen.rectangle(
            (x, y, x + width, y + height), fill="#111111", outline=colour, width=max(1, line // 2)
        )
        pen.text((x + size // 4 - left, y + size // 4 - top), text, fill="#FFFFFF", font=font)
    return np.asarray(picture)


def _look(sighting: Sighting, card: ModelCard) -> tuple[str, str, bool]:
    """Colour, words and whether the line is dashed."""
    name = f"Face {sighting.track + 1}"
    p = sighting.probability
    if p is None:
        return UNJUDGED, f"{name}: not judged", True
    if p >= card.threshold_fake:
        return FAKE, f"{name}: {p:.0%} fake", False
    if p <= card.threshold_real:
        return REAL, f"{name}: {p:.0%} fake, real", False
    return UNDECIDED, f"{name}: {p:.0%} fake, undecided", True


def _rectangle(pen, box, colour: str, line: int, dashed: bool) -> None:
    left, top, right, bottom = box
    if not dashed:
        pen.rectangle((left, top, right, bottom), outline=colour, width=line)
        return
    dash = max(4, 4 * line)
    for start in np.arange(0, right - left, 2 * dash):
        end = min(left + start + dash, right)
        pen.line((left + start, top, end, top), fill=colour, width=line)
        pen.line((left + start, bottom, end, bottom), fill=colour, width=line)
    for start in np.arange(0, bottom - top, 2 * dash):
        end = min(top + start + dash, bottom)
        pen.line((left, top + start, left, end), fill=colour, width=line)
        pen.line((right, top + start, right, end), fill=colour, width=line)


@lru_cache(maxsize=8)
def _font(size: int):
    return ImageFont.load_default(size)
