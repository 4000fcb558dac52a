"""The way of trained weights into a Keras file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import nn

from backend.training.networks.efficientnet_b0 import HEADS, MASK_STAGE, EfficientNetB0


def write_keras(networks: Sequence[EfficientNetB0], size: int, path: Path) -> None:
    """Write one network, or several side by side, as Keras HDF5, built with `efficientnet`.

    The file's network takes float32 RGB 0 to 255, shape (N, size, size, 3), and gives the logits
    of `HEADS`; the scaling to (x - 127) / 128 is its first layer. The mask head of the first is its
    layer "mask", shape (N, size / 16, size / 16, 1): it is added to the logits with weight 0, so
    that a program that only wants the score finds one output and the heat map is still in the file.

    Args:
        networks: one that gives all logits, or as many as there are `HEADS`: of each its own is
            taken then, and the last layer concatenates them.
        size: side of the pictures, px.
        path: of the file.
    """
    import keras

    layers = keras.layers
    image = keras.Input((size, size, 3), name="image")
    scaled = layers.Rescaling(1 / 128, offset=-127 / 128, name="scale")(image)
    scores = []
    for place, network in enumerate(networks):
        own = [place] if len(networks) > 1 else list(range(len(HEADS)))
        ending = f"_{HEADS[place]}" if place else ""
        features, middle = _body(network, size, f"body{ending}")(scaled)
        pooled = layers.GlobalAveragePooling2D(name=f"pool{ending}")(features)
        pooled = layers.Dropout(network.dropout.p, name=f"dropout{ending}")(pooled)
        dense = layers.Dense(len(own), name=f"dense{ending}", dtype="float32")
        scores.append(dense(pooled))
        kernel, bias = _keras_weights(network.logits)
        dense.set_weights([kernel[:, own], bias[own]])
        if place == 0:
            mask = layers.Dense(1, name="mask")
            seen = layers.GlobalAveragePooling2D(name="mask_pool")(mask(middle))
            mask.set_weights(_keras_weights(network.mask))
            aside = layers.Rescaling(0.0, name="aside")(seen)
            scores = [layers.Add(name="logits")([*scores, aside])]
    score = scores[0] if len(scores) == 1 else layers.Concatenate(name="heads")(scores)
    keras.Model(image, score, name="efficientnet_b0").save(path)


def _body(network: EfficientNetB0, size: int, name: str):
    """All up to the pooling, with the network's weights: gives the features and what masks see."""
    import keras
    from efficientnet.tfkeras import EfficientNetB0 as KerasEfficientNetB0

    body = KerasEfficientNetB0(weights=None, include_top=False, input_shape=(size, size, 3))
    middle = body.get_layer(f"block{MASK_STAGE + 1}c_add").output
    both = keras.Model(body.input, [body.output, middle], name=name)
    modules = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]
    weighted = [layer for layer in both.layers if layer.weights]
    for module, layer in zip(modules, weighted, strict=True):
        layer.set_weights(_keras_weights(module))
    return both


def _keras_weights(module: nn.Module) -> list[np.ndarray]:
    """A module's arrays in Keras's order and axes."""
    if isinstance(module, nn.BatchNorm2d):
        tensors = [module.weight, module.bias, module.running_mean, module.running_var]
    elif isinstance(module, nn.Linear):
        tensors = [module.weight.T, module.bias]
    else:
        axes = (2, 3, 0, 1) if module.groups > 1 else (2, 3, 1, 0)  # depthwise, or plain
        kernel = module.weight.permute(axes)
        tensors = [kernel] if module.bias is None else [kernel, module.bias]
    return [tensor.detach().cpu().numpy() for tensor in tensors]
