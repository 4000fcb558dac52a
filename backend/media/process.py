"""Starts and ends decoder processes, which are forked from one that has loaded its libraries."""

from __future__ import annotations

import fcntl
import mmap
import os
import signal
import socket
import subprocess
import sys
import threading
import weakref
from contextlib import ExitStack, suppress
from io import FileIO
from pathlib import Path
from typing import NamedTuple

from backend import memory

_PATIENCE = 5.0  # s for what the fork server does at once, unless it was stopped
_NO_CRASH = (-signal.SIGKILL, -signal.SIGXCPU)  # exit codes of what was ended from outside


class DecoderProcess:
    """A process that decodes one upload, and the memory that it shares with this one.

    Args:
        server: the fork server; the process ends with it, and so with this process.
        shared: descriptor of that memory, which stays the caller's.
        size: its bytes.
        pipes: (what is written to the process, what is read from it), descriptors.
        line: to the fork server, about this process alone.

    Attributes:
        room: the shared memory, read-only here.
        stdin, stdout: unbuffered.
    """

    def __init__(
        self,
        server: ForkServer,
        shared: int,
        size: int,
        pipes: tuple[int, int],
        line: socket.socket,
    ):
        self.room = mmap.mmap(shared, size, prot=mmap.PROT_READ)
        self.stdin = FileIO(pipes[0], "w")
        self.stdout = FileIO(pipes[1], "r")
        self._server, self._requests = server, server.requests
        self._line = line
        self._line.settimeout(_PATIENCE)
        self._asking = threading.Lock()
        self._code: int | None = None

    def kill(self) -> None:
        """Have it killed, and whatever it started, from any thread."""
        with suppress(OSError):  # it has ended, or was closed
            self._line.shutdown(socket.SHUT_WR)

    def wait(self) -> int | None:
        """Wait until it has ended; at most a few seconds, so `kill` it first.

        Returns:
            Its exit code, negative for a signal; None where it could not be forked, or the fork
            server ended or says nothing.
        """
        with self._asking:
            if self._code is None:
                self._code = self._ask()
            return self._code

    def _ask(self) -> int | None:
        try:
            said = self._line.recv(4)
        except TimeoutError:  # it was stopped, and nobody sees to the end of what it forked
            self._server.renew(self._requests, kill=True)
            return None
        except OSError:  # it was killed, or this is closed
            return None
        if not said:
            return None
        code = int.from_bytes(said, "big", signed=True)
        if code < 0 and code not in _NO_CRASH:
            # What crashed may have told where everything lies in memory, and all that is forked
            # from one process has it in the same places.
            self._server.renew(self._requests)
        return code

    def close(self) -> None:
        """End it, wait until it has ended, and close its pipes."""
        self.kill()
        self.wait()
        self.stdin.close()
        self.stdout.close()
        self._line.close()


class _Forking(NamedTuple):
    process: subprocess.Popen
    requests: socket.socket
    owner: int  # the process that started it


class ForkServer:
    """A process that loads the decoder's libraries once and forks one for each upload.

    What is forked has read nothing of other uploads, and starts in milliseconds. Everything lies in
    the same places of its memory, so after a crash another process forks. Thread-safe, and goes on
    working after a fork of this process. Nothing has to be closed: it ends with whoever holds it.

    Args:
        program: what it runs, a folder or file of Python; see `_decoder/forks.py`.

    Attributes:
        requests: the socket to the process that forks now.
    """

    requests: socket.socket

    def __init__(self, program: Path):
        self._program = program
        self._all: list[_Forking] = []  # the last one forks, others end with their last child
        weakref.finalize(self, _end, self._all)
        self._launch()
        self._unlock()
        _SERVERS.add(self)

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
            except (BrokenPipeError, ConnectionResetError, TimeoutError):  # killed, or stopped
                self._all[-1].process.kill()
                self._launch()
                return self._fork(size)

    def renew(self, requests: socket.socket, kill: bool = False) -> None:
        """Have another process fork from now on than the one that is asked by `requests`.

        Args:
            kill: that one, and all that it forked; else it ends with the last of them.
        """
        with self._lock:
            for one in self._all:
                if kill and one.requests is requests:
                    one.process.kill()
            if self.requests is requests:
                with suppress(OSError):  # whoever starts the next upload will find out
                    self._launch()

    def _unlock(self) -> None:
        """Begin with a lock of its own: a thread that held it may not be there after a fork."""
        self._lock = threading.Lock()

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
        requests.settimeout(_PATIENCE)
        self.requests = requests
        for former in self._all:
            former.requests.close()
        still = [former for former in self._all if former.process.poll() is None]
        self._all[:] = [*still, _Forking(process, requests, os.getpid())]

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
            socket.send_fds(self.requests, [b"+"], given)
            process = DecoderProcess(self, shared, size, (stdin, stdout), line)
            ours.pop_all()  # its own from now on
            return process


_SERVERS: weakref.WeakSet[ForkServer] = weakref.WeakSet()
os.register_at_fork(after_in_child=lambda: [server._unlock() for server in _SERVERS])


def _end(servers: list[_Forking]) -> None:
    for process, requests, owner in servers:
        requests.close()
        if os.getpid() == owner:  # after a fork it is the other process's
            process.kill()
            process.wait()


def _environment() -> dict[str, str]:
    """What the program needs and nothing else: no secrets of the server, one thread pool less.

    Memory for a frame is used again for the next one, as `backend.memory` says.
    """
    packages = os.pathsep.join(os.path.abspath(entry) for entry in sys.path if entry)
    return {
        "PYTHONPATH": packages,
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
        "MALLOC_MMAP_THRESHOLD_": str(memory.LARGEST),
        "MALLOC_TRIM_THRESHOLD_": str(memory.KEPT),
    }
