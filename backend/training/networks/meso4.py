"""Meso4 in PyTorch and Keras: four small convolutions that look at textures.

Afchar et al., "MesoNet: a compact facial video forgery detection network", WIFS 2018.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from backend.training.networks.network import Network

LAYERS = ((8, 3, 2), (8, 5, 2), (16, 5, 2), (16, 5, 4))  # (channels, kernel, pooling)
DENSE = 16
LEAK = 0.1  # slope below 0 of the dense layer


class Meso4(Network):
    """The network of the paper, with one logit a head.

    Args:
        heads: logits.
        size: side of the pictures, px.
        dropout: share of the values dropped in training before each dense layer.
    """

    def __init__(self, heads: int = 1, size: int = 256, dropout: float = 0.5):
        super().__init__()
        self.front = self._front()
        inputs = self._channels()
        self.convolutions, self.norms = nn.ModuleList(), nn.ModuleList()
        for channels, kernel, _ in LAYERS[-self._plain :]:
            self.convolutions.append(nn.Conv2d(inputs, channels, kernel, padding=kernel // 2))
            self.norms.append(nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01))
            inputs = channels
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(inputs * (size // 32) ** 2, DENSE)
        self.logits = nn.Linear(DENSE, heads)

    _plain = len(LAYERS)  # how many of its layers are plain convolutions, counted from the last

    def _front(self) -> nn.ModuleList:
        """What stands before the plain convolutions."""
        return nn.ModuleList()

    def _channels(self) -> int:
        """That the plain convolutions are given."""
        return 3

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, None]:
        """See `Network`."""
        x = images.float() / 255
        for block in self.front:
            x = block(x)
        layers = zip(self.convolutions, self.norms, LAYERS[-self._plain :], strict=True)
        for convolution, norm, (_, _, pooling) in layers:
            x = F.max_pool2d(norm(F.relu(convolution(x))), pooling)
        x = x.permute(0, 2, 3, 1).flatten(1)  # in Keras's order
        x = F.leaky_relu(self.dense(self.dropout(x)), LEAK)
        return self.logits(self.dropout(x)), None

    def keras_twin(self, size: int, name: str):
        """See `Network.keras_twin`."""
        import keras

        layers = keras.layers
        image = keras.Input((size, size, 3), name="image")
        x = self._keras_front(layers.Rescaling(1 / 255, name="scale")(image))
        for place, (channels, kernel, pooling) in enumerate(LAYERS[-self._plain :]):
            x = layers.Conv2D(
                channels, kernel, padding="same", activation="relu", name=f"convolutions_{place}"
            )(x)
            x = layers.BatchNormalization(name=f"norms_{place}")(x)
            x = layers.MaxPooling2D(pooling)(x)
        x = layers.Dropout(self.dropout.p)(layers.Flatten()(x))
        x = layers.LeakyReLU(negative_slope=LEAK)(layers.Dense(DENSE, name="dense")(x))
        x = layers.Dropout(self.dropout.p)(x)
        logits = layers.Dense(self.logits.out_features, name="logits")(x)
        return keras.Model(image, logits, name=name)

    def _keras_front(self, x):
        return x
