"""Tells clients how their analyses stand: one thread asks for the jobs, for all of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from backend.errors import AppError, BadRequest
from backend.jobs import Jobs

ROUND = 0.25  # s between two rounds
REST = 9.0  # times as long as a round took: the thread never takes more than a tenth of a core
MOST_FOLLOWED = 64  # analyses that one client follows
BUSY = 16  # messages that wait for a client; it is told more when it has taken some

Send = Callable[[str, str, dict], None]
log = structlog.get_logger()


class _Told:
    """What one client has been told of one analysis."""

    def __init__(self):
        self.progress: dict | None = None
        self.frames = 0


class Followers:
    """Who follows what. Thread-safe.

    Progress that changes faster than a client listens is not kept for it: each round tells the
    present state, and only where there is room.

    Args:
        jobs: asked for the state.
        send: (client, event, payload) hands a message on.
        waiting: how many messages wait for a client.
        result: what is told of a finished analysis, beside its id and address.
    """

    def __init__(
        self,
        jobs: Jobs,
        send: Send,
        waiting: Callable[[str], int],
        result: Callable[[str], dict],
    ):
        self._jobs, self._send, self._waiting, self._result = jobs, send, waiting, result
        self._changed = threading.Condition()
        self._told: dict[tuple[str, str], _Told] = {}  # (client, id)
        self._thread: threading.Thread | None = None

    def add(self, client: str, id: str) -> None:
        """Tell a client of an analysis from now on, beginning with its present state.

        Raises:
            NoSuchResult, Gone: there is none.
            BadRequest: it follows too many.
        """
        self._jobs.status(id)
        with self._changed:
            if sum(follower == client for follower, _ in self._told) >= MOST_FOLLOWED:
                raise BadRequest(f"Only {MOST_FOLLOWED} analyses can be followed at once.")
            self._told[client, id] = _Told()
            # Started here and not before: a server forks after it was built.
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
            self._changed.notify()

    def remove(self, client: str, id: str | None = None) -> None:
        """Tell a client no more, of one analysis or of any."""
        with self._changed:
            for key in [key for key in self._told if key[0] == client and id in (None, key[1])]:
                del self._told[key]

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._told)
                told = dict(self._told)
            started = time.monotonic()
            for id in {id for _, id in told}:
                clients = {client: state for (client, of), state in told.items() if of == id}
                try:
                    self._tell_all(id, clients)
                except Exception as error:
                    # It must not end the thread that all depend on; the next round tries again.
                    log.error("cannot follow", kind=type(error).__name__, exc_info=error)
            time.sleep(max(ROUND, REST * (time.monotonic() - started)))

    def _tell_all(self, id: str, clients: dict[str, _Told]) -> None:
        try:
            status = self._jobs.status(id)
            result = self._result(id) if status["state"] == "done" else {}
        except AppError as error:
            status, result = {"state": "failed", "error": error.detail}, {}
        for client, told in clients.items():
            if self._waiting(client) <= BUSY and self._tell(client, id, status, told):
                if status["state"] == "done":
                    result |= {"id": id, "url": status["url"]}
                    self._send(client, "analysis_complete", result)
                self.remove(client, id)

    def _tell(self, client: str, id: str, status: dict, told: _Told) -> bool:
        """Send what is new on the way; True at the end of it."""
        if status["state"] == "failed":
            self._send(client, "analysis_error", {"id": id, **status["error"]})
            return True
        progress = {
            "id": id,
            "state": status["state"],
            "stage": status["stage"],
            "progress": status["percent"],
            "eta_seconds": status["eta_seconds"],
            "frames_done": status["frames_done"],
            "frames_total": status["frames_total"],
            "probability_fake": (status["partial"] or {}).get("probability_fake"),
        }
        if progress != told.progress:
            self._send(client, "progress_update", progress)
            told.progress = progress
        frames = (status["partial"] or {}).get("frames", [])
        for frame in frames[told.frames : told.frames + BUSY]:
            if any(face["probability"] is None and not face["concern"] for face in frame["faces"]):
                break  # it waits for its scores, and those after it for their turn
            self._send(client, "frame_result", {"id": id, **frame})
            told.frames += 1
        return status["state"] == "done"
