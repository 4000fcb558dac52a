"""Has the sound of an upload decoded in a process of its own, beside that of its pictures."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from backend.errors import CannotDecode
from backend.media.channel import Link, is_count
from backend.media.checks import file_facts
from backend.media.decode import Decoder
from backend.media.process import DecoderProcess
from backend.records.media import FileFacts, Upload
from backend.records.sound import RATE, Waveform
from backend.settings import Settings

_MARGIN = 1.0  # s of sound that a clip of the longest length may have beyond its pictures


class SoundReader:
    """Reads the sound of one upload, once. For one thread; any may stop it.

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
        self._upload, self._decoder, self._settings = upload, decoder, settings
        self._on_wait = on_wait
        self._lock = threading.Lock()
        self._process: DecoderProcess | None = None
        self.stopped = False

    def read(self) -> tuple[Waveform, FileFacts]:
        """The sound, and what was found beside it.

        Of a clip it begins with the first picture, so that times of both are the same.

        Raises:
            NoSound: there is none.
            CannotDecode, TooLong, TooSlow, TypeMismatch, UnsupportedCodec: it cannot be had.
            AppError, OSError: no process could be started, or the one that forks them ended.
        """
        room = 4 * int((self._settings.max_duration + _MARGIN) * RATE)
        with self._lock:
            if self.stopped:
                raise CannotDecode
            self._process = self._decoder.start(room)
        try:
            link = Link(self._process, self._settings, self._on_wait)
            path = str(self._upload.path.absolute())
            link.send_job(kind="sound", path=path, format=self._upload.format)
            message = link.message()
            facts = file_facts(
                {"gap": None, "bits_per_pixel": None, "jpeg_quality": None} | message
            )
            return _waveform(message.get("sound"), self._process.room), facts
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


def _waveform(sound: object, room) -> Waveform:
    """Copy the samples; the process that wrote them read hostile bytes.

    Raises:
        CannotDecode: it does not say how many they are, or what they were.
    """
    if not isinstance(sound, dict):
        raise CannotDecode
    count, codec = sound.get("samples"), sound.get("codec")
    if (
        not is_count(count, most=len(room) // 4)
        or not is_count(sound.get("sample_rate"), most=10_000_000)
        or not is_count(sound.get("channels"), most=1000)
        or not isinstance(codec, str)
        or not codec.replace("_", "").isalnum()
        or len(codec) > 20
    ):
        raise CannotDecode
    samples = np.nan_to_num(np.frombuffer(room, np.float32, count), posinf=0.0, neginf=0.0)
    np.clip(samples, -1, 1, out=samples)
    return Waveform(samples, count / RATE, sound["sample_rate"], sound["channels"], codec)
