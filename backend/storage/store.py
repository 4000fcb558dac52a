"""The only owner of paths: incoming files, staging and published folders, expiry, deletion, sweep.

Everything is named by an id that starts with the second it was made, so its age survives any
crash, copy or touch and needs no second file:

    uploads/.incoming/<id>       bytes of one upload, until they are a job's or analysed
    uploads/.jobs/<id>/          a job that waits or runs, see `backend.jobs.folders`
    uploads/.failed/<id>/        a job that came to no answer
    uploads/.webhooks/<id>.<n>   whom to tell of a job, see `backend.jobs.webhooks`
    uploads/.deleted/<id>        the time of a deletion, and nothing else, for a day
    static/results/.tmp-<id>*/   pictures of an analysis that is running
    static/results/<id>/         a finished analysis: its pictures, a sound file's own copy named
                                 `recording`, and `report.json`
    .../.deleting-<name>         on its way out; out of every reader's sight after one rename
"""

from __future__ import annotations

import json
import math
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from backend.errors import AppError, Gone, NoSuchResult, SetupError, StorageFull
from backend.settings import Settings
from backend.storage.delete import DELETING, remove

ID, ID_LENGTH = re.compile(r"[0-9a-f]{8}[A-Za-z0-9_-]{22}"), 30
PICTURE = re.compile(r"[a-z]{1,20}-[0-9]{3,6}\.(jpg|png)")
STAGING, REPORT, RECORDING = ".tmp-", "report.json", "recording"
REMEMBERED = 86_400  # s after it for which a deletion is told from an address that never was


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

    Attributes:
        jobs, failed: where the folders of jobs are.
        webhooks: where it is noted whom to tell of them.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time):
        uploads = Path(settings.uploads).resolve()
        self._incoming = uploads / ".incoming"
        self._deleted = uploads / ".deleted"
        self.jobs = uploads / ".jobs"
        self.failed = uploads / ".failed"
        self.webhooks = uploads / ".webhooks"
        self._results = Path(settings.results).resolve()
        self._retention = settings.retention
        # A short retention must not take a file away while it still arrives.
        arriving = math.ceil(settings.upload_timeout + settings.analysis_timeout)
        self._arrival = max(self._retention, arriving)
        self._min_free_mb = settings.min_free_mb
        self._clock = clock

    def prepare(self) -> None:
        """Make the folders.

        Raises:
            SetupError: when a folder cannot be made or written.
        """
        for folder in (self._incoming, self.jobs, self.failed, self._deleted, self._results):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise SetupError(f"Cannot make the folder {folder}: {error.strerror}.") from error
            if not os.access(folder, os.W_OK | os.X_OK):
                raise SetupError(f"Cannot write to the folder {folder}.")

    def free_mb(self) -> int:
        """Free disk space in MB of 1,000,000 bytes, of the fuller of the two places."""
        places = (self._incoming, self._results)
        for place in places:
            place.mkdir(parents=True, exist_ok=True)
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
        return open(self._incoming / self.new_id(), "x+b", opener=_private)

    def new_id(self) -> str:
        """A name that nobody can guess and that tells when it was made."""
        return f"{int(self._clock()):08x}{secrets.token_urlsafe(16)}"

    def lifetime(self, id: str) -> tuple[int, int]:
        """When what has this id was made and when it expires: seconds since the epoch."""
        created = _created(id)
        return created, created + self._retention

    def now(self) -> float:
        """Seconds since the epoch, by the clock of everything that expires."""
        return self._clock()

    def age(self, id: str) -> float:
        """Seconds since what has this id was made."""
        return max(0.0, self._clock() - _created(id))

    def stage(self, id: str | None = None, attempt: int = 1) -> Stage:
        """Make the folder in which one analysis writes its pictures.

        Args:
            id: that of the job, or None for a new one.
            attempt: of the job: two attempts never write into the same folder.
        """
        id = id or self.new_id()
        folder = self._results / f"{STAGING}{id}-{attempt}"
        folder.mkdir(parents=True)
        return Stage(id, folder, *self.lifetime(id))

    def keep(self, stage: Stage, path: Path) -> None:
        """Keep a sound file beside the pictures, to be played; `path` itself stays."""
        try:
            os.link(path, stage.folder / RECORDING)
        except OSError:  # another disk
            shutil.copyfile(path, stage.folder / RECORDING)

    def publish(self, stage: Stage, report: dict) -> None:
        """Save the report beside the pictures and show both with one rename."""
        text = json.dumps(report, ensure_ascii=False, allow_nan=False)
        (stage.folder / REPORT).write_text(text, encoding="utf-8")
        stage.folder.rename(self._results / stage.id)

    def report(self, id: str) -> dict:
        """The report of a finished analysis.

        Raises:
            NoSuchResult: no such analysis.
            Gone: its time is over.
        """
        folder = self.find(self._results, id)
        try:
            return json.loads((folder / REPORT).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise NoSuchResult() from None
        except ValueError:  # the power failed before its bytes were on the disk
            remove(folder)
            raise NoSuchResult() from None

    def picture(self, id: str, name: str) -> Path:
        """The path of one annotated picture; raises like `report`."""
        if not PICTURE.fullmatch(name):
            raise NoSuchResult()
        return self._published(id, name)

    def recording(self, id: str) -> Path:
        """The path of the copy of a sound file; raises like `report`."""
        return self._published(id, RECORDING)

    def _published(self, id: str, name: str) -> Path:
        path = self.find(self._results, id) / name
        if not path.is_file():
            raise NoSuchResult()
        return path

    def find(self, root: Path, id: str) -> Path:
        """The folder of an analysis below one of the places.

        Raises:
            NoSuchResult: there never was one with this id, as far as is known.
            Gone: it has been deleted or its time is over; the sentence says when.
        """
        if not ID.fullmatch(id):
            raise NoSuchResult()
        path = root / id
        if not path.is_dir():
            with suppress(FileNotFoundError, ValueError):  # the second: cut short by a full disk
                raise _gone(int((self._deleted / id).read_text()))
            raise NoSuchResult()
        if self._is_expired(path):
            raise _gone(self.lifetime(id)[1])
        return path

    def delete(self, id: str) -> None:
        """Delete an analysis now, whether it waits, runs, has failed or is done.

        The job goes first: its worker looks for it once it has made its staging folder, so it
        either finds itself cancelled or has that folder deleted here.

        Raises:
            NoSuchResult, Gone: see `find`.
        """
        if not ID.fullmatch(id):
            raise NoSuchResult()
        if any((root / id).is_dir() for root in (self.jobs, self.failed, self._results)):
            self._remember(id)  # first, so that whoever asks meanwhile hears that it is gone
        removed = [remove(self.jobs / id), remove(self.failed / id)]
        removed += [remove(path) for path in self._results.glob(f"{STAGING}{id}-*")]
        if not any([*removed, remove(self._results / id)]):
            self.find(self._results, id)
            raise AppError(  # it is still there
                "It could not be deleted now. It is deleted when its time is over at the latest."
            )

    def discard(self, path: Path) -> None:
        """Delete an incoming file or a staging folder, if it is still there."""
        remove(Path(path))

    def sweep(self) -> int:
        """Delete all that is older than the retention, and what an earlier sweep left half done.

        Safe to run at any time, in any number of processes: who renames first, deletes.

        Returns:
            How many entries this call deleted.
        """
        count = 0
        for path in self._entries():
            lifetime = self._arrival if path.parent == self._incoming else self._retention
            if self._is_expired(path, lifetime) and remove(path):
                count += 1
                if ID.fullmatch(path.name) and path.parent != self._incoming:
                    self._remember(path.name)
        for path in self._deleted.glob("*"):
            if self._is_expired(path, self._retention + REMEMBERED):
                path.unlink(missing_ok=True)
        return count

    def _entries(self) -> Iterator[Path]:
        """Everything that may be swept: all of the uploads, and what is ours in the results."""
        for folder in (self._incoming, self.jobs, self.failed, self.webhooks, self._results):
            try:
                names = os.listdir(folder)
            except FileNotFoundError:
                continue
            for name in names:
                ours = name.startswith((STAGING, DELETING)) or ID.fullmatch(name)
                if ours or folder in (self._incoming, self.webhooks):
                    yield folder / name

    def _is_expired(self, path: Path, lifetime: int | None = None) -> bool:
        if path.name.startswith(DELETING):
            return True
        lifetime = lifetime or self._retention
        try:
            id = path.name.removeprefix(STAGING)[:ID_LENGTH]
            created = _created(id) if ID.fullmatch(id) else path.lstat().st_mtime
        except FileNotFoundError:
            return False
        age = self._clock() - created
        # An id from far in the future was made before the clock was set back.
        return age >= lifetime or age < -lifetime

    def _remember(self, id: str) -> None:
        """Note when something was deleted; a full disk forgets it, and must not keep the rest."""
        with suppress(OSError):
            self._deleted.mkdir(parents=True, exist_ok=True)
            (self._deleted / id).write_text(str(int(self._clock())))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _created(id: str) -> int:
    return int(id[:8], 16)


def _gone(seconds: int) -> Gone:
    moment = datetime.fromtimestamp(seconds, UTC)
    return Gone(f"This result was deleted on {moment:%Y-%m-%d at %H:%M:%S} UTC.")
