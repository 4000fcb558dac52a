"""How many files may wait and be analysed: places for requests and jobs, slots for analyses."""

from __future__ import annotations

import math
import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager

from backend.errors import Busy
from backend.jobs.folders import Folders
from backend.settings import Settings

SLOWEST_RETRY = 30  # s


class Places:
    """Thread-safe, and the jobs of other processes count as well.

    A file takes its place before it is received, so a full house refuses at once instead of after
    100 MB. When all are taken there are a few more, a quarter of the queue, for clients that hold
    none: nobody who sends a whole folder keeps the others out. In the slots, requests and jobs
    take turns as they come.

    Args:
        settings: `concurrency` and `queue`.
        folders: the jobs.
    """

    def __init__(self, settings: Settings, folders: Folders):
        self._folders = folders
        self._concurrency, self._queue = settings.concurrency, settings.queue
        self._capacity = settings.concurrency + settings.queue
        self._changed = threading.Condition()
        self._held: Counter[str] = Counter()  # by requests: client -> places
        self._line: deque[object] = deque()
        self._busy = 0  # slots
        self._requests = 0  # slots that requests have
        self._pace = 5.0  # s that an analysis took lately

    @contextmanager
    def place(self, client: str) -> Iterator[None]:
        """Hold one place while a request is served or its file received; raises Busy."""
        with self._changed:
            self._check(client)
            self._held[client] += 1
        try:
            yield
        finally:
            with self._changed:
                self._held[client] -= 1
                self._held += Counter()  # forgets who holds none

    @contextmanager
    def slot(self, request: bool = False) -> Iterator[None]:
        """Wait for a turn to analyse, first come first served, and hold it."""
        ticket = object()
        with self._changed:
            self._line.append(ticket)
            self._changed.wait_for(
                lambda: self._line[0] is ticket and self._busy < self._concurrency
            )
            self._line.popleft()
            self._count(1, request)
        try:
            yield
        finally:
            with self._changed:
                self._count(-1, request)

    def note(self, seconds: float) -> None:
        """Learn how long an analysis took, for those who are told when to come again."""
        self._pace += (seconds - self._pace) / 4

    def jobs_of(self, client: str) -> int:
        """How many jobs of a client wait or run."""
        return list(self._folders.live().values()).count(client)

    def counts(self) -> dict[str, int]:
        """How many analyses run, how many files hold a place and wait, and the most of both."""
        with self._changed:
            running, waiting = self._counts(self._folders.live())
        return {"running": running, "waiting": waiting, "capacity": self._capacity}

    def longest_wait(self) -> float:
        """Seconds that the job which has waited longest waits; 0 where none does."""
        waiting = (id for id in self._folders.live() if not self._folders.attempts(id))
        return max(map(self._folders.age, waiting), default=0.0)

    def _check(self, client: str) -> None:
        """Raise Busy, with a time that fits the pace, when this client gets no place."""
        live = self._folders.live()
        running, waiting = self._counts(live)
        new = client not in live.values() and not self._held[client]
        extra = self._queue // 4 if new else 0
        # Other machines may run more than this one does.
        if waiting >= self._queue + extra and running + waiting >= self._capacity + extra:
            raise Busy(retry_after=max(1, min(SLOWEST_RETRY, math.ceil(self._pace))))

    def _counts(self, live: dict[str, str]) -> tuple[int, int]:
        running = self._requests + sum(self._folders.attempts(id) > 0 for id in live)
        return running, max(0, len(live) + self._held.total() - running)

    def _count(self, change: int, request: bool) -> None:
        self._busy += change
        self._requests += change if request else 0
        self._changed.notify_all()
