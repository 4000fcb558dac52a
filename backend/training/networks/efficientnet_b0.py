"""EfficientNetB0 in PyTorch: the twin of the Keras network that serving loads.

PyTorch trains it faster than TensorFlow on a CPU, where the gradient of a depthwise convolution is
slow; `backend.training.networks.keras_file` carries the result over to Keras exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from backend.training.networks.network import Convolution, Network

if TYPE_CHECKING:
    import keras

# Tan and Le, "EfficientNet", ICML 2019, table 1: (layers, channels, expansion, kernel, stride).
STAGES = (
    (1, 16, 1, 3, 1),
    (2, 24, 6, 3, 2),
    (2, 40, 6, 5, 2),
    (3, 80, 6, 3, 2),
    (3, 112, 6, 5, 1),
    (4, 192, 6, 5, 2),
    (1, 320, 6, 3, 1),
)
MASK_STAGE = 4  # index in STAGES of the last one at stride 16: a cell of the mask is 16 px


def _convolution(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1):
    return nn.Sequential(
        Convolution(
            inputs,
            outputs,
            kernel,
            stride,
            padding=kernel // 2 if stride == 1 else 0,
            groups=groups,
            bias=False,
        ),
        nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01),
    )


class Gate(nn.Module):
    """Squeeze and excite (Hu et al., 2018)."""

    def __init__(self, channels: int, reduced: int):
        super().__init__()
        self.reduce = nn.Conv2d(channels, reduced, 1)
        self.expand = nn.Conv2d(reduced, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pooled = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.expand(F.silu(self.reduce(pooled))))


class Block(nn.Module):
    """Inverted residual with a gate; the residual branch is dropped at the rate `drop`."""

    def __init__(self, inputs, outputs, expansion, kernel, stride, drop):
        super().__init__()
        inner = inputs * expansion
        self.grow = _convolution(inputs, inner, 1) if expansion > 1 else None
        self.depthwise = _convolution(inner, inner, kernel, stride, groups=inner)
        self.gate = Gate(inner, max(1, inputs // 4))
        self.project = _convolution(inner, outputs, 1)
        self.residual = stride == 1 and inputs == outputs
        self.drop = drop

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x if self.grow is None else F.silu(self.grow(x), inplace=True)
        y = self.project(self.gate(F.silu(self.depthwise(y), inplace=True)))
        if not self.residual:
            return y
        if self.training and self.drop:
            kept = torch.rand(len(y), 1, 1, 1, device=y.device) >= self.drop
            y = y * kept / (1 - self.drop)
        return x + y


class EfficientNetB0(Network):
    """The classifier and, for training alone, a head that says where a face is changed.

    Args:
        heads: logits.
        dropout: share of the pooled features dropped in training.
        drop_path: rate at which the last residual branch is dropped; earlier ones less.
    """

    def __init__(self, heads: int = 2, dropout: float = 0.2, drop_path: float = 0.2):
        super().__init__()
        self.stem = _convolution(3, 32, 3, 2)
        blocks, inputs = [], 32
        total = sum(stage[0] for stage in STAGES)
        for index, (layers, outputs, expansion, kernel, stride) in enumerate(STAGES):
            for layer in range(layers):
                drop = drop_path * len(blocks) / total
                step = stride if layer == 0 else 1
                blocks.append(Block(inputs, outputs, expansion, kernel, step, drop))
                inputs = outputs
            if index == MASK_STAGE:
                self._mask_after = len(blocks)
        self.blocks = nn.ModuleList(blocks)
        self.top = _convolution(inputs, 1280, 1)
        self.dropout = nn.Dropout(dropout)
        self.logits = nn.Linear(1280, heads)
        nn.init.zeros_(self.logits.weight)  # a head without fakes to learn from says nothing
        nn.init.zeros_(self.logits.bias)
        self.mask = nn.Linear(STAGES[MASK_STAGE][1], 1)
        nn.init.zeros_(self.mask.weight)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Judge faces.

        Args:
            images: uint8 or float, RGB 0 to 255, shape (N, 3, S, S).

        Returns:
            logits: shape (N, heads), positive for fake.
            masks: logits of the changed area, shape (N, S / 16, S / 16).
        """
        x = (images.float() - 127) / 128
        x = x.contiguous(memory_format=torch.channels_last)
        x = F.silu(self.stem(x), inplace=True)
        for index, block in enumerate(self.blocks, 1):
            x = block(x)
            if index == self._mask_after:
                # A 1x1 convolution, written so that its gradient keeps the channels last.
                masks = self.mask(x.permute(0, 2, 3, 1))[..., 0]
        x = F.silu(self.top(x), inplace=True).mean((2, 3))
        return self.logits(self.dropout(x)), masks

    def keras_twin(self, size: int, name: str) -> keras.Model:
        """See `Network.keras_twin`; built with `efficientnet`.

        The scaling to (x - 127) / 128 is its first layer. The mask is its layer "mask", shape
        (N, size / 16, size / 16, 1): it is added to the logits with weight 0, so that a program
        that only wants the score finds one output and the heat map is still in the file.
        """
        import keras

        layers = keras.layers
        image = keras.Input((size, size, 3), name="image")
        scaled = layers.Rescaling(1 / 128, offset=-127 / 128, name="scale")(image)
        features, middle = _body(size)(scaled)
        pooled = layers.GlobalAveragePooling2D(name="pool")(features)
        pooled = layers.Dropout(self.dropout.p, name="dropout")(pooled)
        score = layers.Dense(self.logits.out_features, name="dense", dtype="float32")(pooled)
        mask = layers.Dense(1, name="mask")(middle)
        seen = layers.GlobalAveragePooling2D(name="mask_pool")(mask)
        aside = layers.Rescaling(0.0, name="aside")(seen)
        return keras.Model(image, layers.Add(name="logits")([score, aside]), name=name)

    def pairs(self, twin: keras.Model) -> Iterator[tuple[nn.Module, keras.Layer]]:
        """See `Network.pairs`; the layers of `efficientnet` have names of their own."""
        import efficientnet.tfkeras  # noqa: F401 - what the layers are made of

        modules = [m for m in self.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]
        weighted = [layer for layer in twin.get_layer("body").layers if layer.weights]
        yield from zip(modules, weighted, strict=True)
        yield self.logits, twin.get_layer("dense")
        yield self.mask, twin.get_layer("mask")


def _body(size: int):
    """All up to the pooling: gives the features and what the mask sees."""
    import keras
    from efficientnet.tfkeras import EfficientNetB0 as KerasEfficientNetB0

    body = KerasEfficientNetB0(weights=None, include_top=False, input_shape=(size, size, 3))
    middle = body.get_layer(f"block{MASK_STAGE + 1}c_add").output
    return keras.Model(body.input, [body.output, middle], name="body")
