"""Reads a table of tensors that PyTorch wrote."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch


def read_state(path: Path) -> dict:
    """Read what `torch.save` wrote, on the CPU.

    Raises:
        ValueError: it is not there, is damaged, or is no table of tensors and plain values.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, IndexError, KeyError, RuntimeError, pickle.UnpicklingError) as error:
        raise ValueError(str(error)) from None
    if not isinstance(state, dict):
        raise ValueError(f"it holds a {type(state).__name__} and no names")
    return state
