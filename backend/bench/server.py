"""Whole requests against the real server: start, latency, throughput, memory."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from backend.bench.table import markdown, percentile
from backend.errors import SetupError
from backend.settings import ROOT

CLIENTS = (1, 2, 4, 8)
WAIT = 300  # s, for the start and for one answer
STARTS = 5  # of the server, whose median is told
WATCHED = 3  # requests a client sends while the memory is looked at
_SAMPLE = 0.05  # s between two readings of the memory


class Server:
    """A running `python -m backend serve` and what it takes.

    Attributes:
        peak, peak_decoders: largest memory seen so far while `watched`, resident of the serving
            process and the decoders' own together, MB of 1,000,000 bytes.
    """

    def __init__(self, process: subprocess.Popen, port: int):
        self._process, self._port = process, port
        self.peak = self.peak_decoders = 0.0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Read the memory meanwhile. It takes processor time from what is served."""
        over = threading.Event()
        watch = threading.Thread(target=self._sample, args=(over,), daemon=True)
        watch.start()
        try:
            yield
        finally:
            over.set()
            watch.join()

    def predict(self, path: Path) -> float:
        """Send a file; seconds until its answer is read."""
        boundary = uuid4().hex
        body = (
            (
                f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
                f'filename="{path.name}"\r\n\r\n'
            ).encode()
            + path.read_bytes()
            + f"\r\n--{boundary}--\r\n".encode()
        )
        began = time.perf_counter()
        status, answer = self.ask(
            "POST", "/predict", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        )
        if status != 200:
            raise RuntimeError(f"The server answered {status}: {answer[:200]!r}")
        return time.perf_counter() - began

    def ask(self, method: str, path: str, body: bytes = b"", headers=None) -> tuple[int, bytes]:
        """One request: (status, body)."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=WAIT)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def stop(self) -> None:
        """End it and all its processes."""
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _sample(self, over: threading.Event) -> None:
        while not over.wait(_SAMPLE):
            workers = children(self._process.pid)
            self.peak = max([self.peak, *map(_resident, workers)])
            decoders = (sum(map(_own_part, _decoders(worker))) for worker in workers)
            self.peak_decoders = max([self.peak_decoders, *decoders])


@contextmanager
def serving(folder: Path) -> Iterator[tuple[Server, float]]:
    """A server with folders of its own, and the seconds until it was ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "DEEPFAKE_PORT": str(port),
        "DEEPFAKE_UPLOADS": str(folder / "uploads"),
        "DEEPFAKE_RESULTS": str(folder / "results"),
        "DEEPFAKE_LOG_LEVEL": "ERROR",
    }
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "backend", "serve"],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    server = Server(process, port)
    try:
        while True:
            try:
                server.ask("GET", "/health")
                break
            except OSError:
                if process.poll() is not None or time.perf_counter() - began > WAIT:
                    raise SetupError("The server did not start.") from None
                time.sleep(0.02)
        yield server, time.perf_counter() - began
    finally:
        server.stop()


def measure(folder: Path, clip: Path, photo: Path, requests: int, clients=CLIENTS) -> str:
    """Markdown: start, latency and throughput at each number of clients, memory.

    Args:
        folder: for the server's files.
        clip, photo: what is sent.
        requests: a client sends; the photo is sent twice as often.
    """
    starts = [_start(folder, photo) for _ in range(STARTS)]
    with serving(folder) as (server, _):
        server.predict(photo)
        photos = [server.predict(photo) for _ in range(2 * requests)]
        server.predict(clip)
        rows = [_row("12 MP photo", 1, photos, sum(photos))]
        for count in clients:
            rows.append(_row(clip.stem, count, *_load(server, clip, count, requests)))
    peaks = []
    with serving(folder) as (server, _), server.watched():  # another: memory is seldom given back
        for name, count in ((clip, 1), (photo, 1), (clip, clients[-1])):
            _load(server, name, count, min(requests, WATCHED))
            peaks.append(server.peak)
    head = ("file", "clients", "p50 s", "p95 s", "slowest s", "files a minute")
    facts = (
        ("Start to ready", _spread([ready for ready, _ in starts])),
        ("Start to first answer (a photo)", _spread([first for _, first in starts])),
        ("Peak resident memory of the serving process, clips, 1 client", f"{peaks[0]:.0f} MB"),
        ("The same, then photos, 1 client", f"{peaks[1]:.0f} MB"),
        (f"The same, then clips again, {clients[-1]} clients", f"{peaks[2]:.0f} MB"),
        ("Peak memory of its decoders together", f"{server.peak_decoders:.0f} MB"),
    )
    return markdown(head, rows) + "\n\n" + markdown(("", ""), facts)


def _start(folder: Path, photo: Path) -> tuple[float, float]:
    """Seconds from the start of a server until it is ready, and until its first answer."""
    with serving(folder) as (server, ready):
        began = time.perf_counter()
        server.predict(photo)
        return ready, ready + time.perf_counter() - began


def _spread(seconds: list[float]) -> str:
    return f"{percentile(seconds, 0.5):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"


def _load(server: Server, clip: Path, clients: int, requests: int) -> tuple[list[float], float]:
    """Seconds of each request and of all, when so many clients send one after another."""
    times: list[float] = []

    def client() -> None:
        for _ in range(requests):
            times.append(server.predict(clip))

    threads = [threading.Thread(target=client) for _ in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(times) < clients * requests:
        raise RuntimeError("A request failed; the reason is above.")
    return times, time.perf_counter() - began


def _row(name: str, clients: int, times: list[float], seconds: float) -> tuple:
    cells = [f"{percentile(times, share):.2f}" for share in (0.5, 0.95)]
    return name, clients, *cells, f"{max(times):.2f}", f"{len(times) * 60 / seconds:.0f}"


def children(pid: int) -> list[int]:
    """The processes that a process has started and that still run."""
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").glob("*/children")
        for child in _read(task).split()
    ]


def _decoders(pid: int) -> list[int]:
    """The fork servers of a process and what they have forked."""
    return [each for server in children(pid) for each in (server, *children(server))]


def _resident(pid: int) -> float:
    """MB of 1,000,000 bytes."""
    fields = _read(Path(f"/proc/{pid}/statm")).split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6 if fields else 0.0


def _own_part(pid: int) -> float:
    """MB of 1,000,000 bytes, of each shared page its part: forked processes share most of them."""
    for line in _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def _read(path: Path) -> str:
    """The text of a file of /proc, empty where the process has ended."""
    try:
        return path.read_text()
    except OSError:
        return ""
