"""Starts and ends decoder processes: one for each upload, and one ahead of need."""

from __future__ import annotations

import fcntl
import mmap
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


class DecoderProcess:
    """A process that decodes one upload, and the memory that it shares with this one.

    It dies with the thread that starts it, and with this process in any case: its stdin ends then.

    Args:
        program: what it runs, a folder or file of Python.
        size: bytes of shared memory; pages are taken only when they are written.

    Attributes:
        room: the shared memory, read-only here.
        stdin, stdout: unbuffered.
    """

    def __init__(self, program: Path, size: int):
        shared = os.memfd_create("frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(shared, size)
            # Were it cut short by the process, reading it here would be a fatal fault.
            seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
            fcntl.fcntl(shared, fcntl.F_ADD_SEALS, seals)
            self.room = mmap.mmap(shared, size, prot=mmap.PROT_READ)
            self._process = subprocess.Popen(
                # -S: no site-packages start-up code; the packages are found through PYTHONPATH.
                [sys.executable, "-S", "-B", str(program), str(os.getpid()), str(shared)],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=_environment(),
                pass_fds=(shared,),
                start_new_session=True,
            )
        finally:
            os.close(shared)
        self.stdin, self.stdout = self._process.stdin, self._process.stdout
        self.wait = self._process.wait

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End it, from any thread."""
        with suppress(ProcessLookupError):
            if self._process.returncode is None:  # not reaped, so the group is still this one
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End it, wait until it has ended, and close its pipes."""
        self.kill()
        self._process.wait()
        self.stdin.close()
        self.stdout.close()


class Spare:
    """Keeps one process started whose libraries are loaded, so that an upload need not wait.

    A thread of its own starts them, because they die with the thread that does. Thread-safe.

    Args:
        start: starts a process.
    """

    def __init__(self, start: Callable[[], DecoderProcess]):
        self._start = start
        self._owner = os.getpid()
        self._changed = threading.Condition()
        self._wanted, self._closed = True, False
        self._ready: DecoderProcess | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def take(self) -> DecoderProcess:
        """Hand out the spare, or a new process where there is none; it is the caller's to close."""
        if os.getpid() != self._owner:  # after a fork spare and thread are the other process's
            return self._start()
        with self._changed:
            self._changed.wait_for(lambda: not self._wanted)  # one that is being started counts
            process, self._ready = self._ready, None
        if process is not None and process.alive:
            return process
        if process is not None:
            process.close()
        return self._start()

    def renew(self) -> None:
        """Start a spare where there is none. Called after an upload, not to slow it down."""
        with self._changed:
            self._wanted = self._ready is None and not self._closed
            self._changed.notify_all()

    def close(self) -> None:
        """End the thread and the spare."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted or self._closed)
                if self._closed:
                    break
            try:
                process = self._start()
            except OSError:  # no memory or processes left: the upload will find out and say so
                process = None
            with self._changed:
                self._ready, self._wanted = process, False
                self._changed.notify_all()
        with self._changed:
            process, self._ready, self._wanted = self._ready, None, False
            self._changed.notify_all()
        if process is not None:
            process.close()


def _environment() -> dict[str, str]:
    """What the program needs and nothing else: no secrets of the server, one thread pool less."""
    packages = os.pathsep.join(os.path.abspath(entry) for entry in sys.path if entry)
    return {"PYTHONPATH": packages, "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
