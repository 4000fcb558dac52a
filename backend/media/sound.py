"""Has the sound of an upload decoded in a process of its own, beside that of its pictures."""

from __future__ import annotations

import numpy as np

from backend.errors import CannotDecode
from backend.media.channel import is_count
from backend.media.checks import file_facts
from backend.media.side_job import SideJob
from backend.records.media import FileFacts
from backend.records.sound import RATE, Waveform

_MARGIN = 1.0  # s of sound that a clip of the longest length may have beyond its pictures


class SoundReader(SideJob):
    """Reads the sound of one upload, once."""

    def read(self) -> tuple[Waveform, FileFacts]:
        """The sound, and what was found beside it.

        Of a clip it begins with the first picture, so that times of both are the same.

        Raises:
            NoSound: there is none.
            CannotDecode, TooLong, TooSlow, TypeMismatch, UnsupportedCodec: it cannot be had.
            AppError, OSError: no process could be started, or the one that forks them ended.
        """
        room = 4 * int((self.settings.max_duration + _MARGIN) * RATE)
        with self.answer("sound", room) as (message, memory):
            facts = file_facts(
                {"gap": None, "bits_per_pixel": None, "jpeg_quality": None} | message
            )
            return _waveform(message.get("sound"), memory), facts


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
