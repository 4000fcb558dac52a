"""The voice network, one hidden layer on a window's statistics: in PyTorch, and as a Keras file."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from backend.audio.windows import VALUES

MOST = 4.0  # deviations from the mean beyond which a value counts no more
EPSILON = 1e-3


class VoiceNetwork(nn.Module):
    """Takes float32 (N, VALUES) of `backend.audio.windows.features`; gives logits (N,).

    Args:
        mean, deviation: float32 (VALUES,), of the values in training.
        hidden: units of the hidden layer.
        dropout: of values and of units.
    """

    def __init__(self, mean: torch.Tensor, deviation: torch.Tensor, hidden: int, dropout: float):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", MOST * deviation + EPSILON**0.5)
        self.hidden = nn.Linear(VALUES, hidden)
        self.dropout = nn.Dropout(dropout)
        self.logits = nn.Linear(hidden, 1)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        scaled = ((values - self.mean) / self.scale).clamp(-1, 1)
        return self.logits(self.dropout(torch.relu(self.hidden(self.dropout(scaled)))))[:, 0]


def write_keras(network: VoiceNetwork, path: Path) -> None:
    """Write a network as Keras HDF5: float32 (N, VALUES) in, one logit out."""
    import keras

    layers = keras.layers
    values = keras.Input((VALUES,), name="statistics")
    norm = layers.BatchNormalization(epsilon=EPSILON, center=False, scale=False, name="norm")
    scaled = norm(values)
    # Clipped to -1 to 1 by two layers of Keras's own: the file holds no code.
    above = layers.ReLU(max_value=1.0)(scaled)
    below = layers.ReLU(max_value=1.0)(layers.Rescaling(-1.0)(scaled))
    hidden = layers.Dense(network.hidden.out_features, activation="relu", name="hidden")
    score = layers.Dense(1, name="logits")
    model = keras.Model(
        values, score(hidden(layers.Subtract()([above, below]))), name=path.stem
    )  # fmt: skip
    norm.set_weights([network.mean.numpy(), (network.scale**2 - EPSILON).numpy()])
    for layer, module in ((hidden, network.hidden), (score, network.logits)):
        layer.set_weights([module.weight.detach().numpy().T, module.bias.detach().numpy()])
    model.save(path)
