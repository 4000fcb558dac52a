"""This end of the wire to a decoder process: reads what it sends, trusts nothing of it."""

from __future__ import annotations

import json
import math
import os
import select
import signal
import struct
import time
from collections.abc import Callable
from contextlib import suppress

import cv2
import numpy as np
import structlog

from backend.errors import (
    AppError,
    CannotDecode,
    NoSound,
    NoVideo,
    TooLong,
    TooManyPixels,
    TooSlow,
    TypeMismatch,
    UnsupportedCodec,
)
from backend.media.process import DecoderProcess
from backend.settings import Settings

LONG_SIDE = 4096
"""Longest side in px of a frame: larger pictures arrive shrunk to it, with averaging. `Media.width`
and `Media.height` tell the size before that."""

SLOTS = 2  # pictures in the shared memory, as in `_decoder/wire.py`
_SLOT = LONG_SIDE * LONG_SIDE * 3  # bytes
ROOM = SLOTS * _SLOT
"""Bytes of the memory shared with a decoder process."""

_MOST_MESSAGE = 1 << 18  # bytes of one JSON message: all metadata, each sign escaped
_TICK = 0.2  # s between two calls of whoever wants to be asked while the decoder is waited for

log = structlog.get_logger()


class Link:
    """Speaks with one decoder process.

    Args:
        process: it reads hostile bytes, so it may no longer be itself.
        settings: limits.
        on_wait: called a few times a second while the decoder is waited for; what it raises is
            passed on.

    Attributes:
        patience: seconds left to wait for the decoder.
    """

    def __init__(
        self,
        process: DecoderProcess,
        settings: Settings,
        on_wait: Callable[[], None] = lambda: None,
    ):
        self._process, self._settings, self._on_wait = process, settings, on_wait
        self.patience = settings.decode_timeout

    def send_job(self, **job) -> None:
        """Tell the process what to decode, and its limits; raises as `send`."""
        settings = self._settings
        limits = {
            "max_pixels": settings.max_pixels,
            "long_side": LONG_SIDE,
            "memory_bytes": settings.decode_memory_mb * 1_000_000,
            "cpu_seconds": 2 * math.ceil(settings.decode_timeout) + 1,  # two threads
        }
        self.send(json.dumps(limits | job).encode() + b"\n")

    def send(self, data: bytes) -> None:
        """Write all of `data` to the process.

        Raises:
            CannotDecode: the process died.
            TooSlow: the patience has run out.
            AppError: it could not be started, or its fork server died.
        """
        stream, rest = self._process.stdin, memoryview(data)
        os.set_blocking(stream.fileno(), False)  # it may not read, and the pipe be full
        try:
            while rest:
                self._wait(stream, select.POLLOUT)
                rest = rest[stream.write(rest) or 0 :]
        except BrokenPipeError:
            raise self._death() from None

    def message(self) -> dict:
        """The next message.

        Raises:
            CannotDecode: the process died or sent nonsense.
            TooSlow: the patience has run out.
            AppError: what the process refuses; or as `send`.
        """
        prefix = bytearray(4)
        self._read_into(memoryview(prefix))
        (length,) = struct.unpack(">I", prefix)
        if length > _MOST_MESSAGE:
            raise CannotDecode
        body = bytearray(length)
        self._read_into(memoryview(body))
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):  # the second: brackets within brackets
            raise CannotDecode from None
        if not isinstance(message, dict):
            raise CannotDecode
        if "refused" in message:
            raise self._refusal(message["refused"], message.get("detail"))
        return message

    def picture(self, message: dict, number: int, earliest: float) -> tuple[np.ndarray, float]:
        """Copy the picture that a message announces, and let the process go on.

        Args:
            message: of `message`.
            number: how many pictures came before it.
            earliest: seconds; its time must not lie before.

        Returns:
            uint8 RGB, shape (height, width, 3), and its time in seconds.
        """
        shape, turn, moment = self._frame_header(message, earliest)
        slot = number % SLOTS * _SLOT
        pixels = np.frombuffer(self._process.room, np.uint8, math.prod(shape), slot)
        image = _upright(pixels.reshape(shape), turn)
        with suppress(BrokenPipeError):  # it may have sent its last picture
            self._process.stdin.write(b".")
        return image, moment

    def _read_into(self, rest: memoryview) -> None:
        """Fill `rest` from the pipe, or raise when the decoder is too slow or gone."""
        stream = self._process.stdout
        while rest:
            self._wait(stream, select.POLLIN)
            count = stream.readinto(rest)
            if not count:
                raise self._death()
            rest = rest[count:]

    def _wait(self, stream, event: int) -> None:
        """Wait until a pipe can be read or written, as long as the patience lasts."""
        ready = select.poll()
        ready.register(stream, event)
        while True:
            started = time.monotonic()
            events = ready.poll(min(_TICK, max(0.0, self.patience)) * 1000)
            self.patience -= time.monotonic() - started
            if events:
                return
            if self.patience <= 0:
                raise TooSlow(
                    f"Decoding took longer than {self._settings.decode_timeout:g} s "
                    "and was stopped."
                )
            self._on_wait()

    def _death(self) -> AppError:
        """Why the decoder ended without a word, or closed its pipe and lives on: no more."""
        self._process.kill()
        code = self._process.wait()
        if code is None:  # it is not the file's doing
            log.error("the decoder's fork server could not fork, was killed or was stopped")
            return AppError()
        if code == -signal.SIGXCPU:
            return TooSlow("Decoding took more processor time than the limit and was stopped.")
        return CannotDecode("The decoder gave up on this file. It is damaged or made to do harm.")

    def _refusal(self, code: object, detail: object) -> AppError:
        settings = self._settings
        match code:
            case "truncated":
                return CannotDecode("The file is incomplete: its end is missing.")
            case "memory":
                return CannotDecode("Decoding this file takes more memory than the limit.")
            case "no_video":
                return NoVideo()
            case "no_sound":
                return NoSound()
            case "pixels":
                return TooManyPixels(
                    "The picture has more pixels than the limit of "
                    f"{settings.max_pixels / 1_000_000:g} million."
                )
            case "long":
                return TooLong(f"The clip is longer than the limit of {settings.max_duration:g} s.")
            case "long_sound":
                limit = f"{settings.max_duration:g} s"
                return TooLong(f"The sound is longer than the limit of {limit}.")
            case "mismatch":
                return TypeMismatch()
            case "drm":
                return UnsupportedCodec(
                    "The clip is protected by DRM: only the players that it was sold for show it."
                )
            case "codec" if isinstance(detail, str) and detail.isalnum() and len(detail) <= 20:
                return UnsupportedCodec(f"The video codec {detail} is not supported.")
            case "codec":
                return UnsupportedCodec()
            case "sound_codec":
                known = isinstance(detail, str) and detail.replace("_", "").isalnum()
                name = f" {detail}" if known and len(detail) <= 20 else ""
                return UnsupportedCodec(f"The sound codec{name} is not supported.")
            case "kind":
                return UnsupportedCodec(
                    "The picture is coded in a way that is not supported. Save it as JPEG or PNG "
                    "with 8 bits a channel, and send that."
                )
        return CannotDecode()

    def _frame_header(self, message: dict, earliest: float):
        """(height, width, 3) as stored, how to turn the picture, and its time in seconds."""
        sides, turn, moment = (message.get(key) for key in ("frame", "turn", "time"))
        if (
            not isinstance(sides, list)
            or len(sides) != 2
            or not all(is_count(side, most=LONG_SIDE) for side in sides)
            or not isinstance(turn, list)
            or len(turn) != 3
            or not all(type(step) is bool for step in turn)
            or not is_time(moment, self._settings.max_duration)
            or moment < earliest
        ):
            raise CannotDecode
        return (*sides, 3), turn, float(moment)


def _upright(pixels: np.ndarray, turn: list[bool]) -> np.ndarray:
    """A copy of a picture with its axes swapped, then mirrored left-right, then up-down."""
    swap, x, y = turn
    if not any(turn):
        return pixels.copy()  # it lies in memory that the decoder may write to
    image = cv2.transpose(pixels) if swap else pixels
    return cv2.flip(image, {(1, 0): 1, (0, 1): 0, (1, 1): -1}[x, y]) if x or y else image


def is_count(value: object, most: int) -> bool:
    """Whether a decoder's value is an integer from 1 to `most`."""
    return type(value) is int and 1 <= value <= most


def is_time(value: object, most: float) -> bool:
    """Whether a decoder's value is a number from 0 to `most`."""
    return type(value) in (int, float) and 0 <= value <= most
