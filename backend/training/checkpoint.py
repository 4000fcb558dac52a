"""What a run keeps of itself: the checkpoint it goes on from, and its averaged weights."""

from __future__ import annotations

import os
from pathlib import Path

from backend.errors import SetupError


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
