"""MediaPipe's face mesh: 468 points of one face, for masks in training."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import cv2
import numpy as np
import openvino as ov

from backend.engines.openvino_core import new_core
from backend.faces.tflite_files import FACE_MESH, tflite_file
from backend.records.observations import Face

INPUT = 192  # px
WINDOW = 1.5  # side of the mesh's window in longer sides of the face box, as in MediaPipe


class FaceMesh:
    """The 468-point network on the CPU. Safe to share between threads.

    Args:
        threads: CPU threads for one face.
        cache: folder for the compiled network; None compiles it each time.

    Raises:
        SetupError: the package with the network is not installed.
    """

    def __init__(self, threads: int = 1, cache: Path | None = None):
        core = new_core(cache)
        self._network = core.compile_model(
            tflite_file(FACE_MESH),
            "CPU",
            {
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": "f32",
                "INFERENCE_NUM_THREADS": threads,
            },
        )
        self._idle: deque[ov.InferRequest] = deque()

    def landmarks(self, image: np.ndarray, face: Face) -> tuple[np.ndarray, float]:
        """Place the mesh on one face.

        Args:
            image: uint8 RGB, shape (height, width, 3), the picture the face was found in.
            face: where it is; the line between its eyes gives the rotation that is undone.

        Returns:
            points: float32, shape (468, 2), px of `image`; may lie outside it.
            presence: 0 to 1; below 0.5 the points are not a face.
        """
        to_input = _to_input(face)
        # The edge repeated, not black, beyond the edge: a tight crop then still shows skin there.
        tensor = cv2.warpAffine(
            image, to_input, (INPUT, INPUT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        try:  # requests must not be shared between threads, and making them is slow
            request = self._idle.pop()
        except IndexError:
            request = self._network.create_infer_request()
        request.infer({0: tensor.astype(np.float32)[None] / 255.0})
        points = request.get_output_tensor(0).data.reshape(468, 3)[:, :2].copy()
        presence = 1 / (1 + np.exp(-float(request.get_output_tensor(1).data.reshape(-1)[0])))
        self._idle.append(request)
        back = cv2.invertAffineTransform(to_input)
        return (points @ back[:, :2].T + back[:, 2]).astype(np.float32), presence


def _to_input(face: Face) -> np.ndarray:
    """Affine map, shape (2, 3), from px of the picture to px of the upright input square."""
    left, top, right, bottom = face.box
    along = face.landmarks[1] - face.landmarks[0]  # the person's right eye to the left one
    angle = float(np.degrees(np.arctan2(along[1], along[0])))
    centre = ((left + right) / 2, (top + bottom) / 2)
    matrix = cv2.getRotationMatrix2D(centre, angle, INPUT / (WINDOW * face.size))
    matrix[:, 2] += INPUT / 2 - np.array(centre)
    return matrix
