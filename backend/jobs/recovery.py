"""Finds jobs that nobody works on any more and has them done by another worker, once."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache

import structlog

from backend.errors import Gone, NoSuchResult, WorkerDied
from backend.jobs.folders import Folders, Job
from backend.jobs.metrics import Metrics
from backend.jobs.queue import Queue
from backend.storage.store import Storage

ATTEMPTS = 2
INTERVAL = 1.0  # s between two checks
FIRST = 1  # priority: before every job that has waited less long

log = structlog.get_logger()


class Recovery:
    """Checks all jobs every second; any number of processes may do so at once.

    A queue forgets a message as soon as a worker takes it, so a worker that dies takes its job
    with it. But a living worker changes the record of its job several times a second: one that
    stays as it is for `patience` seconds has lost its worker. No clocks are compared, because
    those of two machines differ.

    Args:
        storage, folders, queue: the jobs.
        patience: seconds.
        metrics: counts the jobs that are given up.
        clock: seconds.
    """

    def __init__(
        self,
        storage: Storage,
        folders: Folders,
        queue: Queue,
        patience: float,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._storage, self._folders, self._queue = storage, folders, queue
        self._patience, self._metrics, self._clock = patience, metrics, clock
        self._seen: dict[str, tuple[tuple[int, int], float]] = {}

    def check(self) -> None:
        """One round."""
        now = self._clock()
        before, self._seen = self._seen, {}
        sent = cache(self._queue.waiting)  # asked once a round, and not in most rounds
        for id in self._folders.live():
            try:
                self._check(id, before, now, sent)
            except Gone:
                pass
            except OSError as error:  # one job that cannot be read must not stop the others
                log.error("a job cannot be checked", kind=type(error).__name__)

    def _check(self, id: str, before: dict, now: float, sent: Callable) -> None:
        job = self._folders.read(id)
        sign = self._folders.attempts(id), job.beat if job else 0
        known, since = before.get(id, (sign, now))
        self._seen[id] = sign, since if known == sign else now
        if job and known == sign and now - since >= self._patience:
            self._take_up(job, sign[0], sent)
            self._seen[id] = sign, now

    def _take_up(self, job: Job, attempts: int, sent: Callable[[], set[tuple[str, int]]]) -> None:
        with suppress(NoSuchResult):
            self._storage.report(job.id)  # it died after the last step but one
            self._folders.end(job.id)
            return
        if attempts >= ATTEMPTS:
            log.error("a job has killed its worker twice")
            self._folders.fail(job, WorkerDied())
            self._metrics.failed(WorkerDied())
        elif (job.id, attempts + 1) not in sent():
            log.warning("a job is taken up again", attempt=attempts + 1)
            self._queue.put(job.id, attempts + 1, FIRST)
