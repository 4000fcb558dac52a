"""Finds the engine that is called by a name."""

from __future__ import annotations

from pathlib import Path

from backend.engines import Engine, Weights
from backend.engines.batching import SharedEngine
from backend.errors import SetupError

NAMES = ("auto", "openvino", "openvino-bf16", "tensorflow")


def open_engine(name: str, weights: Weights, cache: Path) -> Engine:
    """Load the network into the engine called `name`.

    "auto" is OpenVINO in the fastest precision that the processor has and the weights allow.

    Args:
        cache: folder for the converted network.

    Returns:
        An engine that is safe to share between threads.

    Raises:
        SetupError: the name is unknown, the precision is not offered, or the weights do not load.
    """
    if name == "tensorflow":
        from backend.engines.tensorflow import TensorFlowEngine

        return SharedEngine(TensorFlowEngine(weights))
    if name in NAMES:
        from backend.engines.openvino import OpenVinoEngine, fastest

        precision = {"auto": fastest(weights), "openvino": "f32", "openvino-bf16": "bf16"}[name]
        return SharedEngine(OpenVinoEngine(weights, cache, precision))
    raise SetupError(f"Unknown engine. Expected one of {', '.join(NAMES)}. Received: {name}.")
