"""MesoInception4 in PyTorch and Keras: Meso4 whose first two layers look at several scales.

Afchar et al., "MesoNet: a compact facial video forgery detection network", WIFS 2018, section 3.2.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from backend.training.networks.meso4 import Meso4

# Channels of the four branches: 1x1; 1x1 and 3x3; the same dilated by 2; and by 3.
MODULES = ((1, 4, 4, 2), (2, 4, 4, 2))


class Inception(nn.Module):
    """Four branches side by side (Szegedy et al., 2015), with dilated 3x3 convolutions."""

    def __init__(self, inputs: int, channels: tuple[int, int, int, int]):
        super().__init__()
        self.branches = nn.ModuleList([nn.Conv2d(inputs, channels[0], 1)])
        for dilation, count in enumerate(channels[1:], 1):
            self.branches.append(nn.Conv2d(inputs, count, 1))
            self.branches.append(nn.Conv2d(count, count, 3, padding=dilation, dilation=dilation))
        self.norm = nn.BatchNorm2d(sum(channels), eps=1e-3, momentum=0.01)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = [F.relu(self.branches[0](x))]
        for narrow, wide in zip(self.branches[1::2], self.branches[2::2], strict=True):
            found.append(F.relu(wide(F.relu(narrow(x)))))
        return F.max_pool2d(self.norm(torch.cat(found, 1)), 2)


class MesoInception4(Meso4):
    """The network of the paper, with one logit a head; see `Meso4`."""

    _plain = 2

    def _front(self) -> nn.ModuleList:
        inputs = (3, *(sum(module) for module in MODULES))
        return nn.ModuleList(map(Inception, inputs, MODULES))

    def _channels(self) -> int:
        return sum(MODULES[-1])

    def _keras_front(self, x):
        import keras

        layers = keras.layers
        for place, channels in enumerate(MODULES):
            own = f"front_{place}"
            found = [layers.Conv2D(channels[0], 1, activation="relu", name=f"{own}_branches_0")(x)]
            for dilation, count in enumerate(channels[1:], 1):
                narrow = layers.Conv2D(
                    count, 1, activation="relu", name=f"{own}_branches_{2 * dilation - 1}"
                )
                wide = layers.Conv2D(
                    count,
                    3,
                    padding="same",
                    dilation_rate=dilation,
                    activation="relu",
                    name=f"{own}_branches_{2 * dilation}",
                )
                found.append(wide(narrow(x)))
            x = layers.BatchNormalization(name=f"{own}_norm")(layers.Concatenate()(found))
            x = layers.MaxPooling2D(2)(x)
        return x
