"""BlazeFace, MediaPipe's face network: looks at square windows of a picture."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import openvino as ov

BATCH = 16  # windows in one pass of the network; bounds the memory of a very large picture
SAME_FACE = 0.3  # boxes that overlap more than this (intersection over union) are one face


@dataclass(frozen=True, slots=True)
class Window:
    """A square part of a picture, in px; may reach beyond it (the outside is black)."""

    left: float
    top: float
    side: float

    @classmethod
    def around(cls, box, scale: float) -> Window:
        """A window with the centre of `box` and `scale` times its longer side."""
        left, top, right, bottom = box
        side = scale * max(right - left, bottom - top)
        return cls((left + right - side) / 2, (top + bottom - side) / 2, side)

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
    # Averaging all pixels when shrinking: point sampling loses small faces to aliasing.
    shrinks = columns < part.shape[1]
    square[y : y + rows, x : x + columns] = cv2.resize(
        part, (columns, rows), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return square


class BlazeFace:
    """One BlazeFace network on the CPU. Safe to share between threads.

    Args:
        path: the TFLite file, short range (128 px) or full range (192 px).
        threads: CPU threads for one pass.
    """

    def __init__(self, path: Path, threads: int = 2):
        core = ov.Core()
        model = core.read_model(path)
        size, anchors = int(model.input(0).shape[1]), int(model.output(0).shape[1])
        model.reshape([-1, size, size, 3])  # any number of windows in one pass
        # float32 also where the CPU offers bfloat16, so that boxes are the same on every machine.
        self._network = core.compile_model(
            model,
            "CPU",
            {
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": "f32",
                "INFERENCE_NUM_THREADS": threads,
            },
        )
        self.size = size
        self._layers = _anchors(size, anchors)
        self._local = threading.local()

    def look(
        self, image: np.ndarray, windows: list[Window], threshold: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Find faces in each window; boxes that mean the same face are not merged yet.

        Args:
            image: uint8 RGB, shape (height, width, 3).
            windows: the parts that are looked at, each scaled to the network's input.
            threshold: lowest score kept, 0 to 1.

        Returns:
            points: float32, shape (n, 8, 2), px of `image`: left top and right bottom of the box,
                then the six landmarks in the order of `records.Face`.
            scores: float32, shape (n,), 0 to 1.
            seen: int, shape (n,), the position in `windows` of the window it was seen in.
        """
        parts = [
            self._look(image, windows[start : start + BATCH], threshold)
            for start in range(0, len(windows), BATCH)
        ]
        points, scores, seen = (np.concatenate(part) for part in zip(*parts, strict=True))
        batches = np.repeat(np.arange(len(parts)), [len(part[1]) for part in parts])
        return points, scores, seen + batches * BATCH

    def _look(self, image: np.ndarray, windows: list[Window], threshold: float):
        tensor = np.stack([cut(image, window, self.size) for window in windows])
        request = self._request()
        request.infer({0: tensor.astype(np.float32) / 127.5 - 1.0})
        logits = request.get_output_tensor(1).data.reshape(-1)
        kept = np.flatnonzero(logits > np.log(threshold / (1 - threshold)))
        scores = 1 / (1 + np.exp(-np.clip(logits[kept], -80, 80)))
        # The network joins its layers last: all windows' rows of one layer, then of the next.
        count = len(windows)
        seen = np.concatenate([np.repeat(np.arange(count), len(x)) for x in self._layers])[kept]
        anchors = np.concatenate([np.tile(x, (count, 1)) for x in self._layers])[kept]
        raw = request.get_output_tensor(0).data.reshape(-1, 8, 2)[kept] / self.size
        centre, half = raw[:, 0] + anchors, raw[:, 1] / 2
        points = raw + anchors[:, None]
        points[:, 0], points[:, 1] = centre - half, centre + half
        places = np.array([(w.left, w.top, w.side) for w in windows], np.float32)[seen, None]
        return (points * places[..., 2:] + places[..., :2]), scores.astype(np.float32), seen

    def _request(self) -> ov.InferRequest:
        """This thread's own request: one must not be shared, and making one a call is slow."""
        if not hasattr(self._local, "request"):
            self._local.request = self._network.create_infer_request()
        return self._local.request


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


def _anchors(size: int, count: int) -> list[np.ndarray]:
    """Centres that boxes are relative to, 0 to 1: an array of shape (n, 2) for each layer.

    Short range: 2 a cell at stride 8, then 6 a cell at stride 16. Full range: 1 a cell at stride 4.
    """
    layers = ((8, 2), (16, 6)) if count == 896 else ((4, 1),)
    centres = []
    for stride, repeats in layers:
        cells = (np.arange(size // stride, dtype=np.float32) + 0.5) * stride / size
        grid = np.stack(np.meshgrid(cells, cells), axis=-1).reshape(-1, 2)
        centres.append(np.repeat(grid, repeats, axis=0))
    return centres
