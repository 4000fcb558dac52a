"""How both clients speak HTTP: addresses, keys, time limits, uploads that are never read whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import httpx

from deepfake_detector.client.answers import Report
from deepfake_detector.client.conversation import Ask
from deepfake_detector.client.errors import DetectorError, NoAnswer

AnyPath = str | os.PathLike[str]

SERVER = "http://localhost:5000"
PATIENCE = 600.0  # s
PARALLEL = 4
# Seconds without a byte. There is none for a free connection: uploads wait for each other.
TIMEOUT = httpx.Timeout(60.0, connect=10.0, pool=None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one file of many.

    Attributes:
        file: as it was given.
        report: None where there is none.
        error: why; an OSError where the file cannot be read.
    """

    file: Path
    report: Report | None = None
    error: DetectorError | OSError | None = None


class Options(TypedDict):
    base_url: str
    headers: dict[str, str]
    timeout: httpx.Timeout


def options(server: str, api_key: str | None) -> Options:
    """What an httpx client is made with."""
    headers = {"Accept": "application/json", "User-Agent": "deepfake-detector-client"}
    if api_key is not None:
        headers["X-API-Key"] = api_key
    return {"base_url": server, "headers": headers, "timeout": TIMEOUT}


@contextmanager
def request(http: httpx.Client | httpx.AsyncClient, ask: Ask) -> Iterator[httpx.Request]:
    """The request of an `Ask`. A file is open as long, and read in pieces while it is sent.

    Raises:
        OSError: the file cannot be read.
    """
    if ask.file is None:
        yield http.build_request(ask.method, ask.address)
        return
    # A name that is no UTF-8 is only a label: it is sent with question marks.
    name = ask.file.name.encode("utf-8", "replace").decode()
    with ask.file.open("rb") as stream:
        form = {"file": (name, stream, "application/octet-stream")}
        yield http.build_request(ask.method, ask.address, files=form)


def unanswered(error: httpx.RequestError) -> NoAnswer:
    """The error of a server that did not answer."""
    return NoAnswer(f"The server did not answer: {error or type(error).__name__}.")


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; renamed to it at the end, or deleted where that fails."""
    part = path.with_name(f"{path.name}.part")
    try:
        yield part
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
