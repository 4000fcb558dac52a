"""Windows of sound, and what the voice network is fed of them: one code in serving and training."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import fft

from backend.records.sound import RATE

SECONDS = 4.0  # of a window
STEP = 1.0  # s from one window to the next
SAMPLES = int(RATE * SECONDS)
SIZE, HOP = 512, 160  # samples of a spectrum, and from one to the next
WHISPER_SIZE = 400
HANN = np.hanning(SIZE).astype(np.float32)
WHISPER_HANN = np.hanning(WHISPER_SIZE + 1)[:-1].astype(np.float32)  # of a period
BANDS = 80
FRAMES = SAMPLES // HOP
FLOOR = 1e-10  # power that silence counts as
RANGE = 80.0  # dB below the loudest cell of a window that count


def cut(wave: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All windows of a sound; one that is shorter than a window is repeated to fill one.

    Args:
        wave: float32 mono at `RATE`, shape (N,), N at least 1.

    Returns:
        (seconds at which each begins, float64 (W,); float32 (W, SAMPLES)).

    Raises:
        ValueError: there is no sound.
    """
    if not len(wave):
        raise ValueError("Expected at least one sample of sound. Received: none.")
    if len(wave) < SAMPLES:
        return np.zeros(1), np.resize(wave, (1, SAMPLES)).astype(np.float32)
    starts = np.arange(0, len(wave) - SAMPLES + 1, int(STEP * RATE))
    if starts[-1] + SAMPLES < len(wave):  # the end as well
        starts = np.append(starts, len(wave) - SAMPLES)
    return starts / RATE, np.stack([wave[s : s + SAMPLES] for s in starts]).astype(np.float32)


def features(windows: np.ndarray) -> np.ndarray:
    """What the network sees of windows: two spectrograms of each.

    The first holds bands of equal width, each about its mean over time: that mean tells of the
    microphone, and of how loud somebody speaks. The second is the one that Whisper was trained on
    (Radford et al., "Robust speech recognition via large-scale weak supervision", 2022).

    Args:
        windows: float32, shape (W, SAMPLES).

    Returns:
        float32, shape (W, FRAMES, BANDS, 2): log10 of energy, nothing further than `RANGE` below
        the loudest cell of the window; the second shifted and scaled.
    """
    energy = _log(spectra(windows), filterbank(BANDS, SIZE, 0, RATE / 2, mel=False))
    mel = _log(spectra(windows, WHISPER_HANN), whisper_filterbank())
    return np.stack([energy - energy.mean(1, keepdims=True), (mel + 4) / 4], axis=-1)


def _log(power: np.ndarray, bank: np.ndarray) -> np.ndarray:
    energy = np.log10(power @ bank.T + FLOOR)
    return np.maximum(energy, energy.max((1, 2), keepdims=True) - RANGE / 10)


@cache
def filterbank(bands: int, size: int, low: float, high: float, mel: bool = True) -> np.ndarray:
    """Triangles of equal height, evenly spaced in mel or in Hz: float32 (bands, size / 2 + 1)."""
    to = (lambda f: 2595 * np.log10(1 + f / 700)) if mel else (lambda f: f)
    back = (lambda m: 700 * (10 ** (m / 2595) - 1)) if mel else (lambda m: m)
    edges = back(np.linspace(to(low), to(high), bands + 2))
    bank, bins = _triangles(edges, size)
    for number, row in enumerate(bank):  # a triangle that lies between two bins
        if not row.any():
            row[int(np.argmin(np.abs(bins - edges[number + 1])))] = 1.0
    return bank.astype(np.float32)


@cache
def whisper_filterbank() -> np.ndarray:
    """Triangles of equal area, evenly spaced in Slaney's mel: float32 (80, WHISPER_SIZE / 2 + 1).

    That mel is linear up to 1000 Hz, then logarithmic (Slaney, "Auditory Toolbox", 1998).
    """
    knee, width, step = 1000.0, 200 / 3, np.log(6.4) / 27
    top = knee / width + np.log(RATE / 2 / knee) / step
    mel = np.linspace(0, top, BANDS + 2)
    edges = np.where(mel < knee / width, mel * width, knee * np.exp(step * (mel - knee / width)))
    bank, _ = _triangles(edges, WHISPER_SIZE)
    return (bank * 2 / (edges[2:] - edges[:-2])[:, None]).astype(np.float32)


def _triangles(edges: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Triangles of height 1 over the bins of a spectrum, and the bins' frequencies, all in Hz."""
    bins = np.arange(size // 2 + 1) * RATE / size
    left, middle, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rise, fall = (bins - left) / (middle - left), (right - bins) / (right - middle)
    return np.maximum(0, np.minimum(rise, fall)), bins


def spectra(waves: np.ndarray, window: np.ndarray = HANN) -> np.ndarray:
    """Power spectra, each centred on a multiple of `HOP`.

    Args:
        waves: float32, shape (W, N), N a multiple of `HOP`.
        window: what the samples of each are weighed by, shape (S,).

    Returns:
        float32, shape (W, N / HOP, S / 2 + 1).
    """
    size = len(window)
    reach = size // 2
    padded = np.pad(waves, ((0, 0), (reach, reach)), "reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, size, axis=1)[:, ::HOP]
    frames = frames[:, : waves.shape[1] // HOP]
    found = fft.rfft(frames * window, axis=-1)
    return (found.real**2 + found.imag**2).astype(np.float32)
