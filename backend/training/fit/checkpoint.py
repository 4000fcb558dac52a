"""What a run keeps of itself: the checkpoint it goes on from, and the weights chosen so far."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from backend.errors import SetupError
from backend.training.networks.state_file import read_state
from backend.training.recipe import Recipe

CHECKPOINT = "checkpoint.pt"
CHOSEN = "chosen.pt"  # the averaged weights that were best on val and dev-a

# What reading raises, and taking up what was read: a damaged file may hold anything.
UNFIT = (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        step: steps done.
        best: the highest mark so far; minus infinity before the first.
    """

    step: int = 0
    best: float = float("-inf")


def save(state: dict, path: Path) -> None:
    """Write whole or not at all: a run may be stopped at any moment.

    Raises:
        SetupError: it cannot be written; what was there before is kept.
    """
    import torch

    part = path.with_name(f".{path.name}.part")
    try:
        torch.save(state, part)
        os.replace(part, path)
    except (OSError, RuntimeError) as error:  # torch says RuntimeError when a disk is full
        part.unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or "the disk may be full"
        raise SetupError(f"Cannot write {path}: {reason}.") from None


def progress_of(folder: Path, recipe: Recipe) -> Progress:
    """How far the run in a folder is.

    Raises:
        SetupError: its checkpoint is damaged, or of another recipe.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        return Progress()
    try:
        saved = _read(path, recipe)
        return Progress(int(saved["step"]), float(saved["best"]))
    except UNFIT:
        raise damaged(path) from None


def restore(path: Path, recipe: Recipe, network, average, optimizer) -> None:
    """Fill the network, its average and the optimizer from a checkpoint.

    Raises:
        SetupError: it is damaged, or of another network or recipe.
    """
    import torch

    try:
        saved = _read(path, recipe)
        network.load_state_dict(saved["network"])
        average.load_state_dict(saved["average"])
        optimizer.load_state_dict(saved["optimizer"])
        torch.set_rng_state(saved["random"])
    except UNFIT:
        raise damaged(path) from None


def damaged(path: Path) -> SetupError:
    """What is said of a file of a run that cannot be used."""
    return SetupError(f"The file {path.name} of the run {path.parent.name} is damaged.")


def _read(path: Path, recipe: Recipe) -> dict:
    saved = read_state(path)
    before = saved["recipe"]
    changed = [name for name, value in recipe.fields().items() if before.get(name) != value]
    if changed:
        raise SetupError(
            f"The run {path.parent.name} was begun with another {', '.join(changed)}. Take the "
            "recipe it was begun with, or delete its folder to begin anew."
        )
    return saved
