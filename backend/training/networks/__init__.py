"""The networks that can be trained, by name: a new one is one file here and one entry below."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from backend.errors import SetupError
from backend.training.recipe import Recipe

if TYPE_CHECKING:
    from backend.training.networks.network import Network


def _efficientnet_b0(recipe: Recipe) -> Network:
    from backend.training.networks.efficientnet_b0 import EfficientNetB0

    return EfficientNetB0(len(recipe.heads), recipe.dropout, recipe.drop_path)


def _meso4(recipe: Recipe) -> Network:
    from backend.training.networks.meso4 import Meso4

    return Meso4(len(recipe.heads), recipe.size, recipe.dropout)


def _meso_inception4(recipe: Recipe) -> Network:
    from backend.training.networks.meso_inception4 import MesoInception4

    return MesoInception4(len(recipe.heads), recipe.size, recipe.dropout)


def _xception(recipe: Recipe) -> Network:
    from backend.training.networks.xception import Xception

    return Xception(len(recipe.heads), recipe.dropout)


# Name -> what builds it.
NETWORKS: dict[str, Callable[[Recipe], Network]] = {
    "efficientnet_b0": _efficientnet_b0,
    "meso4": _meso4,
    "meso_inception4": _meso_inception4,
    "xception": _xception,
}


def build(recipe: Recipe) -> Network:
    """The network of a recipe, its weights drawn by chance.

    Raises:
        SetupError: there is none of that name.
    """
    if recipe.network not in NETWORKS:
        raise SetupError(
            f"Unknown network. Expected one of {', '.join(NETWORKS)}. Received: {recipe.network}."
        )
    return NETWORKS[recipe.network](recipe)


def start_from(network: Network, recipe: Recipe, weights: Path) -> None:
    """Fill a network with what its recipe starts from.

    Args:
        weights: Keras HDF5 in place, for "committed".

    Raises:
        SetupError: the start is missing or of another network.
    """
    if recipe.start == "committed":
        from backend.training.networks.keras_file import read_keras

        read_keras(network, weights)
    elif recipe.start == "imagenet":
        from backend.training.networks.imagenet import load_lite0

        load_lite0(network)
