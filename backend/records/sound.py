"""The frozen records of sound: the waveform, where somebody speaks, what was judged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.records.results import ModelCard, Verdict

RATE = 16000
"""Samples a second of every `Waveform`, Hz."""


@dataclass(frozen=True, slots=True)
class Waveform:
    """The decoded sound of a file, from its start.

    Attributes:
        samples: float32, shape (n,), mono at `RATE`, in [-1, 1].
        duration: seconds: n / RATE.
        sample_rate: of the file, Hz.
        channels: of the file.
        codec: of the file, such as "aac".
    """

    samples: np.ndarray
    duration: float
    sample_rate: int
    channels: int
    codec: str


@dataclass(frozen=True, slots=True)
class Speech:
    """A stretch in which somebody speaks: `start` and `end` in seconds from the file's start."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class VoiceWindow:
    """One window of sound that was judged.

    Attributes:
        start, end: seconds.
        logit: calibrated; positive: synthetic.
        probability: calibrated, of being synthetic, 0 to 1.
    """

    start: float
    end: float
    logit: float
    probability: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch that the answer rests on: `start` and `end` in seconds, and a sentence about it."""

    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True)
class Voice:
    """What was found in the sound of a file.

    Attributes:
        duration: seconds of sound; 0 where the file has none, or none that could be read.
        sample_rate, channels, codec: of the file; None where it has no sound that could be read.
        speech: where somebody speaks, in order.
        windows: those that were judged, in order; none where `verdict` rests on none.
        verdict: on the voice alone. Not judged, its reason is `no_sound`, `sound_damaged`,
            `sound_codec`, `silent`, `no_speech` or `too_little_speech`.
        model: the facts of the voice's model; None where nothing was judged.
        segments: what the verdict rests on, in order; none where nothing was judged.
        spectrogram: file name of its picture in the analysis folder; None without one.
    """

    duration: float
    sample_rate: int | None
    channels: int | None
    codec: str | None
    speech: tuple[Speech, ...]
    windows: tuple[VoiceWindow, ...]
    verdict: Verdict
    model: ModelCard | None = None
    segments: tuple[Segment, ...] = ()
    spectrogram: str | None = None

    @classmethod
    def unread(cls, verdict: Verdict) -> Voice:
        """That of a file whose sound could not be had, for the reason that the verdict names."""
        return cls(0.0, None, None, None, (), (), verdict)

    @property
    def speech_seconds(self) -> float:
        """How long somebody speaks, in all."""
        return sum(each.end - each.start for each in self.speech)
