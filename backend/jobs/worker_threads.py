"""The threads of one process that do jobs, and the one that looks for those left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from backend.errors import QueueDown
from backend.jobs.admission import Places
from backend.jobs.queue import Queue
from backend.jobs.recovery import INTERVAL, Recovery
from backend.jobs.webhooks import Webhooks

TELL = 0.5  # s between two looks for webhooks that are due
IDLE = 0.1  # s between two visits to an empty queue
DOWN = 5.0  # s before a queue that cannot be reached is tried again
FAREWELL = 10.0  # s to end in

log = structlog.get_logger()


class Workers:
    """Daemon threads, so that nothing keeps a process from ending; no signal is handled here.

    huey's own consumer is not used: it wants the signals, and it would take a job out of the
    queue before there is a slot to do it in, when another machine may have one.

    Args:
        queue: where jobs come from.
        places: whose slots they are done in.
        recovery: runs every second.
        webhooks: told from threads of their own.
        stopping: set to end them all.
    """

    def __init__(
        self,
        queue: Queue,
        places: Places,
        recovery: Recovery,
        webhooks: Webhooks,
        stopping: threading.Event,
    ):
        self._queue, self._places, self._recovery = queue, places, recovery
        self._webhooks = webhooks
        self._stopping = stopping
        self._threads: list[threading.Thread] = []

    def start(self, count: int) -> None:
        """Begin, with so many threads that do jobs."""
        for loop in [(self._work, IDLE)] * count + [(self._recovery.check, INTERVAL)]:
            self._threads.append(self._begin(*loop))
        for _ in range(self._webhooks.senders):
            self._begin(self._webhooks.send, TELL)  # loses nothing when it is broken off

    def stop(self) -> None:
        """End: what runs is given back to the queue."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(FAREWELL)

    def _begin(self, step: Callable[[], bool | None], pause: float) -> threading.Thread:
        thread = threading.Thread(target=self._repeat, args=(step, pause), daemon=True)
        thread.start()
        return thread

    def _work(self) -> bool:
        with self._places.slot():
            return self._queue.work()

    def _repeat(self, step: Callable[[], bool | None], pause: float) -> None:
        """Do a step again and again, at once when it had something to do."""
        rest = 0.0
        while not self._stopping.wait(rest):
            try:
                rest = 0.0 if step() else pause
            except QueueDown as error:
                log.error("the queue cannot be reached", kind=type(error.__cause__).__name__)
                rest = DOWN
            except Exception as error:  # noqa: BLE001 a thread that ends would never come back
                log.error("internal error", kind=type(error).__name__, exc_info=error)
                rest = DOWN
