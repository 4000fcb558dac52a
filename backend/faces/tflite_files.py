"""The MediaPipe networks that find faces: their files lie in `models/`."""

from __future__ import annotations

from pathlib import Path

from backend.errors import SetupError
from backend.settings import ROOT

SHORT_RANGE = "face_detection_short_range.tflite"
FULL_RANGE = "face_detection_full_range.tflite"
FACE_MESH = "face_landmark.tflite"


def tflite_file(name: str) -> Path:
    """The path of one network.

    Args:
        name: one of the constants of this module.

    Raises:
        SetupError: the file is missing.
    """
    path = ROOT / "models" / name
    if not path.is_file():
        raise SetupError(f"The face network is missing. Put {name} back into {path.parent}.")
    return path
