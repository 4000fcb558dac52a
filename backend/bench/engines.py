"""Milliseconds a face: each engine and precision at several batches, beside other ways.

Of the network that looks at faces, which is all that is asked of the frames of clips.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from skimage import data

from backend.bench.table import HEAD, markdown, spread
from backend.engines import Weights
from backend.engines.registry import NAMES, open_engine
from backend.errors import SetupError
from backend.models.crops import crop_face
from backend.models.members import FaceNetwork
from backend.models.model_file import read_config
from backend.settings import Settings

BATCHES = (1, 8, 32)
PEER = "Keras predict_on_batch"
THREADS = 2
_FACE = (174.0, 73.0, 275.0, 174.0)  # of the astronaut

Run = Callable[[np.ndarray], object]


def measure(settings: Settings, repeats: int, keras: bool) -> str:
    """The table of engines.

    Args:
        settings: the model and its cache.
        repeats: calls that are timed of each; one more warms up.
        keras: also the ways that need TensorFlow, which takes long to load.

    Returns:
        Markdown. What is not installed, or not offered for this model or processor, has a row that
        says so.
    """
    members = read_config(settings.model).members
    member = next(each for each in members if isinstance(each, FaceNetwork))
    face = crop_face(data.astronaut(), _FACE, member.margin, member.input_size)
    times: dict[str, dict[int, list[float]]] = {}
    notes: dict[str, str] = {}
    for name, run in _ways(settings, member, keras):
        if isinstance(run, str):
            notes[name] = run
        else:
            times[name] = {
                batch: _time(run, np.repeat(face[None], batch, axis=0), repeats)
                for batch in BATCHES
            }
    rows = []
    for name, of_batch in times.items():
        for batch, values in of_batch.items():
            peer = times.get(PEER, {}).get(batch)
            ratio = f"{np.median(peer) / np.median(values):.1f}" if peer else "–"
            rows.append((name, batch, *spread(values, 2), ratio))
    rows += [(name, "–", note, "", "", "") for name, note in notes.items()]
    return markdown(("way", "batch", *HEAD, f"times faster than {PEER}"), rows)


def _ways(settings: Settings, member: FaceNetwork, keras: bool) -> Iterator[tuple[str, Run | str]]:
    """Names and functions of uint8 crops, shape (N, S, S, 3); a sentence where there is none."""
    model = settings.model.parent / member.file
    weights = Weights(model, member.sha256, member.scale, member.offset, member.precisions)
    for name in NAMES:
        if name == "auto" or (name == "tensorflow" and not keras):
            continue
        try:
            engine = open_engine(name, weights, settings.cache)
        except SetupError as problem:
            yield name, str(problem)
        else:
            shown = f"{name} (tf.function)" if name == "tensorflow" else name
            yield shown, engine.infer
    if not keras:
        return
    from backend.engines.tensorflow import load_keras, with_map

    network = with_map(load_keras(model))

    def fed(run: Run) -> Run:
        return lambda crops: run(crops.astype(np.float32) * member.scale + member.offset)

    yield "Keras predict", fed(lambda batch: network.predict(batch, verbose=0))
    yield PEER, fed(network.predict_on_batch)
    with tempfile.TemporaryDirectory() as folder:
        for name, packages, make in (
            ("ONNX Runtime", ("onnxruntime", "onnx", "tf2onnx"), _onnx_runtime),
            ("LiteRT", ("ai_edge_litert",), _litert),
        ):
            missing = [package for package in packages if find_spec(package) is None]
            if missing:
                yield name, f"not installed: {', '.join(missing)}"
            else:
                yield name, fed(make(network, Path(folder)))


def _onnx_runtime(network, folder: Path) -> Run:
    import onnxruntime

    path = folder / "network.onnx"
    network.export(str(path), format="onnx", verbose=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda batch: session.run(None, {name: batch})


def _litert(network, folder: Path) -> Run:
    from ai_edge_litert.interpreter import Interpreter

    path = folder / "network.tflite"
    network.export(str(path), format="litert", verbose=False)
    interpreter = Interpreter(str(path), num_threads=THREADS)
    interpreter.allocate_tensors()
    place = interpreter.get_input_details()[0]["index"]

    def run(batch: np.ndarray) -> None:
        if tuple(interpreter.get_input_details()[0]["shape"]) != batch.shape:
            interpreter.resize_tensor_input(place, batch.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(place, batch)
        interpreter.invoke()

    return run


def _time(run: Run, crops: np.ndarray, repeats: int) -> list[float]:
    """Milliseconds a face of each call."""
    run(crops)
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        run(crops)
        times.append((time.perf_counter() - began) * 1000 / len(crops))
    return times
