"""OpenVINO on the CPU: the engine people get; converted once, kept by the hash of the weights."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import openvino as ov

from backend.errors import SetupError
from backend.settings import ROOT

CHUNK = 16  # faces a pass: larger batches gain no speed and only cost memory


class OpenVinoEngine:
    """The network in fp32 on the CPU.

    Args:
        model: the weights, Keras HDF5.
        sha256: their digest, the key in the cache.
        cache: folder for the converted network.

    Raises:
        SetupError: the weights cannot be converted or loaded.
    """

    name = "openvino"

    def __init__(self, model: Path, sha256: str, cache: Path):
        converted = cache / f"{sha256}-openvino-{ov.__version__.split('-')[0]}.xml"
        if not (converted.is_file() and converted.with_suffix(".bin").is_file()):
            _convert(model, converted)
        try:
            self._network = ov.Core().compile_model(
                converted,
                "CPU",
                # The weights were measured in fp32; a processor with bf16 must not round silently.
                {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"},
            )
        except RuntimeError:
            raise SetupError(
                f"The converted model {converted.name} does not load. Delete it and start again."
            ) from None
        self._local = threading.local()

    def infer(self, batch: np.ndarray) -> np.ndarray:
        """See `Engine.infer`."""
        if not hasattr(self._local, "request"):
            self._local.request = self._network.create_infer_request()
        request = self._local.request
        parts = []
        for start in range(0, len(batch), CHUNK):
            request.infer({0: np.ascontiguousarray(batch[start : start + CHUNK])})
            parts.append(request.get_output_tensor(0).data.copy())
        return np.concatenate(parts)


def _convert(model: Path, converted: Path) -> None:
    """Convert in a process of its own, so that TensorFlow never enters this one."""
    print(f"Preparing {model.name} for this machine (once, about 20 seconds) ...", file=sys.stderr)
    converted.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=converted.parent) as folder:
        made = Path(folder) / converted.name
        run = subprocess.run(
            [
                sys.executable,
                "-m",
                "backend.vision.engines.tensorflow",
                str(model.resolve()),
                str(made),
            ],
            cwd=ROOT,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if run.returncode != 0 or not made.is_file():
            lines = run.stderr.strip().splitlines() or ["no reason was given"]
            raise SetupError(f"{model.name} cannot be converted: {lines[-1]}")
        # Weights first: whoever sees the .xml finds its .bin.
        os.replace(made.with_suffix(".bin"), converted.with_suffix(".bin"))
        os.replace(made, converted)
