"""What every trainable network is: a PyTorch module and, weight by weight, its Keras twin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

if TYPE_CHECKING:
    import keras

WEIGHTED = nn.Conv2d | nn.BatchNorm2d | nn.Linear


class Network(nn.Module):
    """A network that PyTorch trains and Keras holds.

    Called with uint8 or float RGB 0 to 255, shape (N, 3, S, S), it gives (logits of its heads,
    shape (N, heads), positive for fake; logits of the changed area, shape (N, S / 16, S / 16), or
    None where it has none).
    """

    def keras_twin(self, size: int, name: str) -> keras.Model:
        """The same network in Keras, its weights drawn by chance.

        It takes float32 RGB 0 to 255, shape (N, size, size, 3), and gives one logit a head.

        Args:
            size: side of the pictures, px.
            name: of the model.
        """
        raise NotImplementedError

    def pairs(self, twin: keras.Model) -> Iterator[tuple[nn.Module, keras.Layer]]:
        """Each module with weights beside the layer of its twin, which has its name."""
        for name, module in self.named_modules():
            if isinstance(module, WEIGHTED):
                yield module, twin.get_layer(name.replace(".", "_"))


def same_padding(x: torch.Tensor, kernel: int, stride: int, value: float = 0.0) -> torch.Tensor:
    """Pad as TensorFlow's "same" does: the odd pixel goes to the right and below."""
    padding = []
    for length in (x.shape[3], x.shape[2]):
        total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
        padding += [total // 2, total - total // 2]
    return F.pad(x, padding, value=value)


class Convolution(nn.Conv2d):
    """Convolution padded as TensorFlow's "same" where its stride is above 1."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.stride[0] > 1:
            x = same_padding(x, self.kernel_size[0], self.stride[0])
        return super().forward(x)
