"""The networks that can be trained, by name: a new one is one file here and one entry below."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from backend.errors import SetupError
from backend.training.recipe import Recipe

if TYPE_CHECKING:
    from torch import nn


def _efficientnet_b0(recipe: Recipe) -> nn.Module:
    from backend.training.networks.efficientnet_b0 import EfficientNetB0

    return EfficientNetB0(len(recipe.heads), recipe.dropout, recipe.drop_path)


# Name -> what builds it. Each takes uint8 RGB (N, 3, S, S) and gives (logits (N, heads), logits of
# the changed area (N, S / 16, S / 16)).
NETWORKS: dict[str, Callable[[Recipe], nn.Module]] = {"efficientnet_b0": _efficientnet_b0}


def build(recipe: Recipe) -> nn.Module:
    """The network of a recipe, its weights drawn by chance.

    Raises:
        SetupError: there is none of that name.
    """
    if recipe.network not in NETWORKS:
        raise SetupError(
            f"Unknown network. Expected one of {', '.join(NETWORKS)}. Received: {recipe.network}."
        )
    return NETWORKS[recipe.network](recipe)


def start_from(network: nn.Module, recipe: Recipe, weights: Path) -> None:
    """Fill a network with what its recipe starts from.

    Args:
        weights: Keras HDF5 in place, for "committed".

    Raises:
        SetupError: the start is missing or of another network.
    """
    if recipe.start == "committed":
        from backend.training.networks.keras_file import read_keras

        read_keras(network, weights)
    else:
        from backend.training.networks.imagenet import load_lite0

        load_lite0(network)
