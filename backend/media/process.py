"""Starts and ends decoder processes, which are forked from one that has loaded its libraries."""

from __future__ import annotations

import fcntl
import mmap
import os
import socket
import subprocess
import sys
import threading
import weakref
from contextlib import ExitStack, suppress
from io import FileIO
from pathlib import Path


class DecoderProcess:
    """A process that decodes one upload, and the memory that it shares with this one.

    It ends with the fork server, and so with this process.

    Args:
        shared: descriptor of that memory, which stays the caller's.
        size: its bytes.
        pipes: (what is written to the process, what is read from it), descriptors.
        line: to the fork server, about this process alone.

    Attributes:
        room: the shared memory, read-only here.
        stdin, stdout: unbuffered.
    """

    def __init__(self, shared: int, size: int, pipes: tuple[int, int], line: socket.socket):
        self.room = mmap.mmap(shared, size, prot=mmap.PROT_READ)
        self.stdin = FileIO(pipes[0], "w")
        self.stdout = FileIO(pipes[1], "r")
        self._line = line
        self._code: int | None = None

    def kill(self) -> None:
        """End it and whatever it started, from any thread."""
        with suppress(OSError):  # it has ended, or was closed
            self._line.shutdown(socket.SHUT_WR)

    def wait(self) -> int | None:
        """Wait until it has ended.

        Returns:
            Its exit code, negative for a signal; None where it could not be forked, or the fork
            server ended with it.
        """
        with suppress(ConnectionResetError):
            if said := self._line.recv(4):
                self._code = int.from_bytes(said, "big", signed=True)
        return self._code

    def close(self) -> None:
        """End it, wait until it has ended, and close its pipes."""
        self.kill()
        self.wait()
        self.stdin.close()
        self.stdout.close()
        self._line.close()


class ForkServer:
    """A process that loads the decoder's libraries once and forks one for each upload.

    What is forked has read nothing of other uploads, and starts in milliseconds. Thread-safe, and
    goes on working after a fork of this process. Nothing has to be closed: it ends with whoever
    holds it.

    Args:
        program: what it runs, a folder or file of Python; see `_decoder/forks.py`.
    """

    def __init__(self, program: Path):
        self._program = program
        self._lock = threading.Lock()
        self._launch()

    def start(self, size: int) -> DecoderProcess:
        """Fork a process, which is the caller's to close.

        Args:
            size: bytes of shared memory; pages are taken only when they are written.

        Raises:
            OSError: there is no memory, or no descriptor, left.
        """
        with self._lock:
            try:
                return self._fork(size)
            except (BrokenPipeError, ConnectionResetError):  # somebody has killed it
                self._end()
                self._launch()
                return self._fork(size)

    def _launch(self) -> None:
        requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(
                # -S: no site-packages start-up code; the packages are found through PYTHONPATH.
                [sys.executable, "-S", "-B", str(self._program), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=_environment(),
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        self._requests = requests
        self._end = weakref.finalize(self, _end, process, requests, os.getpid())

    def _fork(self, size: int) -> DecoderProcess:
        with ExitStack() as theirs, ExitStack() as ours:
            shared = os.memfd_create("frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            theirs.callback(os.close, shared)
            os.ftruncate(shared, size)
            # Were it cut short by the process, reading it here would be a fatal fault.
            seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
            fcntl.fcntl(shared, fcntl.F_ADD_SEALS, seals)
            receipts, stdin = os.pipe()
            theirs.callback(os.close, receipts)
            ours.callback(os.close, stdin)
            stdout, messages = os.pipe()
            theirs.callback(os.close, messages)
            ours.callback(os.close, stdout)
            line, their_line = socket.socketpair()
            theirs.enter_context(their_line)
            ours.enter_context(line)
            given = [shared, receipts, messages, their_line.fileno()]
            socket.send_fds(self._requests, [b"+"], given)
            process = DecoderProcess(shared, size, (stdin, stdout), line)
            ours.pop_all()  # its own from now on
            return process


def _end(process: subprocess.Popen, requests: socket.socket, owner: int) -> None:
    requests.close()
    if os.getpid() == owner:  # after a fork it is the other process's
        process.kill()
        process.wait()


def _environment() -> dict[str, str]:
    """What the program needs and nothing else: no secrets of the server, one thread pool less."""
    packages = os.pathsep.join(os.path.abspath(entry) for entry in sys.path if entry)
    return {"PYTHONPATH": packages, "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
