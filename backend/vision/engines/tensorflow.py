"""TensorFlow: the reference engine, for GPUs, and the converter from Keras HDF5 to OpenVINO."""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path

import numpy as np

from backend.errors import SetupError


def load_keras(path: Path):
    """Load a Keras model in safe mode, plain or built with the `efficientnet` package.

    Raises:
        SetupError: it is not a Keras model, or holds code that safe mode refuses.
    """
    import keras

    importlib.import_module("efficientnet.tfkeras")  # registers that package's own layers
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = (
            str(error).strip().splitlines()[0][:200] if str(error).strip() else "no reason given"
        )
        raise SetupError(f"{path.name} does not load as a Keras model: {reason}") from None


class TensorFlowEngine:
    """The network through `tf.function`.

    Args:
        model: the weights, Keras HDF5.

    Raises:
        SetupError: they do not load.
    """

    name = "tensorflow"

    def __init__(self, model: Path):
        import tensorflow as tf

        self._network = load_keras(model)
        shape = (None, *self._network.input_shape[1:])
        self._run = tf.function(
            lambda batch: self._network(batch, training=False),
            input_signature=[tf.TensorSpec(shape, tf.float32)],
        )

    def infer(self, batch: np.ndarray) -> np.ndarray:
        """See `Engine.infer`."""
        return self._run(batch).numpy()


def convert(model: Path, target: Path) -> None:
    """Write `model` as an OpenVINO network, `target` (.xml) and its .bin, fp32, free batch size."""
    import openvino as ov

    network = load_keras(model)
    with tempfile.TemporaryDirectory() as folder:
        network.export(folder, format="tf_saved_model", verbose=False)
        converted = ov.convert_model(folder, input=[-1, *network.input_shape[1:]])
    ov.save_model(converted, target, compress_to_fp16=False)


if __name__ == "__main__":
    try:
        convert(Path(sys.argv[1]), Path(sys.argv[2]))
    except SetupError as problem:
        sys.exit(str(problem))
