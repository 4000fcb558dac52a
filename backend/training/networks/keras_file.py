"""Trained weights into a Keras file, and out of one again, weight by weight."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from backend.errors import SetupError
from backend.training.networks.efficientnet_b0 import MASK_STAGE, EfficientNetB0


def write_keras(network: EfficientNetB0, size: int, path: Path) -> None:
    """Write a network as Keras HDF5, built with `efficientnet`.

    The file's network takes float32 RGB 0 to 255, shape (N, size, size, 3), and gives one logit a
    head; the scaling to (x - 127) / 128 is its first layer. The mask is its layer "mask", shape
    (N, size / 16, size / 16, 1): it is added to the logits with weight 0, so that a program that
    only wants the score finds one output and the heat map is still in the file.

    Args:
        network: trained.
        size: side of the pictures, px.
        path: of the file.
    """
    import keras

    layers = keras.layers
    image = keras.Input((size, size, 3), name="image")
    scaled = layers.Rescaling(1 / 128, offset=-127 / 128, name="scale")(image)
    body = _body(size)
    features, middle = body(scaled)
    pooled = layers.GlobalAveragePooling2D(name="pool")(features)
    pooled = layers.Dropout(network.dropout.p, name="dropout")(pooled)
    score = layers.Dense(network.logits.out_features, name="dense", dtype="float32")
    mask = layers.Dense(1, name="mask")
    seen = layers.GlobalAveragePooling2D(name="mask_pool")(mask(middle))
    aside = layers.Rescaling(0.0, name="aside")(seen)
    model = keras.Model(image, layers.Add(name="logits")([score(pooled), aside]), name=path.stem)
    for module, layer in _pairs(network, body, score, mask):
        layer.set_weights(_arrays(module))
    model.save(path)


def read_keras(network: EfficientNetB0, path: Path) -> None:
    """Fill `network` in place with the weights of a file that `write_keras` made.

    Heads that the file has not stay as they are.

    Raises:
        SetupError: the file is missing, or of another network.
    """
    import efficientnet.tfkeras  # noqa: F401 - what the file's layers are made of
    import keras

    try:
        model = keras.saving.load_model(path, compile=False)
        parts = (model.get_layer(name) for name in ("body", "dense", "mask"))
        with torch.no_grad():
            for module, layer in _pairs(network, *parts):
                _fill(module, layer.get_weights())
    except (OSError, ValueError, RuntimeError):
        raise SetupError(
            f"Training cannot start from {path.name}: it is missing or of another network."
        ) from None


def _body(size: int):
    """All up to the pooling: gives the features and what the mask sees."""
    import keras
    from efficientnet.tfkeras import EfficientNetB0 as KerasEfficientNetB0

    body = KerasEfficientNetB0(weights=None, include_top=False, input_shape=(size, size, 3))
    middle = body.get_layer(f"block{MASK_STAGE + 1}c_add").output
    return keras.Model(body.input, [body.output, middle], name="body")


def _pairs(network: EfficientNetB0, body, score, mask):
    """Each module with weights beside its Keras layer."""
    modules = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]
    weighted = [layer for layer in body.layers if layer.weights]
    yield from zip(modules, weighted, strict=True)
    yield network.logits, score
    yield network.mask, mask


def _arrays(module: nn.Module) -> list[np.ndarray]:
    """A module's arrays in Keras's order and axes."""
    pairs = zip(*_layout(module), strict=True)
    return [tensor.permute(axes).detach().cpu().numpy() for tensor, axes in pairs]


def _fill(module: nn.Module, arrays: list[np.ndarray]) -> None:
    """Put Keras's arrays into a module; of a dense layer the columns that there are."""
    for (tensor, axes), array in zip(zip(*_layout(module), strict=True), arrays, strict=True):
        own = tensor.permute(axes)
        own[..., : array.shape[-1]].copy_(torch.from_numpy(array))


def _layout(module: nn.Module) -> tuple[list[torch.Tensor], list[tuple[int, ...]]]:
    """A module's tensors in Keras's order, and the order of axes that Keras has them in."""
    if isinstance(module, nn.BatchNorm2d):
        return [module.weight, module.bias, module.running_mean, module.running_var], [(0,)] * 4
    axes = (1, 0)
    if isinstance(module, nn.Conv2d):
        axes = (2, 3, 0, 1) if module.groups > 1 else (2, 3, 1, 0)  # depthwise, or plain
    tensors, orders = [module.weight], [axes]
    if module.bias is not None:
        tensors.append(module.bias)
        orders.append((0,))
    return tensors, orders
