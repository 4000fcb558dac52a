"""Runs the network: one module an engine, found by name."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from backend.errors import SetupError

NAMES = ("auto", "openvino", "tensorflow")


class Engine(Protocol):
    """What every engine offers. Implementations are safe to share between threads."""

    name: str

    def infer(self, batch: np.ndarray) -> np.ndarray:
        """Run float32 (N, S, S, 3) through the network: its first output, float32, (N, ...)."""
        ...


def open_engine(name: str, model: Path, sha256: str, cache: Path) -> Engine:
    """Load the network into the engine called `name`; "auto" is OpenVINO.

    Raises:
        SetupError: the name is unknown or the weights do not load.
    """
    if name in ("auto", "openvino"):
        from backend.vision.engines.openvino import OpenVinoEngine

        return OpenVinoEngine(model, sha256, cache)
    if name == "tensorflow":
        from backend.vision.engines.tensorflow import TensorFlowEngine

        return TensorFlowEngine(model)
    raise SetupError(f"Unknown engine. Expected one of {', '.join(NAMES)}. Received: {name}.")
