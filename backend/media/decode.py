"""Opens uploads: has them decoded in a process, hands on its frames, trusts nothing it says."""

from __future__ import annotations

import json
import math
import select
import signal
import struct
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np

from backend.errors import (
    AppError,
    CannotDecode,
    NoVideo,
    TooLong,
    TooManyPixels,
    TooSlow,
    TypeMismatch,
    UnsupportedCodec,
)
from backend.media.process import DecoderProcess, Spare
from backend.records import Frame, Media, Upload
from backend.settings import Settings

LONG_SIDE = 4096
"""Longest side in px of a frame: larger pictures arrive shrunk to it, with averaging. `Media.width`
and `Media.height` tell the size before that."""

_PROGRAM = Path(__file__).with_name("_decoder")
_MOST_HEADER = 4096  # bytes of one JSON message
_SLOTS = 2  # pictures in the shared memory, as in `wire.py`
_SLOT = LONG_SIDE * LONG_SIDE * 3  # bytes


class Decoder:
    """Decodes uploads, each in a process of its own with limits. Thread-safe.

    Args:
        settings: limits.
        spare: keep one process started ahead of the upload that takes it.
    """

    def __init__(self, settings: Settings, spare: bool = False):
        self._settings = settings
        self._spare = Spare(_start) if spare else None
        if self._spare:
            weakref.finalize(self, self._spare.close)  # also when the interpreter ends

    @contextmanager
    def open(self, upload: Upload) -> Iterator[Clip]:
        """Start decoding; leaving the block kills the process.

        Leave in the thread that entered: the kernel ends a process together with the thread that
        started it. The clip may be iterated in another.

        Args:
            upload: what `backend.media.intake.check` returned.

        Raises:
            CannotDecode, TooSlow: while opening or later, while iterating; so may be TooManyPixels.
            NoVideo, TooLong, TooManyPixels, TypeMismatch, UnsupportedCodec: while opening.
        """
        process = self._spare.take() if self._spare else _start()
        try:
            yield Clip(process, upload, self._settings)
        finally:
            process.close()
            if self._spare:
                self._spare.renew()


def _start() -> DecoderProcess:
    return DecoderProcess(_PROGRAM, _SLOTS * _SLOT)


class Clip:
    """An open upload: `media` tells what it is; iterating it once yields its frames.

    Attributes:
        media: what the decoder found.
    """

    media: Media

    def __init__(self, process: DecoderProcess, upload: Upload, settings: Settings):
        self._process, self._upload, self._settings = process, upload, settings
        self._patience = settings.decode_timeout  # seconds left to wait for the decoder
        self._send_job()
        self.media = self._media(self._message())

    def __iter__(self) -> Iterator[Frame]:
        """Yield at most `settings.moments` frames, in order of time.

        Raises:
            CannotDecode: the rest is damaged, or the decoder died or sent nonsense.
            TooManyPixels: a later frame has more pixels than the limit.
            TooSlow: the decoder took longer than `settings.decode_timeout` in all; the time that
                the caller spends on the frames does not count.
        """
        latest = 0.0
        for index in range(self._settings.moments + 1):
            message = self._message()
            if message.get("end") is True:
                return
            shape, turn, latest = self._frame_header(message, latest)
            if index == self._settings.moments:
                break
            slot = index % _SLOTS * _SLOT
            pixels = np.frombuffer(self._process.room, np.uint8, math.prod(shape), slot)
            image = _upright(pixels.reshape(shape), turn)
            with suppress(BrokenPipeError):  # it may have sent its last picture
                self._process.stdin.write(b".")
            yield Frame(index=index, time=latest, image=image)
        raise CannotDecode

    def stop(self) -> None:
        """Kill the decoder, from any thread: whoever waits for it finds its end."""
        self._process.kill()

    def _send_job(self) -> None:
        settings = self._settings
        job = {
            "path": str(self._upload.path.absolute()),
            "format": self._upload.format,
            "kind": self._upload.kind,
            "moments": settings.moments,
            "max_pixels": settings.max_pixels,
            "max_duration": settings.max_duration,
            "long_side": LONG_SIDE,
            "memory_bytes": settings.decode_memory_mb * 1_000_000,
            "cpu_seconds": 2 * math.ceil(settings.decode_timeout) + 1,  # two threads
        }
        try:
            self._process.stdin.write(json.dumps(job).encode() + b"\n")
        except BrokenPipeError:
            raise self._death() from None

    def _message(self) -> dict:
        prefix = bytearray(4)
        self._read_into(memoryview(prefix))
        (length,) = struct.unpack(">I", prefix)
        if length > _MOST_HEADER:
            raise CannotDecode
        body = bytearray(length)
        self._read_into(memoryview(body))
        try:
            message = json.loads(body)
        except ValueError:
            raise CannotDecode from None
        if not isinstance(message, dict):
            raise CannotDecode
        if "refused" in message:
            raise self._refusal(message["refused"], message.get("detail"))
        return message

    def _read_into(self, rest: memoryview) -> None:
        """Fill `rest` from the pipe, or raise when the decoder is too slow or gone."""
        stream = self._process.stdout
        ready = select.poll()
        ready.register(stream, select.POLLIN)
        while rest:
            started = time.monotonic()
            events = ready.poll(max(0.0, self._patience) * 1000)
            self._patience -= time.monotonic() - started
            if not events:
                raise TooSlow(
                    f"Decoding took longer than {self._settings.decode_timeout:g} s "
                    "and was stopped."
                )
            count = stream.readinto(rest)
            if not count:
                raise self._death()
            rest = rest[count:]

    def _death(self) -> AppError:
        """Why the decoder ended without a word."""
        if self._process.wait() == -signal.SIGXCPU:
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
            case "pixels":
                return TooManyPixels(
                    "The picture has more pixels than the limit of "
                    f"{settings.max_pixels / 1_000_000:g} million."
                )
            case "long":
                return TooLong(f"The clip is longer than the limit of {settings.max_duration:g} s.")
            case "mismatch":
                return TypeMismatch()
            case "codec" if isinstance(detail, str) and detail.isalnum() and len(detail) <= 20:
                return UnsupportedCodec(f"The video codec {detail} is not supported.")
            case "codec":
                return UnsupportedCodec()
        return CannotDecode()

    def _media(self, message: dict) -> Media:
        """Check the decoder's facts: it read hostile bytes and may no longer be itself."""
        facts = message.get("media")
        if not isinstance(facts, dict) or set(facts) != set(Media.__slots__):
            raise CannotDecode
        codec, frames = facts["codec"], facts["frames"]
        sizes = facts["width"], facts["height"]
        sound = (
            facts["type"] in ("image", "video")
            and facts["format"] == self._upload.format
            and isinstance(codec, str)
            and codec.isalnum()
            and len(codec) <= 20
            and all(_is_count(size, most=1_000_000) for size in sizes)
            and (frames is None or _is_count(frames, most=1_000_000))
            and all(_is_time(facts[name], 1e9) for name in ("duration", "fps") if facts[name])
        )
        if not sound:
            raise CannotDecode
        return Media(**facts)

    def _frame_header(self, message: dict, earliest: float):
        """(height, width, 3) as stored, how to turn the picture, and its time in seconds."""
        sides, turn, moment = (message.get(key) for key in ("frame", "turn", "time"))
        if (
            not isinstance(sides, list)
            or len(sides) != 2
            or not all(_is_count(side, most=LONG_SIDE) for side in sides)
            or not isinstance(turn, list)
            or len(turn) != 3
            or not all(type(step) is bool for step in turn)
            or not _is_time(moment, self._settings.max_duration)
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


def _is_count(value: object, most: int) -> bool:
    return type(value) is int and 1 <= value <= most


def _is_time(value: object, most: float) -> bool:
    return type(value) in (int, float) and 0 <= value <= most
