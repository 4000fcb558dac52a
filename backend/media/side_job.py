"""One answer about an upload from a decoder process of its own, beside the one of its pictures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from mmap import mmap

from backend.errors import CannotDecode
from backend.media.channel import Link
from backend.media.decode import Decoder
from backend.media.process import DecoderProcess
from backend.records.media import Upload
from backend.settings import Settings


class SideJob:
    """A job that ends with one answer. For one thread; any may stop it.

    Args:
        upload: passed intake.
        decoder: starts the process.
        settings: the limits.
        on_wait: called a few times a second while the process is waited for; what it raises is
            passed on.

    Attributes:
        stopped: whether nobody wants it any more.
    """

    def __init__(
        self,
        upload: Upload,
        decoder: Decoder,
        settings: Settings,
        on_wait: Callable[[], None] = lambda: None,
    ):
        self.upload, self.settings = upload, settings
        self._decoder, self._on_wait = decoder, on_wait
        self._lock = threading.Lock()
        self._process: DecoderProcess | None = None
        self.stopped = False

    @contextmanager
    def answer(self, kind: str, room: int, **limits) -> Iterator[tuple[dict, mmap]]:
        """What the process says, and the memory that it shares; leaving the block ends it.

        Args:
            kind: of the job, see `_decoder/__main__.py`.
            room: bytes of that memory.
            limits: settings that are others for this job.

        Raises:
            AppError: what the process refuses; as `Link.message`; `CannotDecode` once stopped.
            OSError: no process could be started.
        """
        with self._lock:
            if self.stopped:
                raise CannotDecode
            self._process = self._decoder.start(room)
        try:
            settings = self.settings.model_copy(update=limits)
            link = Link(self._process, settings, self._on_wait)
            path = str(self.upload.path.absolute())
            link.send_job(kind=kind, path=path, format=self.upload.format)
            yield link.message(), self._process.room
        finally:
            with self._lock:
                self._process.close()
                self._process = None  # and with it the memory that was shared

    def stop(self) -> None:
        """End it early, from any thread."""
        with self._lock:
            self.stopped = True
            if self._process:
                self._process.kill()
