"""The voice network, in PyTorch and in Keras: a small residual network, and one that knows speech.

The first looks at spectrograms of its own. The second hears with the first layers of Whisper. Each
gives a logit, and learns by itself; their sum counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from backend.audio.windows import BANDS
from backend.training.networks.listener import HEARD, Listener, keras_listener
from backend.training.networks.network import WEIGHTED, Convolution, Network

if TYPE_CHECKING:
    import keras

EPSILON = 1e-3
WIDTHS = (16, 16, 32, 48)  # channels of the stem and of the blocks
HIDDEN = 64  # of what judges what was heard
SHRUNK = 2 ** (len(WIDTHS) - 1)  # how much smaller the last block's maps are on each side


class Block(nn.Module):
    """Two convolutions beside a plain way (He et al., "Deep Residual Learning", 2016)."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.first = Convolution(inputs, outputs, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs, eps=EPSILON)
        self.second = Convolution(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs, eps=EPSILON)
        self.beside = Convolution(inputs, outputs, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = F.relu(self.first_norm(self.first(x)))
        return F.relu(self.beside(x) + self.second_norm(self.second(inner)))


class VoiceNetwork(Network):
    """Takes float32 (N, FRAMES, BANDS, 2) of `backend.audio.windows.features`; gives logits (N,).

    Args:
        dropout: share of what is pooled, and of what is heard, that is dropped in training.
    """

    def __init__(self, dropout: float):
        super().__init__()
        self.stem = Convolution(1, WIDTHS[0], 5, stride=2, bias=False)
        self.stem_norm = nn.BatchNorm2d(WIDTHS[0], eps=EPSILON)
        pairs = zip(WIDTHS[:-1], WIDTHS[1:], strict=True)
        self.blocks = nn.ModuleList(Block(inputs, outputs) for inputs, outputs in pairs)
        self.dropout = nn.Dropout(dropout)
        self.logits = nn.Linear(2 * WIDTHS[-1] * BANDS // SHRUNK, 1)
        self.listener = Listener()
        self.hidden = nn.Linear(HEARD, HIDDEN)
        self.heard_logits = nn.Linear(HIDDEN, 1)

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        """See the class."""
        return self.of_bands(sound[..., 0]) + self.of_heard(self.listener(sound[..., 1]))

    def of_heard(self, heard: torch.Tensor) -> torch.Tensor:
        """Logits (N,) of what the listener gave, (N, HEARD)."""
        hidden = F.gelu(self.hidden(self.dropout(heard)))
        return self.heard_logits(self.dropout(hidden))[:, 0]

    @property
    def parts(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """What is learned for each of the two logits."""
        later = "listener.", "hidden.", "heard_logits."
        bands = [weight for name, weight in self.named_parameters() if not name.startswith(later)]
        return bands, [*self.hidden.parameters(), *self.heard_logits.parameters()]

    def rescale(self, mean: torch.Tensor, deviation: torch.Tensor) -> None:
        """Have `of_heard` take what is heard as it is, where it learned from it scaled.

        Args:
            mean, deviation: that were taken off, and divided by, shape (HEARD,).
        """
        with torch.no_grad():
            self.hidden.weight /= deviation
            self.hidden.bias -= self.hidden.weight @ mean

    def of_bands(self, bands: torch.Tensor) -> torch.Tensor:
        """Logits (N,) of spectrograms, (N, frames, BANDS).

        Each band keeps its place; over time its mean and its maximum count, so that training may
        see shorter pieces than serving does.
        """
        x = bands[:, None].contiguous(memory_format=torch.channels_last)
        x = F.relu(self.stem_norm(self.stem(x)))
        for number, block in enumerate(self.blocks):
            x = block(F.max_pool2d(x, 2) if number else x)
        pooled = torch.cat([x.mean(2), x.amax(2)], 1)  # (N, 2 C, bands)
        return self.logits(self.dropout(pooled.transpose(1, 2).flatten(1)))[:, 0]

    def keras_twin(self, size: int, name: str) -> keras.Model:
        """The same in Keras: float32 (N, size, BANDS, 2) in, one logit out; `size` frames."""
        import keras
        from keras import layers

        def convolved(x, width, kernel, name, stride=1):
            return layers.Conv2D(width, kernel, stride, "same", use_bias=False, name=name)(x)

        def normed(x, name):
            return layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_norm")(x)

        sound = keras.Input((size, BANDS, 2), name="sound")
        own, mel = (
            layers.Cropping3D(((0, 0), (0, 0), ends))(layers.Reshape((size, BANDS, 2, 1))(sound))
            for ends in ((0, 1), (1, 0))
        )
        x = layers.Reshape((size, BANDS, 1))(own)
        x = layers.ReLU()(normed(convolved(x, WIDTHS[0], 5, "stem", 2), "stem"))
        for number, width in enumerate(WIDTHS[1:]):
            own = f"blocks_{number}"
            x = layers.MaxPooling2D(2)(x) if number else x
            inner = normed(convolved(x, width, 3, f"{own}_first"), f"{own}_first")
            inner = convolved(layers.ReLU()(inner), width, 3, f"{own}_second")
            beside = convolved(x, width, 1, f"{own}_beside")
            x = layers.ReLU()(layers.Add()([beside, normed(inner, f"{own}_second")]))
        long = (size // SHRUNK, 1)
        pooled = [layers.AveragePooling2D(long)(x), layers.MaxPooling2D(long)(x)]
        seen = layers.Dense(1, name="logits")(layers.Flatten()(layers.Concatenate()(pooled)))
        x = keras_listener(layers.Reshape((size, BANDS))(mel))
        heard = layers.Dense(1, name="heard_logits")(layers.Dense(HIDDEN, "gelu", name="hidden")(x))
        return keras.Model(sound, layers.Add()([seen, heard]), name=name)

    def pairs(self, twin: keras.Model) -> Iterator[tuple[nn.Module, keras.Layer]]:
        """See `Network.pairs`."""
        yield from self.listener.pairs(twin)
        for name, module in self.named_modules():
            if isinstance(module, WEIGHTED) and not name.startswith("listener."):
                yield module, twin.get_layer(name.replace(".", "_"))
