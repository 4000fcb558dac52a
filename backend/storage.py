"""The only owner of paths: incoming files, staging and published folders, expiry, deletion, sweep.

Everything is named by an id that starts with the second it was made, so its age survives any
crash, copy or touch and needs no second file:

    uploads/.incoming/<id>       bytes of one upload, until its analysis ends
    static/results/.tmp-<id>/    pictures of an analysis that is running
    static/results/<id>/         a finished analysis: its pictures and `report.json`
    .../.deleting-<name>         on its way out; out of every reader's sight after one rename
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import structlog

from backend.errors import Gone, NotFound, SetupError, StorageFull
from backend.settings import Settings

ID = re.compile(r"[0-9a-f]{8}[A-Za-z0-9_-]{22}")
PICTURE = re.compile(r"[a-z]+-[0-9]{3,}\.(jpg|png)")
STAGING, DELETING, REPORT = ".tmp-", ".deleting-", "report.json"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Stage:
    """A folder for one running analysis; `created` and `expires` are seconds since the epoch."""

    id: str
    folder: Path
    created: int
    expires: int


class Storage:
    """Keeps uploads and results, and forgets them in time.

    Args:
        settings: folders, retention and the disk space to keep free.
        clock: seconds since the epoch.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time):
        self._incoming = Path(settings.uploads).resolve() / ".incoming"
        self._results = Path(settings.results).resolve()
        self._retention = settings.retention
        self._min_free_mb = settings.min_free_mb
        self._clock = clock

    def prepare(self) -> None:
        """Make the folders.

        Raises:
            SetupError: when a folder cannot be made or written.
        """
        for folder in (self._incoming, self._results):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise SetupError(f"Cannot make the folder {folder}: {error.strerror}.") from error
            if not os.access(folder, os.W_OK | os.X_OK):
                raise SetupError(f"Cannot write to the folder {folder}.")

    def free_mb(self) -> int:
        """Free disk space in MB of 1,000,000 bytes, of the fuller of the two places."""
        places = (self._incoming, self._results)
        return min(shutil.disk_usage(place).free for place in places) // 1_000_000

    def has_space(self) -> bool:
        """Whether as much disk space is free as the settings ask for."""
        return self.free_mb() >= self._min_free_mb

    def check_space(self) -> None:
        """Raise StorageFull when too little disk space is free."""
        if not self.has_space():
            raise StorageFull()

    def receive(self) -> BinaryIO:
        """Open a new private file for the bytes of one upload; its path is its `name`."""
        self._incoming.mkdir(parents=True, exist_ok=True)
        return open(self._incoming / self._new_id(), "x+b", opener=_private)

    def stage(self) -> Stage:
        """Make the folder in which one analysis writes its pictures."""
        id = self._new_id()
        folder = self._results / f"{STAGING}{id}"
        folder.mkdir(parents=True)
        created = _created(id)
        return Stage(id, folder, created, created + self._retention)

    def publish(self, stage: Stage, report: dict) -> None:
        """Save the report beside the pictures and show both with one rename."""
        text = json.dumps(report, ensure_ascii=False, allow_nan=False)
        (stage.folder / REPORT).write_text(text, encoding="utf-8")
        stage.folder.rename(self._results / stage.id)

    def report(self, id: str) -> dict:
        """The report of a finished analysis.

        Raises:
            NotFound: no such analysis.
            Gone: its time is over.
        """
        try:
            return json.loads((self._published(id) / REPORT).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise NotFound() from None

    def picture(self, id: str, name: str) -> Path:
        """The path of one annotated picture; raises like `report`."""
        if not PICTURE.fullmatch(name):
            raise NotFound()
        path = self._published(id) / name
        if not path.is_file():
            raise NotFound()
        return path

    def delete(self, id: str) -> None:
        """Delete a finished analysis now; raises like `report`."""
        if not self._remove(self._published(id)):
            raise NotFound()

    def discard(self, path: Path) -> None:
        """Delete an incoming file or a staging folder, if it is still there."""
        self._remove(Path(path))

    def sweep(self) -> int:
        """Delete all that is older than the retention, and what an earlier sweep left half done.

        Safe to run at any time, in any number of processes: who renames first, deletes.

        Returns:
            How many entries this call deleted.
        """
        expired = [path for path in self._entries() if self._is_expired(path)]
        return sum(self._remove(path) for path in expired)

    def _entries(self) -> Iterator[Path]:
        """Everything that may be swept: all of `.incoming`, and what is ours in the results."""
        for folder in (self._incoming, self._results):
            try:
                names = os.listdir(folder)
            except FileNotFoundError:
                continue
            for name in names:
                ours = name.startswith((STAGING, DELETING)) or ID.fullmatch(name)
                if ours or folder == self._incoming:
                    yield folder / name

    def _is_expired(self, path: Path) -> bool:
        if path.name.startswith(DELETING):
            return True
        try:
            id = path.name.removeprefix(STAGING)
            created = _created(id) if ID.fullmatch(id) else path.lstat().st_mtime
        except FileNotFoundError:
            return False
        age = self._clock() - created
        # An id from far in the future was made before the clock was set back.
        return age >= self._retention or age < -self._retention

    def _published(self, id: str) -> Path:
        if not ID.fullmatch(id):
            raise NotFound()
        path = self._results / id
        if not path.is_dir():
            raise NotFound()
        if self._is_expired(path):
            raise Gone()
        return path

    def _remove(self, path: Path) -> bool:
        """Rename out of sight, then remove; True when this call was the one that renamed."""
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

    def _new_id(self) -> str:
        return f"{int(self._clock()):08x}{secrets.token_urlsafe(16)}"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _created(id: str) -> int:
    return int(id[:8], 16)


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
