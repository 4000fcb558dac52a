"""The client for asyncio."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
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


class AsyncClient:
    """As `Client`, for asyncio: the same calls, to be awaited.

    Files are read and written in pieces of 64 kB between two steps of the event loop.
    """

    def __init__(
        self, server: str = SERVER, api_key: str | None = None, patience: float = PATIENCE
    ):
        self._say = Conversations(patience)
        self._http = httpx.AsyncClient(**options(server, api_key))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def analyse(self, file: AnyPath, on_status: OnStatus | None = None) -> Report:
        """See `Client.analyse`."""
        return await self._hold(self._say.analyse(Path(file), on_status))

    async def analyse_many(
        self, files: Iterable[AnyPath], parallel: int = PARALLEL
    ) -> AsyncIterator[Outcome]:
        """See `Client.analyse_many`."""
        gate = asyncio.Semaphore(parallel)
        running: deque[asyncio.Task[Outcome]] = deque()
        try:
            for file in files:
                running.append(asyncio.create_task(self._outcome(Path(file), gate)))
                if len(running) >= 2 * parallel:  # a slow file does not hold up the next ones
                    yield await running[0]
                    running.popleft()
            while running:
                yield await running[0]
                running.popleft()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def submit(self, file: AnyPath) -> Status:
        """See `Client.submit`."""
        return await self._hold(self._say.submit(Path(file)))

    async def wait(self, id: str, on_status: OnStatus | None = None) -> Report:
        """See `Client.wait`."""
        return await self._hold(self._say.wait(id, on_status))

    async def read(self, id: str) -> Report | Status:
        """See `Client.read`."""
        return await self._hold(self._say.read(id))

    async def delete(self, id: str) -> None:
        """See `Client.delete`."""
        await self._hold(self._say.delete(id))

    async def health(self) -> Health:
        """See `Client.health`."""
        return await self._hold(self._say.health())

    async def download(self, address: str, path: AnyPath) -> None:
        """See `Client.download`."""
        try:
            with written(Path(path)) as part:
                async with self._http.stream("GET", address) as response:
                    if not response.is_success:
                        await response.aread()
                        raise refusal(response)
                    with part.open("wb") as file:
                        async for piece in response.aiter_bytes():
                            file.write(piece)
        except httpx.RequestError as error:
            raise unanswered(error) from error

    async def _hold(self, conversation: Conversation[Answer]) -> Answer:
        """Hold a conversation to its end."""
        try:
            step = next(conversation)
            while True:
                if isinstance(step, Ask):
                    try:
                        response = await self._send(step)
                    except httpx.RequestError as error:
                        step = conversation.throw(unanswered(error))
                    else:
                        step = conversation.send(response)
                else:
                    await asyncio.sleep(step.seconds)
                    step = conversation.send(None)
        except StopIteration as end:
            answer: Answer = end.value
            return answer

    async def _send(self, ask: Ask) -> httpx.Response:
        with request(self._http, ask) as prepared:
            return await self._http.send(prepared)

    async def _outcome(self, file: Path, gate: asyncio.Semaphore) -> Outcome:
        async with gate:
            try:
                return Outcome(file, await self._hold(self._say.analyse(file, None)))
            except (DetectorError, OSError) as error:
                return Outcome(file, error=error)
