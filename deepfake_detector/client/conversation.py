"""What a client asks and when: written once, for the client that waits and the one that awaits.

Each conversation is a generator. It yields what to do, a request or a pause, and is sent what came
of it. It never touches the network, so both clients hold the same conversations.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import quote

import httpx

from deepfake_detector.client.answers import Accepted, Health, Report, Status
from deepfake_detector.client.errors import AnalysisFailed, APIError, NoAnswer, ServerBusy

ANALYSES = "/api/v1/analyses"
LEAST_PAUSE = 0.2  # s; whatever a server says, it is not asked without end
POLL = 1.0  # s between two questions where the server names no other time


@dataclass(frozen=True, slots=True)
class Ask:
    """A request; `file` is sent as the form field of that name."""

    method: str
    address: str
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


OnStatus = Callable[[Status], None]
Answer = TypeVar("Answer")
# What is thrown into it instead of a response is a NoAnswer.
Conversation = Generator[Ask | Pause, httpx.Response | None, Answer]


@dataclass(frozen=True, slots=True)
class Conversations:
    """All that can be said to a server.

    Attributes:
        patience: seconds for which a busy server is asked again, and one that has gone away while
            a file of ours is in its queue.
    """

    patience: float

    def analyse(self, file: Path, on_status: OnStatus | None) -> Conversation[Report]:
        """Have a file analysed, from its upload to its report."""
        status = yield from self.submit(file)
        return (yield from self.wait(status["id"], on_status))

    def submit(self, file: Path) -> Conversation[Status]:
        """Put a file into the queue."""
        response = yield from self._ask(Ask("POST", ANALYSES, file))
        accepted = cast(Accepted, _read(response))
        return cast(Status, accepted["analyses"][0])  # of one file that was refused: an error

    def wait(self, id: str, on_status: OnStatus | None) -> Conversation[Report]:
        """Ask how an analysis stands until it is done."""
        while True:
            response = yield from self._ask(Ask("GET", _address(id)), outlast=True)
            answer = _read(response)
            if answer["state"] == "done":
                return cast(Report, answer)
            if answer["state"] == "failed":
                raise AnalysisFailed(answer["error"]["message"], answer["error"]["code"])
            if on_status is not None:
                on_status(cast(Status, answer))
            yield Pause(_retry_after(response) or POLL)

    def read(self, id: str) -> Conversation[Report | Status]:
        """Ask once how an analysis stands."""
        return cast(Report | Status, _read((yield from self._ask(Ask("GET", _address(id))))))

    def delete(self, id: str) -> Conversation[None]:
        """Have an analysis deleted."""
        yield from self._ask(Ask("DELETE", _address(id)))

    def health(self) -> Conversation[Health]:
        """Ask whether the server is ready; one that is not is an answer as well."""
        response = yield Ask("GET", "/health")
        assert response is not None
        if response.status_code not in (200, 503):
            raise refusal(response)
        return cast(Health, _read(response))

    def _ask(self, ask: Ask, outlast: bool = False) -> Conversation[httpx.Response]:
        """Ask, again and again while the server is busy.

        Args:
            outlast: also while it cannot be reached: it may have been started anew.

        Raises:
            APIError, NoAnswer: it refuses, or patience is at its end.
        """
        end = time.monotonic() + self.patience
        while True:
            try:
                response = yield ask
            except NoAnswer:
                if not outlast or time.monotonic() + POLL > end:
                    raise
                yield Pause(POLL)
                continue
            assert response is not None  # only a pause is answered by nothing
            if response.is_success:
                return response
            error = refusal(response)
            if not isinstance(error, ServerBusy) or time.monotonic() + error.retry_after > end:
                raise error
            yield Pause(error.retry_after)


def refusal(response: httpx.Response) -> APIError:
    """The error that a server, or a proxy before it, has answered with; its body was read."""
    status = response.status_code
    try:
        error = response.json()["error"]
        code, message = str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):  # a proxy's page, or the health of a full disk
        code, message = f"http_{status}", f"The server answered {status} {response.reason_phrase}."
    retry_after = _retry_after(response)
    if status in (429, 503) and retry_after is not None:
        return ServerBusy(message, code, status, retry_after)
    return APIError(message, code, status)


def _address(id: str) -> str:
    return f"{ANALYSES}/{quote(id, safe='')}"


def _read(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        raise NoAnswer(f"{response.url.host} did not answer as a deepfake detector.") from None


def _retry_after(response: httpx.Response) -> float | None:
    """The seconds that the server asks for, which proxies may say as a date."""
    said = response.headers.get("Retry-After", "")
    try:
        seconds = float(said)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):  # the second: a date without its zone
            return None
    return max(LEAST_PAUSE, seconds)
