"""Xception in PyTorch and Keras: separable convolutions with residuals around each three.

Chollet, "Xception: deep learning with depthwise separable convolutions", CVPR 2017, figure 5. Its
first two convolutions are padded here, where the paper's are not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from backend.training.networks.network import Convolution, Network, same_padding

if TYPE_CHECKING:
    import keras

STEM = ((32, 2), (64, 1))  # (channels, stride) of the plain convolutions
ENTRY = (128, 256, 728)
MIDDLE = 8  # blocks of 728 channels
EXIT = (728, 1024)
LAST = (1536, 2048)
NORM = {"eps": 1e-3, "momentum": 0.01}


class Separable(nn.Module):
    """A 3x3 convolution of each channel, then a 1x1 convolution across them."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
        self.pointwise = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs, **NORM)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.pointwise(self.depthwise(x)))

    @staticmethod
    def keras(x, outputs: int, name: str):
        """The same layers on `x`."""
        import keras

        layers = keras.layers
        x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"{name}_depthwise")(x)
        x = layers.Conv2D(outputs, 1, use_bias=False, name=f"{name}_pointwise")(x)
        return layers.BatchNormalization(name=f"{name}_norm")(x)


class Block(nn.Module):
    """Separable convolutions after a ReLU each, beside a way around them.

    Args:
        inputs: channels.
        outputs: channels of each convolution.
        halved: whether the picture becomes half as large, and the way around a convolution.
    """

    def __init__(self, inputs: int, outputs: tuple[int, ...], halved: bool):
        super().__init__()
        self.outputs, self.halved = outputs, halved
        self.layers = nn.ModuleList(map(Separable, (inputs, *outputs[:-1]), outputs))
        if halved:
            self.around = Convolution(inputs, outputs[-1], 1, 2, bias=False)
            self.norm = nn.BatchNorm2d(outputs[-1], **NORM)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x
        for layer in self.layers:
            y = layer(F.relu(y))
        if not self.halved:
            return x + y
        y = F.max_pool2d(same_padding(y, 3, 2, float("-inf")), 3, 2)
        return self.norm(self.around(x)) + y

    def keras(self, x, name: str):
        """The same layers on `x`."""
        import keras

        layers = keras.layers
        y = x
        for place, outputs in enumerate(self.outputs):
            y = Separable.keras(layers.ReLU()(y), outputs, f"{name}_layers_{place}")
        if not self.halved:
            return layers.Add()([x, y])
        y = layers.MaxPooling2D(3, 2, padding="same")(y)
        around = layers.Conv2D(
            self.outputs[-1], 1, 2, padding="same", use_bias=False, name=f"{name}_around"
        )
        return layers.Add()([layers.BatchNormalization(name=f"{name}_norm")(around(x)), y])


class Xception(Network):
    """The network of the paper, with one logit a head.

    Args:
        heads: logits.
        dropout: share of the pooled features dropped in training.
    """

    def __init__(self, heads: int = 1, dropout: float = 0.5):
        super().__init__()
        channels = (3, *(count for count, _ in STEM))
        self.stem = nn.ModuleList(
            nn.ModuleList(
                [
                    Convolution(inputs, outputs, 3, stride, padding=int(stride == 1), bias=False),
                    nn.BatchNorm2d(outputs, **NORM),
                ]
            )
            for inputs, (outputs, stride) in zip(channels, STEM, strict=False)
        )
        entry = map(Block, (STEM[-1][0], *ENTRY), [(each, each) for each in ENTRY], [True] * 3)
        middle = [Block(ENTRY[-1], (ENTRY[-1],) * 3, False) for _ in range(MIDDLE)]
        self.blocks = nn.ModuleList([*entry, *middle, Block(ENTRY[-1], EXIT, True)])
        self.last = nn.ModuleList(map(Separable, (EXIT[-1], *LAST[:-1]), LAST))
        self.dropout = nn.Dropout(dropout)
        self.logits = nn.Linear(LAST[-1], heads)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, None]:
        """See `Network`."""
        x = (images.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        for convolution, norm in self.stem:
            x = F.relu(norm(convolution(x)))
        for block in self.blocks:
            x = block(x)
        for layer in self.last:
            x = F.relu(layer(x))
        return self.logits(self.dropout(x.mean((2, 3)))), None

    def keras_twin(self, size: int, name: str) -> keras.Model:
        """See `Network.keras_twin`."""
        import keras

        layers = keras.layers
        image = keras.Input((size, size, 3), name="image")
        x = layers.Rescaling(1 / 127.5, offset=-1.0, name="scale")(image)
        for place, (channels, stride) in enumerate(STEM):
            x = layers.Conv2D(
                channels, 3, stride, padding="same", use_bias=False, name=f"stem_{place}_0"
            )(x)
            x = layers.ReLU()(layers.BatchNormalization(name=f"stem_{place}_1")(x))
        for place, block in enumerate(self.blocks):
            x = block.keras(x, f"blocks_{place}")
        for place, outputs in enumerate(LAST):
            x = layers.ReLU()(Separable.keras(x, outputs, f"last_{place}"))
        x = layers.Dropout(self.dropout.p)(layers.GlobalAveragePooling2D()(x))
        logits = layers.Dense(self.logits.out_features, name="logits")(x)
        return keras.Model(image, logits, name=name)
