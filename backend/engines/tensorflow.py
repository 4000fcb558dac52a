"""TensorFlow: the reference engine, for GPUs, and the converter from Keras HDF5 to OpenVINO."""

from __future__ import annotations

import importlib
import math
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from backend.engines import Inferred, Weights
from backend.errors import SetupError

# Convolutions at the beginning that are computed in float32 in every precision: rounding in these
# moves the scores of all faces to one side, which is most of what bf16 costs in accuracy.
EXACT = 22


def load_keras(path: Path):
    """Load a Keras model in safe mode, plain or built with the `efficientnet` package.

    Raises:
        SetupError: it is not a Keras model, holds code that safe mode refuses, or takes more than
            one input.
    """
    import keras

    importlib.import_module("efficientnet.tfkeras")  # registers that package's own layers
    try:
        network = keras.models.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = (
            str(error).strip().splitlines()[0][:200] if str(error).strip() else "no reason given"
        )
        raise SetupError(f"{path.name} does not load as a Keras model: {reason}") from None
    if len(network.inputs) != 1:
        raise SetupError(
            f"{path.name} must take one picture. Received: {len(network.inputs)} inputs."
        )
    return network


def with_map(network):
    """Give a network its heat map as a second output of the same pass.

    That is the layer "mask" of a network that has one: trained to say where a face was changed.
    Else it is the class-activation map: where a network ends in global average pooling and a dense
    layer, applying that dense layer to every place before the pooling gives values whose mean is
    the dense layer's own (Zhou et al., "Learning Deep Features for Discriminative Localization",
    CVPR 2016).

    Args:
        network: Keras model; its first output, shape (N, K), is the score.

    Returns:
        A Keras model with the outputs "score", (N, K), and "map": (N, h, w, 1) from a mask layer,
        or (N, h, w, K), in logits and so before any activation of the dense layer; without "map"
        where there is neither. With a mask layer also "features", (N, h / 2, w / 2, C): what that
        layer is given.
    """
    import keras

    score = network.outputs[0]
    for layer in network.layers:
        if layer.name == "mask" and len(layer.output.shape) == 4:
            halved = keras.layers.AveragePooling2D(2, name="features")(layer.input)
            outputs = {"score": score, "map": layer.output, "features": halved}
            return keras.Model(network.inputs, outputs)
    dense, pooled = _origin(score)
    pool, features = _origin(pooled) if isinstance(dense, keras.layers.Dense) else (None, None)
    while isinstance(pool, keras.layers.Dropout):
        pool, features = _origin(features)
    if (
        not isinstance(pool, keras.layers.GlobalAveragePooling2D)
        or pool.data_format != "channels_last"
        or dense.activation not in (keras.activations.linear, keras.activations.sigmoid,
                                    keras.activations.softmax)
    ):  # fmt: skip
        return keras.Model(network.inputs, {"score": score})
    places = keras.layers.Dense(
        dense.units, use_bias=dense.use_bias, dtype="float32", name=f"{dense.name}_map"
    )
    located = places(features)
    places.set_weights(dense.get_weights())
    return keras.Model(network.inputs, {"score": score, "map": located})


def _origin(tensor):
    """The layer that made a symbolic tensor, and that layer's first input."""
    layer, node, _ = tensor._keras_history
    inputs = layer._inbound_nodes[node].input_tensors
    return layer, inputs[0] if inputs else None


def _taken(network) -> tuple[int | None, ...]:
    """The shape of a picture that a network takes, None where any length will do."""
    return network.inputs[0].shape[1:]


class TensorFlowEngine:
    """The network through `tf.function`.

    Args:
        weights: of the network.

    Raises:
        SetupError: they do not load.
    """

    name, precision = "tensorflow", "f32"

    def __init__(self, weights: Weights):
        import tensorflow as tf

        network = load_keras(weights.path)
        self.columns = math.prod(length or 0 for length in network.outputs[0].shape[1:])
        shape = (None, *weights.fed(_taken(network)))
        network = with_map(network)

        def run(crops):
            pixels = tf.cast(crops, tf.float32) * weights.scale + weights.offset
            return network(pixels, training=False)

        fed = tf.TensorSpec(shape, tf.uint8 if weights.pixels else tf.float32)
        self._run = tf.function(run, input_signature=[fed])

    def infer(self, crops: np.ndarray) -> Inferred:
        """See `Engine.infer`."""
        return Inferred(**{name: each.numpy() for name, each in self._run(crops).items()})


def convert(model: Path, target: Path) -> None:
    """Write `model` as an OpenVINO network, fp32, free batch size, with the outputs of `with_map`.

    Args:
        target: the .xml; its .bin lies beside it.
    """
    import openvino as ov

    network = with_map(load_keras(model))
    with tempfile.TemporaryDirectory() as place:
        network.export(place, format="tf_saved_model", verbose=False)
        converted = ov.convert_model(place, input=[-1, *(n or -1 for n in _taken(network))])
    ov.save_model(converted, target, compress_to_fp16=False)
    _keep_exact(target)


def _keep_exact(target: Path) -> None:
    """Mark all up to the convolution number `EXACT` as sensitive to precision.

    OpenVINO's transformations set this mark themselves where they see a need, and a network's file
    keeps it; the Python binding has no way to set it.
    """
    tree = ElementTree.parse(target)
    convolutions = 0
    for layer in tree.iterfind("layers/layer"):  # in the order of computation
        if layer.get("type") in ("Const", "Parameter", "Result"):
            continue
        mark = ElementTree.Element("rt_info")
        ElementTree.SubElement(mark, "attribute", name="precise", version="0")
        layer.insert(1 if layer.find("data") is not None else 0, mark)
        convolutions += layer.get("type") in ("Convolution", "GroupConvolution")
        if convolutions == EXACT:
            break
    tree.write(target)


if __name__ == "__main__":
    try:
        convert(Path(sys.argv[1]), Path(sys.argv[2]))
    except SetupError as problem:
        sys.exit(str(problem))
