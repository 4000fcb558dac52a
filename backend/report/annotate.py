"""Draws what was found on a frame: boxes, words and scores; pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from backend.faces.resize import scale_to
from backend.records.observations import FaceObservation
from backend.records.results import ModelCard
from backend.wording import SPACE, TONES, kind_of, labelled

SOLID = ("fake", "real")  # kinds of answers whose boxes are not dashed

# The logits above what real faces show at which the heat layer begins and is strongest. Fixed,
# never stretched to a picture, so that a face without signs of manipulation looks plain.
COLDEST, HOTTEST = 0.0, 2.0
HEAT_WIDEST = 480  # px, longer side; the maps are coarse, the page stretches them
OPACITY = 0.65  # where it is strongest
MANY = 3  # faces from which on numbers take the place of labels that would cover something
SMALLEST_NUMBER = 9  # px; else a quarter of the smallest face


def shrink(image: np.ndarray, widest: int) -> tuple[np.ndarray, float]:
    """Reduce a frame to the size it is shown at.

    Args:
        image: uint8 RGB, shape (height, width, 3).
        widest: px, the longer side at most.

    Returns:
        (uint8 RGB, factor from old to new px).
    """
    factor = min(1.0, widest / max(image.shape[:2]))
    if factor == 1.0:
        return image, 1.0
    height, width = (max(1, round(side * factor)) for side in image.shape[:2])
    return scale_to(image, width, height, last=cv2.INTER_LINEAR), factor


def annotate(
    image: np.ndarray, factor: float, observations: Sequence[FaceObservation], card: ModelCard
) -> np.ndarray:
    """Draw boxes and scores.

    Args:
        image: uint8 RGB, shape (height, width, 3), from `shrink`.
        factor: from px of the boxes to px of `image`.
        observations: of this frame.
        card: the thresholds that give a box its word.

    Returns:
        A new uint8 RGB array of the same shape.
    """
    picture = Image.fromarray(image)
    pen = ImageDraw.Draw(picture)
    # So that labels can be read where a phone shows the picture, 350 px wide and 420 px high.
    size = max(12, round(max(picture.width / 30, picture.height / 36)))
    font = _font(size)
    line = max(2, size // 9)
    rim = max(1, line // 2)  # white, so that it stays apart from a dark picture
    bands = [band._asdict() for band in card.bands]
    kinds = [kind_of(each.probability, bands) for each in observations]
    boxes = [[v * factor for v in each.face.box] for each in observations]
    for box, kind in zip(boxes, kinds, strict=True):
        dashed = kind not in SOLID
        outside = [box[0] - rim, box[1] - rim, box[2] + rim, box[3] + rim]
        _rectangle(pen, outside, "#FFFFFF", line + 2 * rim, dashed)
        _rectangle(pen, box, TONES[kind], line, dashed)
    texts = [
        labelled(each.name, kind, each.probability).replace(SPACE, " ")  # not in the font
        for each, kind in zip(observations, kinds, strict=True)
    ]
    spots = _spots(pen, texts, boxes, font, picture.size)
    if spots is None:
        # Too dense for labels: the number of each person, in the corner of the box.
        least = min(each.face.size for each in observations) * factor
        font = _font(max(SMALLEST_NUMBER, min(size * 2 // 3, round(least / 4))))
        texts = [str(each.track + 1) for each in observations]
        spots = [
            (box[0], box[1], box[0] + width, box[1] + height)
            for box, (width, height) in zip(boxes, _sizes(pen, texts, font), strict=True)
        ]
    for spot, text, kind in zip(spots, texts, kinds, strict=True):
        left, top, *_ = pen.textbbox((0, 0), text, font=font)
        pen.rectangle(spot, fill=TONES[kind], outline="#FFFFFF", width=rim)
        place = spot[0] + font.size // 4 - left, spot[1] + font.size // 4 - top
        pen.text(place, text, fill="#FFFFFF", font=font)
    return np.asarray(picture)


def heat_layer(
    shape: tuple[int, int], factor: float, observations: Sequence[FaceObservation]
) -> np.ndarray | None:
    """Draw where the network sees manipulation, to be laid over the annotated picture.

    Only what speaks for manipulation is coloured (plasma, whose lightness grows evenly).

    Args:
        shape: (height, width) of the annotated picture.
        factor: from px of the boxes to px of that picture.
        observations: of this frame.

    Returns:
        uint8 RGBA of the same proportions, longer side at most `HEAT_WIDEST`; None where no face
        has a heat map.
    """
    maps = [observation.heat for observation in observations if observation.heat is not None]
    if not maps:
        return None
    reduce = min(1.0, HEAT_WIDEST / max(shape))
    height, width = (max(1, round(side * reduce)) for side in shape)
    values = np.full((height, width), COLDEST, np.float32)
    layer = np.zeros((height, width, 4), np.uint8)
    parts = []
    for heat in maps:
        left, top, right, bottom = (v * factor * reduce for v in heat.square)
        x0, x1 = (int(np.clip(round(v), 0, width)) for v in (left, right))
        y0, y1 = (int(np.clip(round(v), 0, height)) for v in (top, bottom))
        # Pixel centres of the picture in cells of the map.
        x = (np.arange(x0, x1) + 0.5 - left) / (right - left) * heat.values.shape[1] - 0.5
        y = (np.arange(y0, y1) + 0.5 - top) / (bottom - top) * heat.values.shape[0] - 0.5
        if not (len(x) and len(y)):
            continue  # beyond the picture
        grid = [g.astype(np.float32) for g in np.meshgrid(x, y)]
        part = cv2.remap(heat.values, *grid, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        values[y0:y1, x0:x1] = np.maximum(values[y0:y1, x0:x1], part)
        parts.append((slice(y0, y1), slice(x0, x1)))
    for place in parts:  # most of the picture is no face, and stays clear
        strength = np.clip((values[place] - COLDEST) / (HOTTEST - COLDEST), 0, 1)
        colours = cv2.applyColorMap(np.uint8(255 * strength), cv2.COLORMAP_PLASMA)
        layer[place][..., :3] = colours[..., ::-1]
        layer[place][..., 3] = np.uint8(255 * OPACITY * strength)
    return layer


def _sizes(pen, texts: Sequence[str], font) -> list[tuple[float, float]]:
    """(width, height) of the label of each text, px."""
    found = (pen.textbbox((0, 0), text, font=font) for text in texts)
    room = font.size // 2
    return [(right - left + room, bottom - top + room) for left, top, right, bottom in found]


def _spots(pen, texts: Sequence[str], boxes, font, size: tuple[int, int]) -> list | None:
    """Where the labels stand, above or below each box: (left, top, right, bottom) px.

    None where there are many, and one would lie over another or over the box of another face.
    """
    spots: list[tuple[float, float, float, float]] = []
    dense = False
    for n, (box, (width, height)) in enumerate(zip(boxes, _sizes(pen, texts, font), strict=True)):
        x = min(max(0, box[0]), max(0, size[0] - width))
        above, below = box[1] - height, max(0, min(box[3], size[1] - height))
        places = [(x, y, x + width, y + height) for y in (above, below) if y >= 0]
        others = spots + boxes[:n] + boxes[n + 1 :]
        spot = next((place for place in places if not _covers(place, others)), None)
        dense |= spot is None
        spots.append(spot or places[0])
    return None if dense and len(boxes) >= MANY else spots


def _covers(spot, others) -> bool:
    """Whether a rectangle lies over one of the others; all are (left, top, right, bottom)."""
    left, top, right, bottom = spot
    return any(left < x1 and x0 < right and top < y1 and y0 < bottom for x0, y0, x1, y1 in others)


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
