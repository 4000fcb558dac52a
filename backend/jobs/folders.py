"""The folders of jobs: the record of each, who works on it, and how it ended.

    uploads/.jobs/<id>/upload      the received file
    uploads/.jobs/<id>/job.json    the record; written by whoever holds the job
    uploads/.jobs/<id>/claim-1     made by the worker that took it; claim-2 by the second one
    uploads/.failed/<id>/job.json  where a job goes that came to no answer

Every change that two processes could want at the same time is one atomic step of the file system:
making a claim, and renaming or removing the folder. A job that succeeded or was cancelled has none.
"""

from __future__ import annotations

import json
import os
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import structlog

from backend.errors import AppError, Gone, NoSuchResult
from backend.storage.delete import remove
from backend.storage.store import ID, STAGING, Storage

RECORD, UPLOAD, CLAIM = "job.json", "upload", "claim-"

log = structlog.get_logger()


class Vanished(Exception):
    """The folder of a job is gone: it was cancelled, it expired, or it ended elsewhere."""


@dataclass(frozen=True, slots=True)
class Job:
    """What `job.json` says; the fields that a status has too are explained in `schema`.

    Attributes:
        client: who sent it; nobody else is told.
        attempt: number of the claim that the record was written under, 0 before the first.
        beat: grows as long as its worker lives.
    """

    id: str
    label: str
    size: int
    client: str
    state: str = "queued"
    stage: str = "waiting"
    percent: int = 0
    frames_done: int = 0
    frames_total: int | None = None
    eta_seconds: float | None = None
    partial: dict | None = None
    error: dict[str, str] | None = None
    attempt: int = 0
    beat: int = 0


class Folders:
    """Makes, reads and changes the folders; thread-safe.

    Args:
        storage: says where they are.
    """

    def __init__(self, storage: Storage):
        self._storage = storage
        self._clients: dict[str, str] = {}
        self._lock = threading.Lock()

    def create(self, path: Path, label: str, client: str) -> Job:
        """Make a job of a received file, which is moved into it."""
        job = Job(self._storage.new_id(), label, path.stat().st_size, client)
        draft = self._storage.jobs / f"{STAGING}{job.id}"
        draft.mkdir(mode=0o700, parents=True)
        try:
            path.rename(draft / UPLOAD)
            _write(draft, job)
            draft.rename(self._storage.jobs / job.id)
        except BaseException:  # the disk is full: the file must not be what fills it
            remove(draft)
            raise
        return job

    def age(self, id: str) -> float:
        """Seconds since a job was made."""
        return self._storage.age(id)

    def upload(self, id: str) -> Path:
        """Where the received file is."""
        return self._storage.jobs / id / UPLOAD

    def read(self, id: str) -> Job | None:
        """The record of a job that waits, runs or failed; None of any other.

        A job whose record cannot be read, after a power cut, cannot be done: it is removed.

        Raises:
            Gone: it has been deleted or its time is over.
        """
        for root in (self._storage.jobs, self._storage.failed):
            with suppress(NoSuchResult, FileNotFoundError):
                folder = self._storage.find(root, id)
                try:
                    return Job(**json.loads((folder / RECORD).read_bytes()))
                except (ValueError, TypeError):
                    log.error("the record of a job cannot be read")
                    remove(folder)
        return None

    def write(self, job: Job) -> None:
        """Replace the record.

        Raises:
            Vanished: the job is no more.
        """
        try:
            _write(self._storage.jobs / job.id, job)
        except FileNotFoundError:
            raise Vanished from None

    def claim(self, id: str, attempt: int) -> bool:
        """Take a job; of all who try the same attempt exactly one succeeds."""
        try:
            (self._storage.jobs / id / f"{CLAIM}{attempt}").touch(exist_ok=False)
        except (FileExistsError, FileNotFoundError):
            return False
        return True

    def give_back(self, job: Job) -> None:
        """Undo a claim, as if it had never been made."""
        with suppress(Vanished, FileNotFoundError):
            self.write(replace(Job(job.id, job.label, job.size, job.client), beat=job.beat + 1))
            (self._storage.jobs / job.id / f"{CLAIM}{job.attempt}").unlink()

    def attempts(self, id: str) -> int:
        """How often a job was claimed."""
        return sum(name.startswith(CLAIM) for name in _names(self._storage.jobs / id))

    def fail(self, job: Job, error: AppError) -> None:
        """Delete the file, keep the reason."""
        with suppress(Vanished, FileNotFoundError):
            self.upload(job.id).unlink(missing_ok=True)
            self.write(replace(job, state="failed", eta_seconds=None, error=error.detail))
            self._storage.failed.mkdir(parents=True, exist_ok=True)
            (self._storage.jobs / job.id).rename(self._storage.failed / job.id)

    def end(self, id: str) -> None:
        """Forget a job whose result is published."""
        remove(self._storage.jobs / id)

    def live(self) -> dict[str, str]:
        """The client of every job that waits or runs, by id."""
        ids = [name for name in _names(self._storage.jobs) if ID.fullmatch(name)]
        with self._lock:
            self._clients = {id: self._client(id) for id in ids}
            return dict(self._clients)

    def _client(self, id: str) -> str:
        """Who sent a job, read once; nobody where it has just ended or expired."""
        with suppress(Gone):
            job = None if id in self._clients else self.read(id)
            return job.client if job else self._clients.get(id, "")
        return ""


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _write(folder: Path, job: Job) -> None:
    """Write the record so that readers find the old one or the new one, never a part."""
    draft = folder / f"{RECORD}.{job.attempt}"
    draft.write_text(json.dumps(asdict(job), allow_nan=False), encoding="utf-8")
    draft.replace(folder / RECORD)
