"""BlazeFace, MediaPipe's face network: searches square windows of a picture."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import ceil, sqrt
from pathlib import Path

import cv2
import numpy as np
import openvino as ov

from backend.engines import Precision
from backend.engines.openvino_core import new_core
from backend.faces.resize import scale_to

SAME_FACE = 0.3  # boxes that overlap more than this (intersection over union) are one face


@dataclass(frozen=True, slots=True)
class Window:
    """A square part of a picture, in px; may reach beyond it (the outside is black).

    Attributes:
        left, top, side: of the square before it is turned.
        roll: degrees clockwise that it is turned about its middle.
    """

    left: float
    top: float
    side: float
    roll: float = 0.0

    @classmethod
    def around(cls, box, scale: float, roll: float = 0.0) -> Window:
        """A window with the centre of `box` and `scale` times its longer side."""
        left, top, right, bottom = box
        side = scale * max(right - left, bottom - top)
        return cls((left + right - side) / 2, (top + bottom - side) / 2, side, roll)

    @classmethod
    def whole(cls, image: np.ndarray, scale: float = 1.0) -> Window:
        """A window with the whole picture in its middle, `scale` times its longer side."""
        height, width = image.shape[:2]
        return cls.around((0, 0, width, height), scale)


def cut(image: np.ndarray, window: Window, size: int) -> np.ndarray:
    """Scale a window of a picture to a square.

    Args:
        image: uint8 RGB, shape (height, width, 3).
        window: part of the picture; what lies outside the picture comes out black.
        size: px of the square.

    Returns:
        uint8 RGB, shape (size, size, 3).
    """
    if window.roll:
        # The upright square that holds it first, at the same scale, so that nothing aliases.
        wide = ceil(size * sqrt(2))
        side = window.side * wide / size
        edge = (window.side - side) / 2
        upright = cut(image, Window(window.left + edge, window.top + edge, side), wide)
        turn = cv2.getRotationMatrix2D(((wide - 1) / 2, (wide - 1) / 2), window.roll, 1.0)
        turn[:, 2] += (size - wide) / 2
        return cv2.warpAffine(upright, turn, (size, size))
    height, width = image.shape[:2]
    left, right = np.clip((window.left, window.left + window.side), 0, width)
    top, bottom = np.clip((window.top, window.top + window.side), 0, height)
    square = np.zeros((size, size, 3), np.uint8)
    part = image[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))]
    if part.size == 0:
        return square
    scale = size / window.side
    x, y = (round((int(left) - window.left) * scale), round((int(top) - window.top) * scale))
    x, y = min(max(x, 0), size - 1), min(max(y, 0), size - 1)
    columns = min(max(round(part.shape[1] * scale), 1), size - x)
    rows = min(max(round(part.shape[0] * scale), 1), size - y)
    square[y : y + rows, x : x + columns] = scale_to(part, columns, rows)
    return square


class BlazeFace:
    """One BlazeFace network on the CPU. Safe to share between threads.

    Args:
        path: the TFLite file, short range (128 px) or full range (192 px).
        threads: windows searched side by side, each by one CPU thread: two threads that share a
            window cost a third more processor time than two that take one each.
        cache: folder for the compiled network; None compiles it each time.
        precision: what it computes in.
    """

    def __init__(
        self,
        path: Path,
        threads: int = 2,
        cache: Path | None = None,
        precision: Precision = "f32",
    ):
        core = new_core(cache)
        model = core.read_model(path)
        self._network = core.compile_model(
            model,
            "CPU",
            {
                "NUM_STREAMS": threads,
                "INFERENCE_NUM_THREADS": threads,
                "INFERENCE_PRECISION_HINT": precision,
            },
        )
        self.size = int(model.input(0).shape[1])
        self._threads = threads
        self._anchors = _anchors(self.size, int(model.output(0).shape[1]))
        self._idle: deque[list[ov.InferRequest]] = deque()

    def find(
        self, image: np.ndarray, windows: list[Window], threshold: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Find faces in each window; boxes that mean the same face are not merged yet.

        Args:
            image: uint8 RGB, shape (height, width, 3).
            windows: the parts that are searched, each scaled to the network's input.
            threshold: lowest score kept, 0 to 1.

        Returns:
            points: float32, shape (n, 8, 2), px of `image`: left top and right bottom of the box,
                then the six landmarks in the order of `records.Face`.
            scores: float32, shape (n,), 0 to 1.
            seen: int, shape (n,), the position in `windows` of the window it was seen in.
        """
        if not windows:
            return (
                np.zeros((0, 8, 2), np.float32), np.zeros(0, np.float32), np.zeros(0, int)
            )  # fmt: skip
        requests = self._take_requests()
        least = np.log(threshold / (1 - threshold))
        found = []
        for place in range(len(windows) + self._threads):
            request = requests[place % self._threads]
            if place >= self._threads:
                request.wait()
                found.append(self._read(request, windows[place - self._threads], least))
            if place < len(windows):
                square = cut(image, windows[place], self.size)
                request.start_async({0: square[None].astype(np.float32) / 127.5 - 1.0})
        self._idle.append(requests)
        points, scores = (np.concatenate(part) for part in zip(*found, strict=True))
        return points, scores, np.repeat(np.arange(len(found)), [len(part[1]) for part in found])

    def _read(self, request: ov.InferRequest, window: Window, least: float):
        """The boxes of one window whose logit is above `least`, in px of the picture."""
        logits = request.get_output_tensor(1).data.reshape(-1)
        kept = np.flatnonzero(logits > least)
        scores = 1 / (1 + np.exp(-np.clip(logits[kept], -80, 80)))
        raw = request.get_output_tensor(0).data.reshape(-1, 8, 2)[kept] / self.size
        centre, half = raw[:, 0] + self._anchors[kept], raw[:, 1] / 2
        points = raw + self._anchors[kept, None]
        points[:, 0], points[:, 1] = centre - half, centre + half
        if window.roll:
            points = _turned(points, window.roll)
        place = np.array((window.left, window.top), np.float32)
        return points * np.float32(window.side) + place, scores.astype(np.float32)

    def _take_requests(self) -> list[ov.InferRequest]:
        """Requests that nobody else has: they must not be shared, and making them is slow."""
        try:
            return self._idle.pop()
        except IndexError:
            return [self._network.create_infer_request() for _ in range(self._threads)]


def merge(points: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted non-maximum suppression: boxes of one face become their mean by score.

    Args:
        points: float32, shape (n, k, 2): left top, right bottom, then any further points.
        scores: float32, shape (n,).

    Returns:
        The same two arrays with one row a face, best score first.
    """
    order = np.argsort(-scores, kind="stable")
    faces, best = [], []
    while order.size:
        same = overlap(points[order[0]], points[order]) > SAME_FACE
        same[0] = True  # a box of no area overlaps nothing, itself included
        weights = scores[order[same]]
        faces.append(np.average(points[order[same]], axis=0, weights=weights))
        best.append(weights[0])
        order = order[~same]
    return np.array(faces, np.float32).reshape(-1, *points.shape[1:]), np.array(best, np.float32)


def overlap(one: np.ndarray, many: np.ndarray) -> np.ndarray:
    """Intersection over union of the box in `one` (>= 2, 2) with those in `many` (n, >= 2, 2)."""
    inner = np.minimum(one[1], many[:, 1]) - np.maximum(one[0], many[:, 0])
    shared = np.prod(np.maximum(inner, 0), axis=1)
    areas = np.prod(np.maximum(many[:, 1] - many[:, 0], 0), axis=1)
    total = np.prod(np.maximum(one[1] - one[0], 0)) + areas - shared
    return shared / np.maximum(total, 1e-9)


def _turned(points: np.ndarray, roll: float) -> np.ndarray:
    """Points (n, 8, 2) of a turned window, 0 to 1, in the square before it was turned.

    A box stays upright about its middle, which moves: its sides are those of the face.
    """
    cos, sin = np.cos(np.radians(roll)), np.sin(np.radians(roll))
    turn = np.array([[cos, sin], [-sin, cos]], np.float32)  # of rows, clockwise where y points down
    centre = points[:, :2].mean(axis=1, keepdims=True)
    boxes = points[:, :2] + (centre - 0.5) @ turn + 0.5 - centre
    return np.concatenate([boxes, (points[:, 2:] - 0.5) @ turn + 0.5], axis=1)


def _anchors(size: int, count: int) -> np.ndarray:
    """Centres that boxes are relative to, 0 to 1: float32, shape (count, 2).

    Short range: 2 a cell at stride 8, then 6 a cell at stride 16. Full range: 1 a cell at stride 4.
    """
    layers = ((8, 2), (16, 6)) if count == 896 else ((4, 1),)
    centres = []
    for stride, repeats in layers:
        cells = (np.arange(size // stride, dtype=np.float32) + 0.5) * stride / size
        grid = np.stack(np.meshgrid(cells, cells), axis=-1).reshape(-1, 2)
        centres.append(np.repeat(grid, repeats, axis=0))
    return np.concatenate(centres)
