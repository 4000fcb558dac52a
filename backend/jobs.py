"""Runs analyses for the web: a few at a time, with a deadline, leaving nothing behind."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.errors import Busy, TooSlow
from backend.media import intake
from backend.pipeline import Pipeline
from backend.report import to_report
from backend.settings import Settings
from backend.storage import Storage


class Jobs:
    """The places for analyses.

    A request takes its place before its body is read, so a full house refuses at once instead of
    after 100 MB. Thread-safe.

    Args:
        settings: `concurrency`, `queue` and `analysis_timeout`.
        storage: where the pictures and the report go.
        pipeline: does the work.
    """

    def __init__(self, settings: Settings, storage: Storage, pipeline: Pipeline):
        self._settings = settings
        self._storage = storage
        self._pipeline = pipeline
        self._capacity = settings.concurrency + settings.queue
        self._slots = threading.BoundedSemaphore(settings.concurrency)
        self._lock = threading.Lock()
        self._taken = 0
        self._running = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one place; raises Busy when all are taken."""
        self._count(taken=1)
        try:
            yield
        finally:
            self._count(taken=-1)

    def analyse(self, path: Path, label: str) -> dict:
        """Check, analyse and publish one incoming file; the caller holds a place.

        Args:
            path: the received bytes; deleted here in every case.
            label: the user's name for the file.

        Returns:
            The report, as published.

        Raises:
            AppError: whatever was wrong with the file or took too long.
        """
        try:
            upload = intake.check(path, label, self._settings)
            with self._slots:
                self._count(running=1)
                try:
                    return self._run(upload)
                finally:
                    self._count(running=-1)
        finally:
            self._storage.discard(path)
            _give_back_memory()

    def _run(self, upload) -> dict:
        stage = self._storage.stage()
        try:
            on_progress = deadline(self._settings.analysis_timeout)
            analysis = self._pipeline.analyse(upload, into=stage.folder, on_progress=on_progress)
            report = to_report(analysis, upload, stage.id, stage.created, stage.expires)
            self._storage.publish(stage, report)
        except BaseException:
            self._storage.discard(stage.folder)
            raise
        return report

    def counts(self) -> dict[str, int]:
        """How many analyses run, how many requests hold a place and wait, and the most of both."""
        with self._lock:
            waiting = self._taken - self._running
            return {"running": self._running, "waiting": waiting, "capacity": self._capacity}

    def _count(self, taken: int = 0, running: int = 0) -> None:
        with self._lock:
            if taken > 0 and self._taken >= self._capacity:
                raise Busy()
            self._taken += taken
            self._running += running


def _give_back_memory() -> None:
    """Return freed memory to the system: glibc keeps what an analysis used for the next one, and
    the next one's threads use other parts of it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries have none
    if trim is not None:
        trim(0)


def deadline(
    seconds: float, clock: Callable[[], float] = time.monotonic
) -> Callable[[str, float], None]:
    """A progress callback that raises TooSlow once `seconds` have passed since it was made."""
    end = clock() + seconds

    def check(stage: str, done: float) -> None:
        if clock() > end:
            raise TooSlow()

    return check
