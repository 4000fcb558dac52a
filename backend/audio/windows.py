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
    """What the network sees of windows: their `energies`, each band about its mean over time.

    Those means tell of the microphone, and of how loud somebody speaks.

    Args:
        windows: float32, shape (W, SAMPLES).

    Returns:
        float32, shape (W, FRAMES, BANDS): log10 of energy, nothing further than `RANGE` below the
        loudest cell of the window.
    """
    energy = energies(windows)
    energy = np.maximum(energy, energy.max((1, 2), keepdims=True) - RANGE / 10)
    return energy - energy.mean(1, keepdims=True)


def energies(waves: np.ndarray) -> np.ndarray:
    """Log10 of the energy in `BANDS` bands of equal width.

    Args:
        waves: float32, shape (W, N), N a multiple of `HOP`.

    Returns:
        float32, shape (W, N / HOP, BANDS).
    """
    bank = filterbank(BANDS, SIZE, 0, RATE / 2, mel=False)
    return np.log10(spectra(waves) @ bank.T + FLOOR)


@cache
def filterbank(bands: int, size: int, low: float, high: float, mel: bool = True) -> np.ndarray:
    """Triangles of equal height, evenly spaced in mel or in Hz: float32 (bands, size / 2 + 1)."""
    to = (lambda f: 2595 * np.log10(1 + f / 700)) if mel else (lambda f: f)
    back = (lambda m: 700 * (10 ** (m / 2595) - 1)) if mel else (lambda m: m)
    edges = back(np.linspace(to(low), to(high), bands + 2))
    bins = np.arange(size // 2 + 1) * RATE / size
    left, middle, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rise, fall = (bins - left) / (middle - left), (right - bins) / (right - middle)
    bank = np.maximum(0, np.minimum(rise, fall))
    for number, row in enumerate(bank):  # a triangle that lies between two bins
        if not row.any():
            row[int(np.argmin(np.abs(bins - edges[number + 1])))] = 1.0
    return bank.astype(np.float32)


def spectra(waves: np.ndarray) -> np.ndarray:
    """Power spectra, float32 (W, N / HOP, SIZE / 2 + 1), of `energies`."""
    reach = SIZE // 2
    padded = np.pad(waves, ((0, 0), (reach, reach)), "reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, SIZE, axis=1)[:, ::HOP]
    frames = frames[:, : waves.shape[1] // HOP]
    found = fft.rfft(frames * np.hanning(SIZE).astype(np.float32), axis=-1)
    return (found.real**2 + found.imag**2).astype(np.float32)
