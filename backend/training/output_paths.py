"""Where results shall go: made sure of before the hours of work that they cost."""

from __future__ import annotations

import os
from pathlib import Path

from backend.errors import SetupError


def prepare(path: Path) -> None:
    """Make the folder of a file that will be written.

    Raises:
        SetupError: the file cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(f"Cannot write {path}: {error.strerror}.") from None
    if path.is_dir():
        raise SetupError(f"Cannot write {path}: it is a folder.")
    if not all(os.access(place, os.W_OK) for place in (path.parent, path) if place.exists()):
        raise SetupError(f"Cannot write {path}: permission is missing.")


def put(path: Path, content: bytes) -> None:
    """Write whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    os.replace(part, path)
