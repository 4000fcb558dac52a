"""Measured properties of a voice, as older systems list them, and their usual ranges."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy import fft

from backend.audio.windows import HOP, SIZE, filterbank, spectra
from backend.records.sound import RATE, Speech

RANGES = Path(__file__).with_name("signals.json")
LONGEST = 30 * RATE  # samples that are measured
LOUD = 0.1  # of the loud frames' energy, from which on a frame counts
PITCH = (70.0, 400.0)  # Hz
VOICED = 0.6  # correlation with the period before, from which on a frame is voiced
PAUSE = (0.2, 2.0)  # s of a silence in which one breathes
CUT = 45.0  # dB below the voice, where its bandwidth ends
CONTRASTS = ((0, 500), (500, 1000), (1000, 2000), (2000, 4000), (4000, 8000))  # Hz


class UsualRange(BaseModel):
    """Between what a signal lies in real voices, and how well it separates.

    Attributes:
        low, high: of nine real files in ten.
        auc: of the signal alone, the mean over pages with real and synthetic voices; 0.5 says
            nothing.
        synthetic: the side on which synthetic voices lie.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: float
    high: float
    auc: float
    synthetic: str


class VoiceRanges(BaseModel):
    """`signals.json`, written by `python -m backend measure voice_signals DATA`.

    Attributes:
        command: that made it.
        ranges: signal -> its range, only of signals that separate anything.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: str
    ranges: dict[str, UsualRange]


def read_voice_ranges(path: Path = RANGES) -> VoiceRanges:
    """Read the file."""
    return VoiceRanges.model_validate_json(path.read_bytes())


def measure(samples: np.ndarray, speech: Sequence[Speech]) -> dict[str, float]:
    """All signals of a voice; those that its sound does not show are left out.

    Args:
        samples: float32 mono at 16 kHz, shape (n,).
        speech: where somebody speaks, at least one stretch.

    Returns:
        name -> value: "centroid" and "centroid_spread" (Hz), "rolloff" (Hz below which 85 % of the
        energy lies), "zero_crossings" (a second), "contrast" (dB between peaks and valleys of the
        spectrum), "mfcc_spread" and "mfcc_change" (mean deviation of 12 cepstral coefficients, and
        of their steps from frame to frame), "bandwidth" (Hz), "flatness" (dB), "pitch_spread"
        (semitones), "jitter" and "shimmer" (% from period to period), "pauses" (a minute),
        "pause_noise" (dB of the pauses below the voice).
    """
    first, last = int(speech[0].start * RATE), int(speech[-1].end * RATE)
    wave = samples[first : min(last, first + LONGEST)].astype(np.float32)
    wave = wave[: len(wave) // HOP * HOP]
    if len(wave) < SIZE:
        return {}
    power = spectra(wave[None])[0]
    energy = power.sum(1)
    loud = power[energy > LOUD * np.percentile(energy, 95)]
    found = _spectral(loud) | _pauses(samples, speech) | _voice(wave)
    found["zero_crossings"] = float((np.diff(np.signbit(wave)) != 0).mean() * RATE)
    return {name: float(value) for name, value in found.items() if np.isfinite(value)}


def _spectral(power: np.ndarray) -> dict[str, float]:
    hertz = np.arange(power.shape[1]) * RATE / SIZE
    share = power / (power.sum(1, keepdims=True) + 1e-12)
    centroid = share @ hertz
    rolloff = hertz[(np.cumsum(share, 1) < 0.85).sum(1).clip(0, len(hertz) - 1)]
    level = 10 * np.log10(power + 1e-10)
    contrasts = []
    for low, high in CONTRASTS:
        band = level[:, (hertz >= low) & (hertz < high)]
        contrasts.append(np.percentile(band, 90, 1) - np.percentile(band, 10, 1))
    cepstrum = fft.dct(
        np.log(power @ filterbank(40, SIZE, 0, RATE / 2).T + 1e-10), norm="ortho"
    )[:, 1:13]  # fmt: skip
    mean = 10 * np.log10(power.mean(0) + 1e-12)
    above = hertz[mean > mean.max() - CUT]
    return {
        "centroid": np.median(centroid), "centroid_spread": centroid.std(),
        "rolloff": np.median(rolloff), "contrast": np.mean(contrasts),
        "mfcc_spread": cepstrum.std(0).mean(), "mfcc_change": np.diff(cepstrum, axis=0).std(),
        "bandwidth": above.max(), "flatness": (level.mean(1) - 10 * np.log10(power.mean(1))).mean(),
    }  # fmt: skip


def _pauses(samples: np.ndarray, speech: Sequence[Speech]) -> dict[str, float]:
    gaps = [(one.end, two.start) for one, two in zip(speech, speech[1:], strict=False)]
    gaps = [gap for gap in gaps if PAUSE[0] <= gap[1] - gap[0] <= PAUSE[1]]
    minutes = (speech[-1].end - speech[0].start) / 60
    found = {"pauses": len(gaps) / minutes} if minutes > 0.1 else {}
    if gaps:
        def cut(start, end):
            return samples[int(start * RATE) : int(end * RATE)]

        quiet = np.concatenate([cut(*gap) for gap in gaps])
        voice = np.concatenate([cut(each.start, each.end) for each in speech])
        ratio = (np.mean(quiet**2) + 1e-12) / (np.mean(voice**2) + 1e-12)
        found["pause_noise"] = 10 * np.log10(ratio)
    return found


def _voice(wave: np.ndarray) -> dict[str, float]:
    """Pitch by autocorrelation (Boersma, 1993, without its path search), frame by frame."""
    size = int(2.5 * RATE / PITCH[0])
    frames = np.lib.stride_tricks.sliding_window_view(wave, size)[::HOP]
    window = np.hanning(size).astype(np.float32)
    length = 2 * size
    level = (frames - frames.mean(1, keepdims=True)) * window
    own = fft.irfft(np.abs(fft.rfft(level, length)) ** 2)
    taper = fft.irfft(np.abs(fft.rfft(window, length)) ** 2)
    low, high = int(RATE / PITCH[1]), int(RATE / PITCH[0])
    own = own[:, : high + 2] / (own[:, :1] + 1e-9) / (taper[: high + 2] / taper[0])
    best = own[:, low : high + 1].argmax(1) + low
    voiced = own[np.arange(len(own)), best] > VOICED
    left, middle, right = (own[np.arange(len(own)), best + step] for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    period = best + np.clip(0.5 * (left - right) / np.where(bend < -1e-9, bend, -1), -0.5, 0.5)
    pairs = voiced[1:] & voiced[:-1] & (np.abs(np.diff(period)) < 0.1 * period[1:])
    if pairs.sum() < 20:
        return {}
    peaks = np.abs(frames).max(1)
    mean = (period[1:] + period[:-1]) / 2
    loud = (peaks[1:] + peaks[:-1]) / 2 + 1e-9
    return {
        "pitch_spread": 12 * np.log2(RATE / period[voiced]).std(),
        "jitter": 100 * (np.abs(np.diff(period)) / mean)[pairs].mean(),
        "shimmer": 100 * (np.abs(np.diff(peaks)) / loud)[pairs].mean(),
    }
