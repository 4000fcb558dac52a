"""The client that waits."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self, TypeVar

import httpx

from deepfake_detector.client.answers import Health, Report, Status
from deepfake_detector.client.connection import (
    PARALLEL,
    PATIENCE,
    SERVER,
    AnyPath,
    Outcome,
    options,
    request,
    unanswered,
    written,
)  # fmt: skip
from deepfake_detector.client.conversation import (
    Ask,
    Conversation,
    Conversations,
    OnStatus,
    refusal,
)
from deepfake_detector.client.errors import DetectorError

Answer = TypeVar("Answer")


class Client:
    """Asks a deepfake detector, and waits for its answers. Thread-safe.

    Every call raises a `DetectorError` where the server refuses, cannot be reached, or is busy for
    longer than `patience`.

    Args:
        server: its address.
        api_key: one of its DEEPFAKE_API_KEYS, where it asks for one.
        patience: seconds for which a busy server is asked again, when its `Retry-After` says so.
    """

    def __init__(
        self, server: str = SERVER, api_key: str | None = None, patience: float = PATIENCE
    ):
        self._say = Conversations(patience)
        self._http = httpx.Client(**options(server, api_key))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def analyse(self, file: AnyPath, on_status: OnStatus | None = None) -> Report:
        """Send a file and wait for its report.

        Args:
            on_status: called with each status while it waits or runs.

        Raises:
            AnalysisFailed: the file was taken, and there is no answer.
            OSError: the file cannot be read.
        """
        return self._hold(self._say.analyse(Path(file), on_status))

    def analyse_many(self, files: Iterable[AnyPath], parallel: int = PARALLEL) -> Iterator[Outcome]:
        """Send files side by side; what came of each, in their order, as soon as it is known.

        A file without a report does not stop the others. Files are drawn from `files` as they are
        needed. Whoever stops early waits for the requests under way alone.

        Args:
            parallel: files that are sent or analysed at the same time.
        """
        stopped = threading.Event()
        running: deque[Future[Outcome]] = deque()
        pool = ThreadPoolExecutor(parallel)
        try:
            for file in files:
                running.append(pool.submit(self._outcome, Path(file), stopped))
                if len(running) >= 2 * parallel:  # a slow file does not hold up the next ones
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            stopped.set()
            pool.shutdown(cancel_futures=True)

    def submit(self, file: AnyPath) -> Status:
        """Queue a file; its status names the `id` that `wait` takes.

        Raises:
            OSError: the file cannot be read.
        """
        return self._hold(self._say.submit(Path(file)))

    def wait(self, id: str, on_status: OnStatus | None = None) -> Report:
        """Wait for a report; like `analyse`, of a file that was sent before."""
        return self._hold(self._say.wait(id, on_status))

    def read(self, id: str) -> Report | Status:
        """How an analysis stands now: its `state` is "done" in a report."""
        return self._hold(self._say.read(id))

    def delete(self, id: str) -> None:
        """Delete an analysis and all its files on the server."""
        self._hold(self._say.delete(id))

    def health(self) -> Health:
        """Whether the server is ready, and what it is made of."""
        return self._hold(self._say.health())

    def download(self, address: str, path: AnyPath) -> None:
        """Save what lies at an address of the server.

        Args:
            address: such as `report["frames"][0]`, or the PDF of docs/api.md.
            path: the file to write; where this fails, it is as it was before.
        """
        try:
            with written(Path(path)) as part, self._http.stream("GET", address) as response:
                if not response.is_success:
                    response.read()
                    raise refusal(response)
                with part.open("wb") as file:
                    for piece in response.iter_bytes():
                        file.write(piece)
        except httpx.RequestError as error:
            raise unanswered(error) from error

    def _hold(
        self, conversation: Conversation[Answer], stopped: threading.Event | None = None
    ) -> Answer:
        """Hold a conversation to its end.

        Raises:
            CancelledError: `stopped` was set meanwhile.
        """
        pause = stopped or threading.Event()
        try:
            step = next(conversation)
            while True:
                if isinstance(step, Ask):
                    try:
                        response = self._send(step)
                    except httpx.RequestError as error:
                        step = conversation.throw(unanswered(error))
                    else:
                        step = conversation.send(response)
                elif pause.wait(step.seconds):
                    raise CancelledError()
                else:
                    step = conversation.send(None)
        except StopIteration as end:
            answer: Answer = end.value
            return answer

    def _send(self, ask: Ask) -> httpx.Response:
        with request(self._http, ask) as prepared:
            return self._http.send(prepared)

    def _outcome(self, file: Path, stopped: threading.Event) -> Outcome:
        try:
            return Outcome(file, self._hold(self._say.analyse(file, None), stopped))
        except (DetectorError, OSError) as error:
            return Outcome(file, error=error)
