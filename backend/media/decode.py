"""Opens uploads: starts the decoder process, hands on its frames, trusts nothing it says."""

from __future__ import annotations

import fcntl
import json
import math
import os
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

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
from backend.records import Frame, Media, Upload
from backend.settings import Settings

LONG_SIDE = 4096
"""Longest side in px of a frame: larger pictures arrive shrunk to it, with averaging. `Media.width`
and `Media.height` tell the size before that."""

_PROGRAM = Path(__file__).with_name("_decoder")
_MOST_HEADER = 4096  # bytes of one JSON message
_PIPE = 1 << 20  # bytes; the kernel's default of 64 KiB means many wake-ups a frame


class Decoder:
    """Decodes uploads, each in a process of its own with limits. Stateless and thread-safe."""

    def __init__(self, settings: Settings):
        self._settings = settings

    @contextmanager
    def open(self, upload: Upload) -> Iterator[Clip]:
        """Start decoding; leaving the block kills the process.

        Stay in one thread: the kernel ends the process together with the thread that opened it.

        Args:
            upload: what `backend.media.intake.check` returned.

        Raises:
            CannotDecode, TooSlow: while opening or later, while iterating; so may be TooManyPixels.
            NoVideo, TooLong, TooManyPixels, TypeMismatch, UnsupportedCodec: while opening.
        """
        process = subprocess.Popen(
            # -S: no site-packages start-up code; the packages are found through PYTHONPATH below.
            [sys.executable, "-S", "-B", str(_PROGRAM), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=_environment(),
            start_new_session=True,
        )
        with suppress(OSError):  # a user's share of pipe memory may be spent; smaller works too
            fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, _PIPE)
        try:
            yield Clip(process, upload, self._settings)
        finally:
            if process.returncode is None:  # not reaped, so the group is still this one
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stdin.close()
            process.stdout.close()


def _environment() -> dict[str, str]:
    """What the program needs and nothing else: no secrets of the server, one thread pool less."""
    packages = os.pathsep.join(os.path.abspath(entry) for entry in sys.path if entry)
    return {"PYTHONPATH": packages, "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


class Clip:
    """An open upload: `media` tells what it is; iterating it once yields its frames.

    Attributes:
        media: what the decoder found.
    """

    media: Media

    def __init__(self, process: subprocess.Popen, upload: Upload, settings: Settings):
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
            height, width, moment = self._frame_header(message, latest)
            if index == self._settings.moments:
                break
            image = np.empty((height, width, 3), np.uint8)
            self._read_into(memoryview(image).cast("B"))
            latest = moment
            yield Frame(index=index, time=moment, image=image)
        raise CannotDecode

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
            self._process.stdin.flush()
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
        stream = self._process.stdout.raw
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

    def _frame_header(self, message: dict, earliest: float) -> tuple[int, int, float]:
        sides, moment = message.get("frame"), message.get("time")
        if (
            not isinstance(sides, list)
            or len(sides) != 2
            or not all(_is_count(side, most=LONG_SIDE) for side in sides)
            or not _is_time(moment, self._settings.max_duration)
            or moment < earliest
        ):
            raise CannotDecode
        return sides[0], sides[1], float(moment)


def _is_count(value: object, most: int) -> bool:
    return type(value) is int and 1 <= value <= most


def _is_time(value: object, most: float) -> bool:
    return type(value) in (int, float) and 0 <= value <= most
