"""What every engine offers and needs; one module an engine, found by name in `registry`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import numpy as np

from backend.errors import SetupError

Precision = Literal["f32", "bf16"]


@dataclass(frozen=True, slots=True)
class Weights:
    """What an engine must know of a model.

    Attributes:
        path: Keras HDF5.
        sha256: hex digest of that file.
        scale, offset: the network is fed `pixel * scale + offset`.
        precisions: those whose accuracy was measured and found good enough to be offered.
        size: side of the pictures it is fed, px; None for that of the file.
        pixels: whether it is fed pictures; else float32 arrays of the shape that it takes, as the
            networks of sound are.
    """

    path: Path
    sha256: str
    scale: float = 1.0
    offset: float = 0.0
    precisions: tuple[Precision, ...] = ("f32",)
    size: int | None = None
    pixels: bool = True

    def fed(self, shape: Sequence[int | None]) -> list[int | None]:
        """The shape of a picture as the network gets it: (height, width, 3); else its own.

        Args:
            shape: that the network takes, None where any length will do.

        Raises:
            SetupError: it takes others.
        """
        if not self.pixels:
            return list(shape)
        wanted = [self.size, self.size, 3]
        pairs = list(zip(shape, wanted, strict=False))
        if len(shape) != 3 or any(None not in pair and pair[0] != pair[1] for pair in pairs):
            takes = " x ".join("any" if length is None else str(length) for length in shape)
            side = self.size or "any"
            raise SetupError(
                f"{self.path.name} does not take the pictures it is fed. Expected from its JSON: "
                f"{side} x {side} x 3. Received: {takes}."
            )
        return [own or other for own, other in pairs]


class Inferred(NamedTuple):
    """What a network gives for N faces.

    Attributes:
        score: its first output, float32 (N, K), K as `Engine.columns` says.
        map: its heat map in logits, float32 (N, h, w, M); None where it has none: see
            `backend.engines.tensorflow.with_map`.
        features: what its mask is made of, halved: float32 (N, h / 2, w / 2, C); None where it has
            no mask.
    """

    score: np.ndarray
    map: np.ndarray | None = None
    features: np.ndarray | None = None

    def part(self, which: slice) -> Inferred:
        """The same for some of the faces."""
        return Inferred(*(None if each is None else each[which] for each in self))


class Engine(Protocol):
    """What every engine offers. One thread at a time may call it.

    Attributes:
        columns: values a face of the score.
    """

    name: str
    precision: Precision
    columns: int

    def infer(self, crops: np.ndarray) -> Inferred:
        """Run faces through the network, all in one call.

        Args:
            crops: uint8 RGB, shape (N, S, S, 3); float32 where `Weights.pixels` is False.
        """
        ...
