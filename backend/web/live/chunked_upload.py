"""A file that arrives in pieces over a live connection."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from pathlib import Path

from backend.errors import BadRequest, StorageFull, TooLarge, UploadStalled
from backend.storage.store import Storage
from backend.web.uploads import label_of

CHUNK = 256 * 1024
"""Most bytes of one piece."""


class ChunkedUpload:
    """Receives one file in `uploads/.incoming`; whoever gives up on it calls `discard`.

    Args:
        storage: where the bytes go.
        label: the user's own name for the file.
        size: bytes that are announced.
        megabytes: the limit, of 1,000,000 bytes.
        seconds: that the whole file may take.

    Raises:
        TooLarge: more is announced than the limit.
    """

    def __init__(self, storage: Storage, label: str, size: int, megabytes: int, seconds: float):
        if size > megabytes * 1_000_000:
            raise TooLarge(f"The file is larger than the limit of {megabytes} MB.")
        self.id = secrets.token_urlsafe(8)
        self.label = label_of(label)
        self._storage = storage
        self._size, self._received, self._next = size, 0, 0
        self._end = time.monotonic() + seconds
        self._file = storage.receive()

    def add(self, index: int, data: bytes) -> int:
        """Write the next piece.

        Returns:
            How many bytes have arrived.

        Raises:
            BadRequest: it is not the next one, too long, or there is more than was announced.
            UploadStalled: the file takes too long.
        """
        if self.is_late:
            raise UploadStalled()
        if index != self._next:
            raise BadRequest(f"Expected piece {self._next} of the file. Received: piece {index}.")
        if len(data) > CHUNK:
            raise BadRequest(f"A piece may have {CHUNK} bytes. Received: {len(data)}.")
        if self._received + len(data) > self._size:
            raise BadRequest(f"The file is longer than the {self._size} bytes announced.")
        try:
            self._file.write(data)
        except OSError:
            raise StorageFull() from None
        self._received += len(data)
        self._next += 1
        return self._received

    @property
    def is_late(self) -> bool:
        """Whether the file has taken too long."""
        return time.monotonic() > self._end

    def finish(self) -> Path:
        """The path of the whole file; raises BadRequest while something is missing."""
        if self._received != self._size:
            raise BadRequest(f"Only {self._received} of {self._size} bytes have arrived.")
        try:
            self._file.close()  # flushed: other processes read the file from here on
        except OSError:
            raise StorageFull() from None
        return Path(self._file.name)

    def discard(self) -> None:
        """Delete what has arrived, if nobody else has taken it."""
        with suppress(OSError):  # the disk is full: what was buffered cannot be written
            self._file.close()
        self._storage.discard(Path(self._file.name))
