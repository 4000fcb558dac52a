"""The first layers of Whisper, frozen: what a voice sounds like to a network that knows speech.

Radford et al., "Robust speech recognition via large-scale weak supervision", 2022. That what it
hears early tells synthetic speech was found by Kawa et al., "Improved deepfake detection using
Whisper features", Interspeech 2023.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from backend.audio.windows import BANDS, FRAMES

if TYPE_CHECKING:
    import keras

WIDTH = 512  # of Whisper's "base"
HEADS = 8  # of an attention
LAYERS = 2  # of its six; later ones tell what is said
MOMENTS = FRAMES // 2
HEARD = (1 + LAYERS) * WIDTH  # numbers a window


class Places(nn.Module):
    """Adds what says when; the scale is 1, and there because Keras has no such layer without."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))
        self.bias = nn.Parameter(torch.zeros(MOMENTS, WIDTH))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight + self.bias


class Listener(nn.Module):
    """Hears windows of sound.

    It takes the second spectrograms of `backend.audio.windows.features`, float32 (N, FRAMES,
    BANDS). It gives float32 (N, HEARD): the mean over time of what goes into the first layer, and
    of what comes out of each.
    """

    def __init__(self):
        super().__init__()
        self.first = nn.Conv1d(BANDS, WIDTH, 3, padding=1)
        self.second = nn.Conv1d(WIDTH, WIDTH, 3, stride=2, padding=1)
        self.places = Places()
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                WIDTH, HEADS, 4 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(LAYERS)
        )
        self.requires_grad_(False)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """See the class."""
        x = F.gelu(self.second(F.gelu(self.first(mel.transpose(1, 2)))))
        x = self.places(x.transpose(1, 2))
        heard = [x.mean(1)]
        for layer in self.layers:
            x = layer(x)
            heard.append(x.mean(1))
        return torch.cat(heard, 1)

    def pairs(self, twin: keras.Model) -> Iterator[tuple[nn.Module, keras.Layer]]:
        """See `Network.pairs`; of the layers that `keras_listener` made."""
        yield self.first, twin.get_layer("listener_first")
        yield self.second, twin.get_layer("listener_second")
        yield self.places, twin.get_layer("listener_places")
        for number, layer in enumerate(self.layers):
            own = f"listener_layers_{number}"
            yield layer.norm1, twin.get_layer(f"{own}_before_attention")
            yield from _attention_pairs(layer.self_attn, twin.get_layer(f"{own}_attention"))
            yield layer.norm2, twin.get_layer(f"{own}_before_dense")
            yield layer.linear1, twin.get_layer(f"{own}_grow")
            yield layer.linear2, twin.get_layer(f"{own}_shrink")


def _attention_pairs(own: nn.MultiheadAttention, twin: keras.layers.MultiHeadAttention):
    """PyTorch keeps query, key and value in one array, Keras in three layers."""
    layers = twin.query_dense, twin.key_dense, twin.value_dense
    parts = zip(own.in_proj_weight.chunk(3), own.in_proj_bias.chunk(3), layers, strict=True)
    for weight, bias, layer in parts:
        yield SimpleNamespace(weight=weight, bias=bias), _Dense(layer)
    yield own.out_proj, _Dense(twin.output_dense)


class _Dense:
    """A layer of Keras's attention as a dense one: its heads lie side by side."""

    def __init__(self, layer: keras.Layer):
        self._layer = layer

    def get_weights(self) -> list:
        kernel, bias = self._layer.get_weights()
        return [kernel.reshape(WIDTH, WIDTH), bias.reshape(WIDTH)]

    def set_weights(self, arrays: list) -> None:
        shapes = [weight.shape for weight in self._layer.get_weights()]
        self._layer.set_weights([a.reshape(s) for a, s in zip(arrays, shapes, strict=True)])


def keras_listener(mel):
    """The same in Keras, of a tensor (N, FRAMES, BANDS); layers are called "listener_..."."""
    from keras import layers

    def convolved(x, stride, name):
        x = layers.ZeroPadding1D(1)(x)
        return layers.Conv1D(WIDTH, 3, stride, activation="gelu", name=f"listener_{name}")(x)

    def normed(x, name):
        return layers.LayerNormalization(epsilon=1e-5, name=f"listener_{name}")(x)

    x = convolved(convolved(mel, 1, "first"), 2, "second")
    shape = (MOMENTS, WIDTH)
    x = layers.EinsumDense("btw,w->btw", shape, bias_axes="tw", name="listener_places")(x)
    heard = [layers.GlobalAveragePooling1D()(x)]
    for number in range(LAYERS):
        own = f"layers_{number}"
        y = normed(x, f"{own}_before_attention")
        attention = layers.MultiHeadAttention(
            HEADS, WIDTH // HEADS, name=f"listener_{own}_attention"
        )
        x = layers.Add()([x, attention(y, y)])
        y = normed(x, f"{own}_before_dense")
        y = layers.Dense(4 * WIDTH, "gelu", name=f"listener_{own}_grow")(y)
        x = layers.Add()([x, layers.Dense(WIDTH, name=f"listener_{own}_shrink")(y)])
        heard.append(layers.GlobalAveragePooling1D()(x))
    return layers.Concatenate()(heard)
