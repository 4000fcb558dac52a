"""Decodes the pictures of a live camera as carefully as an upload, in one process for many."""

from __future__ import annotations

import struct
from contextlib import ExitStack, closing

import numpy as np

from backend.errors import AppError, TooLarge
from backend.media.channel import Link
from backend.media.decode import Decoder
from backend.settings import Settings

MOST_BYTES = 400_000
"""Bytes of one picture: a JPEG of a megapixel has 250,000."""

LIMITS = {"max_pixels": 1_000_000, "decode_timeout": 5.0}  # s for one picture; it takes 0.01
PICTURES = 500  # decoded by one process
CPU = 50  # s of processor time that it has for them; 1 MB of progressive JPEG takes 0.02


class CameraDecoder:
    """Decodes one camera's JPEG pictures, one at a time. To be used by one thread.

    A process is started for the first picture and replaced after `PICTURES` of them and after each
    that cannot be decoded.

    Args:
        decoder: starts the processes.
        settings: their limits.
    """

    def __init__(self, decoder: Decoder, settings: Settings):
        self._decoder = decoder
        self._settings = settings.model_copy(update=LIMITS)
        self._process = ExitStack()
        self._link: Link | None = None
        self._count = 0

    def decode(self, data: bytes) -> np.ndarray:
        """Decode one picture.

        Args:
            data: a JPEG.

        Returns:
            uint8 RGB, shape (height, width, 3), as an upload of the same bytes is decoded.

        Raises:
            TooLarge: it has more than `MOST_BYTES`.
            TooManyPixels: it has more pixels than `LIMITS`.
            CannotDecode, TooSlow: it is damaged, no JPEG, or made to do harm.
        """
        if len(data) > MOST_BYTES:
            raise TooLarge(f"The picture is larger than the limit of {MOST_BYTES // 1000} kB.")
        if self._count == PICTURES:
            self.close()
        try:
            link = self._link or self._start()
            link.patience = self._settings.decode_timeout
            link.send(struct.pack(">I", len(data)) + data)
            image, _ = link.picture(link.message(), self._count, 0.0)
        except AppError:
            self.close()
            raise
        self._count += 1
        return image

    def close(self) -> None:
        """End the process, if there is one; the next picture starts another."""
        self._link, self._count = None, 0
        self._process.close()

    def _start(self) -> Link:
        process = self._process.enter_context(closing(self._decoder.start()))
        self._link = Link(process, self._settings)
        self._link.send_job(kind="camera", cpu_seconds=CPU)
        return self._link
