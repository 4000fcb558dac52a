"""What happens to sound on its way: codecs, telephones, rooms, noise; both labels lose alike."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from io import BytesIO

import av
import numpy as np
from scipy import signal

from backend.records.sound import RATE

Rng = np.random.Generator
Change = Callable[[np.ndarray], np.ndarray]
# Encoder -> (container, Hz that it takes).
CODECS = {
    "libmp3lame": ("mp3", 44_100), "aac": ("adts", 44_100), "libopus": ("ogg", 48_000),
    "libopencore_amrnb": ("amr", 8_000), "pcm_mulaw": ("wav", 8_000), "wmav2": ("asf", 44_100),
    "g722": ("wav", 16_000),
}  # fmt: skip


def codec(name: str, kilobits: float | None = None, rate: int | None = None) -> Change:
    """One pass through an encoder of `CODECS` and back.

    Args:
        kilobits: a second; None where the codec has but one rate.
        rate: Hz that is encoded, where not that of `CODECS`.
    """
    container, usual = CODECS[name]
    rate = rate or usual

    def change(wave):
        data = BytesIO()
        with av.open(data, "w", format=container) as out:
            stream = out.add_stream(name, rate=rate, layout="mono")
            if kilobits:
                stream.bit_rate = round(kilobits * 1000)
            resampler = av.AudioResampler(stream.format, "mono", rate, stream.frame_size or 1024)
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(wave[None], np.float32), "fltp", "mono"
            )
            frame.sample_rate = RATE
            for part in [*resampler.resample(frame), *resampler.resample(None)]:
                for packet in stream.encode(part):
                    out.mux(packet)
            for packet in stream.encode(None):
                out.mux(packet)
        data.seek(0)
        return fitted(decode(data), len(wave))

    return change


def decode(file) -> np.ndarray:
    """The first sound of a file, float32 mono at `RATE`; empty where it has none.

    Args:
        file: path, or an open binary file.

    Raises:
        av.FFmpegError: it cannot be read.
    """
    with av.open(file) as source:
        if not source.streams.audio:
            return np.zeros(0, np.float32)
        resampler = av.AudioResampler("flt", "mono", RATE)
        parts = []
        for frame in source.decode(audio=0):
            parts += resampler.resample(frame)
        parts += resampler.resample(None) if parts else []
    if not parts:
        return np.zeros(0, np.float32)
    return np.concatenate([part.to_ndarray()[0] for part in parts])


def fitted(wave: np.ndarray, length: int) -> np.ndarray:
    """Cut, or lengthened by silence, float32 (length,)."""
    return np.pad(wave[:length], (0, max(0, length - len(wave)))).astype(np.float32)


def lowpass(hertz: float) -> Change:
    """All above a frequency taken away, as resampling does."""
    filtered = signal.butter(10, min(hertz, RATE / 2 * 0.99), fs=RATE, output="sos")
    return lambda wave: signal.sosfiltfilt(filtered, wave).astype(np.float32)


def noise(wave: np.ndarray, decibels: float, rng: Rng) -> np.ndarray:
    """Noise of a random colour, so many dB below the voice."""
    shape = np.fft.rfftfreq(len(wave), 1 / RATE)
    colour = np.maximum(shape, 20) ** -rng.choice([0.0, 0.25, 0.5, 1.0])
    made = np.fft.irfft(np.fft.rfft(rng.normal(size=len(wave))) * colour, len(wave))
    return _mixed(wave, made, decibels)


def music(wave: np.ndarray, decibels: float, rng: Rng) -> np.ndarray:
    """Chords and beats, so many dB below the voice."""
    times = np.arange(len(wave)) / RATE
    made, at, beat = np.zeros(len(wave)), 0, int(rng.uniform(0.2, 0.8) * RATE)
    root = rng.uniform(80, 260)
    while at < len(wave):
        held = times[: min(2 * beat, len(wave) - at)]
        fading = np.exp(-held * rng.uniform(1, 6))
        for step in rng.choice([0, 3, 4, 5, 7, 9, 12, 16, 19], 3):
            tone = root * 2 ** (step / 12)
            for harmonic in range(1, int(rng.integers(3, 12))):
                loud = harmonic ** -rng.uniform(0.8, 1.6)
                made[at : at + len(held)] += (
                    loud * fading * np.sin(2 * np.pi * tone * harmonic * held)
                )
        if rng.random() < 0.6:
            hit = rng.normal(size=len(held)) * np.exp(-held * 60)
            made[at : at + len(held)] += hit
        at += beat
    return _mixed(wave, made, decibels)


def _mixed(wave: np.ndarray, other: np.ndarray, decibels: float) -> np.ndarray:
    ratio = np.sqrt(np.mean(wave**2) / (np.mean(other**2) + 1e-12))
    return (wave + other * ratio * 10 ** (-decibels / 20)).astype(np.float32)


def reverberated(wave: np.ndarray, seconds: float, direct: float, rng: Rng) -> np.ndarray:
    """In a room whose echo falls by 60 dB in so many seconds; `direct`: share of the direct way."""
    times = np.arange(int(seconds * RATE)) / RATE
    echo = rng.normal(size=len(times)) * np.exp(-6.9 * times / seconds)
    echo = echo / np.sqrt((echo**2).sum() + 1e-9) * np.sqrt(1 - direct)
    echo[0] += np.sqrt(direct)
    return signal.fftconvolve(wave, echo)[: len(wave)].astype(np.float32)


def equalised(wave: np.ndarray, rng: Rng) -> np.ndarray:
    """Through a microphone of another colour: a smooth random curve of up to 12 dB."""
    points = np.linspace(0, RATE / 2, 8)
    curve = 10 ** (rng.normal(0, 4, 8).clip(-12, 12) / 20)
    return signal.fftconvolve(wave, signal.firwin2(129, points, curve, fs=RATE), "same").astype(
        np.float32
    )


def _through(rng: Rng) -> Change:
    """A codec as people meet it."""
    name = rng.choice(
        ["libmp3lame", "aac", "libopus", "libopencore_amrnb", "pcm_mulaw", "wmav2", "g722"],
        p=[0.28, 0.24, 0.24, 0.06, 0.08, 0.06, 0.04],
    )
    kilobits = {
        "libmp3lame": (24, 128), "aac": (24, 128), "libopus": (10, 64),
        "libopencore_amrnb": (4.75, 12.2), "wmav2": (32, 96),
    }.get(name)  # fmt: skip
    if name == "libopencore_amrnb":
        return codec(name, rng.choice([4.75, 5.9, 6.7, 7.4, 7.95, 10.2, 12.2]))
    rate = None
    if name in ("libmp3lame", "aac", "wmav2"):
        rate = int(rng.choice([16_000, 22_050, 44_100]))
    if name == "libopus":
        rate = int(rng.choice([16_000, 24_000, 48_000]))
    return codec(name, 2 ** rng.uniform(*np.log2(kilobits)) if kilobits else None, rate)


def degraded(wave: np.ndarray, rng: Rng) -> np.ndarray:
    """A voice after a random way: room, music, noise, microphone, bandwidth, loudness, codecs.

    Args:
        wave: float32 at `RATE`, shape (N,).

    Returns:
        float32, shape (N,), at most 1 in size.
    """
    if rng.random() < 0.25:
        wave = reverberated(wave, rng.uniform(0.1, 0.7), rng.uniform(0.5, 0.95), rng)
    if rng.random() < 0.15:
        wave = music(wave, rng.uniform(8, 28), rng)
    if rng.random() < 0.4:
        wave = noise(wave, rng.uniform(10, 45), rng)
    if rng.random() < 0.4:
        wave = equalised(wave, rng)
    if rng.random() < 0.35:
        wave = lowpass(rng.choice([3400, 4000, 5500, 6500, 7000, 7500]))(wave)
    if rng.random() < 0.15:
        wave = np.tanh(wave / (np.abs(wave).max() + 1e-9) * rng.uniform(1, 4))
    wave = wave / (np.abs(wave).max() + 1e-9) * 10 ** (-rng.uniform(0, 25) / 20)
    for _ in range(int(rng.choice([0, 1, 2], p=[0.3, 0.55, 0.15]))):
        with suppress(av.FFmpegError):  # an encoder that refuses these bits at this rate
            wave = _through(rng)(wave.astype(np.float32))
    return np.clip(wave, -1, 1).astype(np.float32)
