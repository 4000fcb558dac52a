"""What a run keeps of itself: the checkpoint it goes on from, and its averaged weights."""

from __future__ import annotations

import operator
import os
from dataclasses import asdict
from pathlib import Path

from backend.errors import SetupError
from backend.training.recipe import Recipe

CHECKPOINT = "checkpoint.pt"
AVERAGE = "average.pt"  # of a finished run: what others begin from and are averaged with

# What reading raises, and taking up what was read: a damaged file may hold anything.
UNFIT = (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError)
# Fields that change nothing of what is learned at a step, and so may differ.
FREE = {"name", "until", "checkpoint_every", "average_with", "manipulated_by"}


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


def restore(path: Path, recipe: Recipe, network, average, optimizer) -> int:
    """Fill the network, its average and the optimizer from a checkpoint.

    Returns:
        The number of steps done.

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
        return operator.index(saved["step"])
    except UNFIT:
        raise _damaged(path) from None


def is_finished(folder: Path, recipe: Recipe) -> bool:
    """Whether a run need not go on: others can begin from it, and be averaged with it.

    Raises:
        SetupError: its checkpoint, where there is one, is damaged, or of another recipe.
    """
    checkpoint = folder / CHECKPOINT
    try:
        saved = _read(checkpoint, recipe) if checkpoint.is_file() else {"step": recipe.last}
        done = operator.index(saved["step"])
    except UNFIT:
        raise _damaged(checkpoint) from None
    return (folder / AVERAGE).is_file() and done >= recipe.last


def _read(path: Path, recipe: Recipe) -> dict:
    from backend.training.networks.state_file import read_state

    saved = read_state(path)
    before = saved.get("recipe", {})  # none in those of earlier versions
    changed = [
        name
        for name, value in asdict(recipe).items()
        if name not in FREE and before.get(name, value) != value
    ]
    if changed:
        raise SetupError(
            f"The checkpoint in {path.parent.name} was made with another {', '.join(changed)}. "
            "Take the recipe it was made with, or delete that folder to begin anew."
        )
    return saved


def _damaged(path: Path) -> SetupError:
    run = path.parent.name
    return SetupError(f"The checkpoint in {run} is damaged, or of another network.")
