"""The order in which jobs are done: huey, kept in a SQLite file or in Redis."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from huey import Huey, PriorityRedisHuey, SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer

from backend.errors import QueueDown, SetupError

NAME = "analyses"
PATIENCE = 5  # s to reach Redis, and to wait for the lock of the file


class Queue:
    """Carries (id of a job, number of the attempt) to one worker of any process; thread-safe.

    A message that is lost does no harm, nor does one that comes twice: `backend.jobs.folders`
    knows what there is to do, and `backend.jobs.recovery` sends it again.

    Args:
        url: "redis://..." (also rediss:// and unix://), or empty for the file.
        file: where the file is.
        run: called by `work` with the id and the attempt.

    Raises:
        SetupError: Redis cannot be reached.
    """

    def __init__(self, url: str, file: Path, run: Callable[[str, int], None]):
        self._huey = _redis(url) if url else _sqlite(file)
        self._task = self._huey.task(name="run")(run)

    def put(self, id: str, attempt: int, priority: int) -> None:
        """Let a worker take a job; the higher the priority the sooner.

        Raises:
            QueueDown: the queue cannot be reached; so do the other methods.
        """
        with _reached():
            self._huey.enqueue(self._task.s(id, attempt, priority=priority))

    def work(self) -> bool:
        """Do the next job in this thread; False when none waits."""
        with _reached():
            task = self._huey.dequeue()
            if task is not None:
                self._huey.execute(task)
            return task is not None

    def waiting(self) -> set[tuple[str, int]]:
        """All that nobody has taken yet."""
        with _reached():
            return {tuple(task.args) for task in self._huey.pending()}


class _Json(Serializer):
    """Messages as JSON: huey's own pickles would let who can write to Redis run code here."""

    def _serialize(self, data: Message) -> bytes:
        return json.dumps(data).encode()

    def _deserialize(self, data: bytes) -> Message:
        return Message(*json.loads(data))


def _sqlite(file: Path) -> Huey:
    file.parent.mkdir(parents=True, exist_ok=True)
    return SqliteHuey(NAME, filename=str(file), timeout=PATIENCE, results=False, serializer=_Json())


def _redis(url: str) -> Huey:
    try:
        pool = redis.ConnectionPool.from_url(url, socket_timeout=PATIENCE, health_check_interval=30)
        redis.Redis(connection_pool=pool).ping()
    except (redis.RedisError, ValueError):  # its text may hold the password
        raise SetupError("The Redis at DEEPFAKE_QUEUE_URL cannot be reached.") from None
    return PriorityRedisHuey(
        NAME, connection_pool=pool, blocking=False, results=False, serializer=_Json()
    )


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, sqlite3.Error) as error:
        raise QueueDown() from error
