"""Trained weights into a Keras file, and out of one again, weight by weight."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import torch
from torch import nn

from backend.errors import SetupError
from backend.training.networks.network import Network

LARGE = 5_000_000  # weights; a network of more is stored as float16


def write_keras(network: Network, size: int, path: Path) -> None:
    """Write a network as Keras HDF5, see `Network.keras_twin`.

    Args:
        network: trained.
        size: side of the pictures, px.
        path: of the file.
    """
    twin = network.keras_twin(size, path.stem)
    for module, layer in network.pairs(twin):
        layer.set_weights(_arrays(module))
    twin.save(path)
    if sum(weight.numel() for weight in network.parameters()) > LARGE:
        _halve(path)


def _halve(path: Path) -> None:
    """Store the weights of a file in half the bytes, as float16; Keras reads them as float32."""
    part = path.with_suffix(".part")
    with h5py.File(path) as whole, h5py.File(part, "w") as half:

        def add(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Dataset):
                values = item[()]
                is_float = getattr(values, "dtype", None) == np.float32
                half[name] = values.astype(np.float16) if is_float else values
            else:
                half.require_group(name)
            half[name].attrs.update(item.attrs)

        half.attrs.update(whole.attrs)
        whole.visititems(add)
    part.replace(path)


def read_keras(network: Network, path: Path) -> None:
    """Fill `network` in place with the weights of a file that `write_keras` made.

    Heads that the file has not stay as they are.

    Raises:
        SetupError: the file is missing, or of another network.
    """
    import efficientnet.tfkeras  # noqa: F401 - what some files' layers are made of
    import keras

    try:
        twin = keras.saving.load_model(path, compile=False)
        with torch.no_grad():
            for module, layer in network.pairs(twin):
                _fill(module, layer.get_weights())
    except (OSError, ValueError, RuntimeError):
        raise SetupError(
            f"Training cannot start from {path.name}: it is missing or of another network."
        ) from None


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
    axes = tuple(range(module.weight.ndim))[::-1]
    if isinstance(module, nn.Conv2d):
        axes = (2, 3, 0, 1) if module.groups > 1 else (2, 3, 1, 0)  # depthwise, or plain
    tensors, orders = [module.weight], [axes]
    if module.bias is not None:
        tensors.append(module.bias)
        orders.append(tuple(range(module.bias.ndim)))
    return tensors, orders
