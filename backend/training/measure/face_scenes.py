"""Pictures with known faces for measuring detectors: photographs, and conditions made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from skimage import data

FACELESS = (
    "astronaut_suit", "brick", "chelsea", "clock", "coffee", "grass", "gravel",
    "hubble_deep_field", "immunohistochemistry", "moon", "page", "retina", "rocket", "text",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture and its faces.

    Attributes:
        image: uint8 RGB, shape (height, width, 3).
        boxes: float32, shape (n, 4), left top right bottom in px: every face there is.
    """

    image: np.ndarray
    boxes: np.ndarray


def faceless() -> list[Scene]:
    """Pictures without a human face, as they are and doubled onto a 1080p canvas."""
    suit = data.astronaut()[230:]
    pictures = [suit, *(getattr(data, name)() for name in FACELESS[1:])]
    nothing = np.zeros((0, 4), np.float32)
    scenes = []
    for picture in pictures:
        image = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
        image = np.ascontiguousarray(image[..., :3])
        wide = cv2.resize(image, (1920, 1080), interpolation=cv2.INTER_AREA)
        scenes += [Scene(image, nothing), Scene(wide, nothing)]
    return scenes


def turned(scene: Scene, degrees: float) -> Scene:
    """The scene rotated in the picture plane about its middle; the canvas grows to hold it."""
    height, width = scene.image.shape[:2]
    side = int(np.hypot(height, width))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    matrix[:, 2] += side / 2 - np.array((width / 2, height / 2))
    image = cv2.warpAffine(scene.image, matrix, (side, side), borderValue=(127, 127, 127))
    middles = (scene.boxes[:, :2] + scene.boxes[:, 2:]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    halves = (scene.boxes[:, 2:] - scene.boxes[:, :2]) / 2
    return Scene(image, np.hstack([middles - halves, middles + halves]).astype(np.float32))


def dark(scene: Scene, brightness: float, noise: float = 4.0) -> Scene:
    """The scene at a part of its brightness, with sensor noise of `noise` grey levels."""
    grain = np.random.default_rng(0).normal(0, noise, scene.image.shape)
    image = np.clip(scene.image * brightness + grain, 0, 255).astype(np.uint8)
    return Scene(image, scene.boxes)


def crowd(
    scenes: list[Scene], sizes: list[float], width: int, height: int, rng: np.random.Generator
) -> Scene:
    """Photographs pasted on a textured canvas, one a cell of a grid, at random places in it.

    Args:
        scenes: photographs with one face each; drawn from at random.
        sizes: longer side of each face's box in px.
        width, height: of the canvas, px.
        rng: chooses photographs and places.
    """
    texture = cv2.resize(data.gravel()[::2, ::2], (width, height), interpolation=cv2.INTER_LINEAR)
    canvas = np.repeat(texture[..., None], 3, axis=2)
    columns = int(np.ceil(np.sqrt(len(sizes) * width / height)))
    rows = int(np.ceil(len(sizes) / columns))
    cell = width // columns, height // rows
    boxes = []
    for place, size in enumerate(sizes):
        scene = scenes[rng.integers(len(scenes))]
        left, top, right, bottom = scene.boxes[0]
        scale = size / max(right - left, bottom - top)
        photograph = cv2.resize(
            scene.image, None, fx=scale, fy=scale,
            interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC,
        )[: cell[1], : cell[0]]  # fmt: skip
        high, wide = photograph.shape[:2]
        x = place % columns * cell[0] + int(rng.integers(cell[0] - wide + 1))
        y = place // columns * cell[1] + int(rng.integers(cell[1] - high + 1))
        canvas[y : y + high, x : x + wide] = photograph
        boxes.append(scene.boxes[0] * scale + (x, y, x, y))
    return Scene(canvas, np.array(boxes, np.float32))


def with_truth(images: list[np.ndarray], first: Callable, second: Callable) -> list[Scene]:
    """Photographs whose single face two detectors place alike; its box is the first one's.

    Made scenes need a box to start from; a face both see at full size is beyond doubt there.
    """
    scenes = []
    for image in images:
        one, other = first(image), second(image)
        if len(one) == len(other) == 1 and hits(one[0], other[0]):
            scenes.append(Scene(image, one))
    return scenes


def hits(found: np.ndarray, truth: np.ndarray) -> bool:
    """Whether a found box means a face: its middle lies in the true box, its area 1/3 to 3 times.

    Loose on purpose: networks draw the top of a face at different heights.
    """
    middle = (found[:2] + found[2:]) / 2
    inside = (middle >= truth[:2]).all() and (middle <= truth[2:]).all()
    ratio = np.prod(found[2:] - found[:2]) / np.prod(truth[2:] - truth[:2])
    return bool(inside and 1 / 3 <= ratio <= 3)
