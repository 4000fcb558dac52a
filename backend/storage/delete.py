"""Deletes a file or folder: out of every reader's sight with one rename, then for good."""

from __future__ import annotations

import shutil
from pathlib import Path

import structlog

DELETING = ".deleting-"

log = structlog.get_logger()


def remove(path: Path) -> bool:
    """Rename, then remove; safe against others that do the same at the same time.

    Args:
        path: may be gone already, and may be what an earlier call left renamed.

    Returns:
        Whether this call was the one that made it disappear.
    """
    doomed = path
    if not path.name.startswith(DELETING):
        doomed = path.with_name(DELETING + path.name)
        try:
            path.rename(doomed)
        except FileNotFoundError:  # already deleted, here or by another process
            return False
        except OSError as error:
            log.error("cannot delete", entry=path.name, error=error.strerror)
            return False
    return _remove_tree(doomed)


def _remove_tree(path: Path) -> bool:
    """Remove a file or a folder that another process may be removing as well."""
    failures = []

    def keep(function, name, info):
        if not isinstance(info[1], FileNotFoundError):
            failures.append(info[1])

    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, onerror=keep)
    else:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            failures.append(error)
    for error in failures[:1]:  # the next sweep tries again
        log.error("cannot delete", entry=path.name, error=error.strerror)
    return not failures
