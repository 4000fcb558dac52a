"""OpenVINO on the CPU: the engine people get; converted once, kept by the hash of the weights."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import openvino as ov

from backend.engines import Inferred, Precision, Weights
from backend.engines.openvino_core import new_core
from backend.errors import SetupError
from backend.settings import ROOT

# Part of the cached name: a conversion with other outputs or other marks is not reused.
LAYOUT = "map-features-exact"
# Most faces a pass. Every core takes passes of its own: on two cores this costs a fifth less time
# than sharing each pass, where the cores wait for each other after every layer. Four at once take
# 40 MB more and are no faster; one at once is slower.
CHUNK = 2
PLACE = "converting-"  # begins the name of the folder a network is converted in


def fastest(weights: Weights) -> Precision:
    """The fastest precision that this processor has and the weights allow."""
    return "bf16" if "bf16" in weights.precisions and has_bf16() else "f32"


def has_bf16() -> bool:
    """Whether the processor computes in bfloat16."""
    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def converted_path(weights: Weights, cache: Path) -> Path:
    """Where the converted network is kept: an .xml, with its .bin in the same folder."""
    version = ov.__version__.split("-")[0]
    return cache / f"{weights.sha256}-{LAYOUT}-openvino-{version}" / "network.xml"


def _is_whole(converted: Path) -> bool:
    return converted.is_file() and converted.with_suffix(".bin").is_file()


class OpenVinoEngine:
    """The network on the CPU, compiled when it is first wanted.

    A server that judges clips alone does without the memory of what only pictures need.

    Args:
        weights: of the network.
        cache: folder for the converted network.
        precision: what it computes in; the converted file is the same for all.

    Raises:
        SetupError: the precision is not offered, or the weights cannot be converted or loaded.
    """

    name = "openvino"

    def __init__(self, weights: Weights, cache: Path, precision: Precision = "f32"):
        self.precision = precision
        if precision not in weights.precisions:
            raise SetupError(
                f"The engine openvino-{precision} is not offered: the accuracy of "
                f"{weights.path.name} was not measured in it."
            )
        if precision == "bf16" and not has_bf16():
            raise SetupError("The engine openvino-bf16 needs a processor with bfloat16.")
        converted = converted_path(weights, cache)
        if not _is_whole(converted):
            _convert(weights.path, converted)
        try:
            self._network = _fed(new_core().read_model(converted), weights)
        except RuntimeError:
            raise SetupError(
                f"The converted model {converted.parent.name} does not load. Delete it and start "
                "again."
            ) from None
        self._outputs = [output.get_any_name() for output in self._network.outputs]
        self.columns = _columns(self._network)
        self._queue: ov.AsyncInferQueue | None = None

    def infer(self, crops: np.ndarray) -> Inferred:
        """See `Engine.infer`."""
        if self._queue is None:
            self._compile()
        parts: dict[int, list[np.ndarray]] = {}
        # Few faces, such as the views of one: every core takes a part.
        size = max(1, min(CHUNK, -(-len(crops) // len(self._queue))))
        for start in range(0, len(crops), size):
            chunk = np.ascontiguousarray(crops[start : start + size])
            self._queue.start_async({0: chunk}, (parts, start))
        self._queue.wait_all()
        columns = zip(*(parts[start] for start in sorted(parts)), strict=True)
        found = dict(zip(self._outputs, map(np.concatenate, columns), strict=True))
        return Inferred(**found)

    def _compile(self) -> None:
        # Named, because a processor with bf16 would otherwise round silently.
        options = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": self.precision}
        self._network = new_core().compile_model(self._network, "CPU", options)
        self._queue = ov.AsyncInferQueue(self._network)
        self._queue.set_callback(self._keep)

    def _keep(self, request: ov.InferRequest, place: tuple[dict, int]) -> None:
        parts, start = place
        parts[start] = [request.get_tensor(name).data.copy() for name in self._outputs]


def _columns(network: ov.Model) -> int:
    """Values a face of the score; 0 where the network does not fix their number."""
    lengths = list(network.output("score").partial_shape)[1:]
    return math.prod(0 if length.is_dynamic else length.get_length() for length in lengths)


def _fed(network: ov.Model, weights: Weights) -> ov.Model:
    """Fix the input's shape; put the conversion of pixels from uint8, and their scaling, inside."""
    taken = network.input().partial_shape
    lengths = [None if length.is_dynamic else length.get_length() for length in taken][1:]
    network.reshape([-1, *(length or -1 for length in weights.fed(lengths))])
    if not weights.pixels:
        return network
    steps = ov.preprocess.PrePostProcessor(network)
    steps.input().tensor().set_element_type(ov.Type.u8)
    inside = steps.input().preprocess().convert_element_type(ov.Type.f32)
    if (weights.scale, weights.offset) != (1.0, 0.0):
        inside.mean(-weights.offset / weights.scale).scale(1 / weights.scale)
    return steps.build()


def _convert(model: Path, converted: Path) -> None:
    """Convert in a process of its own, so that TensorFlow never enters this one."""
    print(f"Preparing {model.name} for this machine (once, about 20 seconds) ...", file=sys.stderr)
    folder = converted.parent
    _make(folder.parent)
    for left in folder.parent.glob(f"{PLACE}*"):  # of conversions that were killed
        with suppress(FileNotFoundError):
            if left.stat().st_mtime < time.time() - 3600:
                shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=PLACE, dir=folder.parent) as place:
        made = Path(place) / folder.name / converted.name
        made.parent.mkdir()
        run = subprocess.run(
            [
                sys.executable,
                "-m",
                "backend.engines.tensorflow",
                str(model.resolve()),
                str(made),
            ],
            cwd=ROOT,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if run.returncode != 0 or not _is_whole(made):
            lines = run.stderr.strip().splitlines() or ["no reason was given"]
            raise SetupError(f"{model.name} cannot be converted: {lines[-1]}")
        shutil.rmtree(folder, ignore_errors=True)  # of one that lacks a part
        try:
            os.rename(made.parent, folder)
        except OSError:
            if not _is_whole(converted):  # it is where another process was faster
                raise


def _make(cache: Path) -> None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        reason = None if os.access(cache, os.W_OK | os.X_OK) else "it is read-only"
    except OSError as error:
        reason = error.strerror
    if reason:
        raise SetupError(
            f"Nothing can be kept in the folder {cache}: {reason}. Choose another one with "
            "DEEPFAKE_CACHE."
        )
