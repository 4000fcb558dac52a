"""Fakes made of real voices: taken apart and drawn anew, as synthesisers do at their end."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pyworld
from scipy import signal
from scipy.linalg import solve_toeplitz

from backend.audio.windows import filterbank
from backend.records.sound import RATE
from backend.training.augment import fargan

Rng = np.random.Generator
NYQUIST = RATE / 2


def stft(wave: np.ndarray, size: int, hop: int) -> np.ndarray:
    """Complex spectra, shape (size / 2 + 1, frames), of a periodic Hann window."""
    return signal.stft(
        wave, RATE, signal.windows.hann(size, sym=False), size, size - hop, padded=True
    )[2]


def istft(spectra: np.ndarray, size: int, hop: int, length: int) -> np.ndarray:
    """The waveform of `stft`, float32 (length,)."""
    wave = signal.istft(
        spectra, RATE, signal.windows.hann(size, sym=False), size, size - hop
    )[1]  # fmt: skip
    return np.resize(np.pad(wave, (0, max(0, length - len(wave))))[:length], length)


def griffin_lim(magnitude: np.ndarray, size: int, hop: int, length: int, turns: int, rng: Rng):
    """A waveform with about these magnitudes (Griffin and Lim, 1984; Perraudin et al., 2013)."""
    phase = np.exp(2j * np.pi * rng.random(magnitude.shape))
    before = 0
    for _ in range(turns):
        wave = istft(magnitude * phase, size, hop, length)
        now = stft(wave, size, hop)[:, : magnitude.shape[1]]
        step = now + 0.9 * (now - before)
        before, phase = now, step / np.maximum(np.abs(step), 1e-9)
    return istft(magnitude * phase, size, hop, length)


@cache
def _bank(bands: int, size: int, top: float) -> tuple[np.ndarray, np.ndarray]:
    bank = filterbank(bands, size, 0, top)
    return bank, np.linalg.pinv(bank)


def mel_inverted(wave: np.ndarray, rng: Rng) -> np.ndarray:
    """Through a mel spectrogram of random resolution and back by Griffin-Lim."""
    size = int(rng.choice([512, 1024, 1024, 2048]))
    hop = size // 4
    bands = int(rng.choice([40, 64, 80, 80, 100, 128]))
    top = float(rng.choice([NYQUIST, NYQUIST, 7600, 7000]))
    bank, inverse = _bank(bands, size, top)
    rough = np.maximum(inverse @ (bank @ np.abs(stft(wave, size, hop))), 1e-8)
    return griffin_lim(rough, size, hop, len(wave), int(rng.integers(4, 50)), rng)


def world(wave: np.ndarray, rng: Rng) -> np.ndarray:
    """Through the vocoder WORLD (Morise et al., 2016), with small changes of voice and pace."""
    double = wave.astype(np.float64)
    period = float(rng.choice([5.0, 5.0, 10.0]))
    rough, times = pyworld.dio(double, RATE, frame_period=period)
    pitch = pyworld.stonemask(double, rough, times, RATE)
    envelope = pyworld.cheaptrick(double, pitch, times, RATE)
    noise = pyworld.d4c(double, pitch, times, RATE)
    if rng.random() < 0.6:  # the pitch, moved and flattened
        voiced = pitch > 0
        if voiced.any():
            middle = np.exp(np.log(pitch[voiced]).mean())
            moved = middle * (pitch[voiced] / middle) ** rng.uniform(0.3, 1.2)
            pitch[voiced] = moved * 2 ** rng.uniform(-0.4, 0.4)
    if rng.random() < 0.5:  # the vocal tract, longer or shorter
        bins = np.arange(envelope.shape[1])
        warped = np.clip(bins * 2 ** rng.uniform(-0.25, 0.25), 0, bins[-1])
        envelope = np.stack([np.interp(warped, bins, row) for row in envelope])
    if rng.random() < 0.5:  # too smooth, as an acoustic model's
        order = int(rng.integers(24, 60))
        coded = pyworld.code_spectral_envelope(envelope, RATE, order)
        envelope = pyworld.decode_spectral_envelope(
            coded, RATE, pyworld.get_cheaptrick_fft_size(RATE)
        )
    if rng.random() < 0.3:
        noise = np.clip(noise * rng.uniform(0.3, 1.0), 1e-6, 1 - 1e-6)
    if rng.random() < 0.3:  # another pace
        places = np.arange(0, len(pitch), rng.uniform(0.8, 1.25)).astype(int)
        pitch, envelope, noise = (v[places] for v in (pitch, envelope, noise))
    arrays = (np.ascontiguousarray(v) for v in (pitch, envelope, noise))
    return pyworld.synthesize(*arrays, RATE, period).astype(np.float32)


def rephased(wave: np.ndarray, rng: Rng) -> np.ndarray:
    """The true magnitudes with phases that are partly lost, in all bands or in the upper ones."""
    size = int(rng.choice([256, 512, 1024]))
    spectra = stft(wave, size, size // 4)
    magnitude, phase = np.abs(spectra), np.angle(spectra)
    start = int(rng.choice([0, 0, 0.1, 0.25]) * len(phase))
    way = rng.integers(3)
    if way == 0:
        phase[start:] += rng.normal(0, rng.uniform(0.4, 2.0), phase[start:].shape)
    elif way == 1:
        steps = rng.integers(2, 6)
        phase[start:] = np.round(phase[start:] * steps / np.pi) * np.pi / steps
    else:
        return griffin_lim(magnitude, size, size // 4, len(wave), int(rng.integers(1, 12)), rng)
    return istft(magnitude * np.exp(1j * phase), size, size // 4, len(wave))


def smoothed(wave: np.ndarray, rng: Rng) -> np.ndarray:
    """Magnitudes blurred over time or frequency, as an acoustic model draws them."""
    size = int(rng.choice([512, 1024]))
    spectra = stft(wave, size, size // 4)
    wide, long = rng.choice([1, 3, 5, 7]), rng.choice([1, 3, 5])
    wide = 5 if wide * long == 1 else wide
    magnitude = np.log(np.abs(spectra) + 1e-6)
    kernel = np.outer(np.hanning(wide + 2)[1:-1], np.hanning(long + 2)[1:-1])
    blurred = signal.convolve2d(magnitude, kernel / kernel.sum(), "same", "symm")
    share = rng.uniform(0.6, 1.0)
    target = np.exp(share * blurred + (1 - share) * magnitude)
    if rng.random() < 0.5:
        return griffin_lim(target, size, size // 4, len(wave), int(rng.integers(4, 32)), rng)
    return istft(target * np.exp(1j * np.angle(spectra)), size, size // 4, len(wave))


def upsampled(wave: np.ndarray, rng: Rng) -> np.ndarray:
    """Drawn at a lower rate and brought up badly: mirrored bands and the grid of the upsampling.

    What transposed convolutions leave (Pons et al., "Upsampling artifacts", 2021).
    """
    factor = int(rng.choice([2, 2, 4]))
    low = signal.resample_poly(wave, 1, factor)
    if rng.random() < 0.5:
        stuffed = np.repeat(low, factor)[: len(wave)]  # the nearest neighbour
    else:
        stuffed = np.zeros(len(low) * factor, np.float32)
        stuffed[::factor] = low
        kernel = rng.normal(0, 0.3, 2 * factor + 1) + np.hanning(2 * factor + 3)[1:-1]
        stuffed = np.convolve(stuffed, kernel / kernel.sum() * factor, "same")
    stuffed = np.pad(stuffed, (0, max(0, len(wave) - len(stuffed))))[: len(wave)]
    upper = signal.sosfilt(
        signal.butter(6, NYQUIST / factor * 0.95, "high", fs=RATE, output="sos"), stuffed
    )
    lower = wave if rng.random() < 0.5 else signal.resample_poly(low, factor, 1)[: len(wave)]
    made = np.pad(lower, (0, len(wave) - len(lower))) + upper * rng.uniform(0.2, 1.0)
    if rng.random() < 0.6:  # tones of the grid, as loud as the voice is
        loud = signal.filtfilt([0.01], [1, -0.99], np.abs(wave))
        grid = RATE / int(rng.choice([4, 5, 8, 10, 16]))
        times = np.arange(len(wave)) / RATE
        for tone in np.arange(grid, NYQUIST, grid):
            made = made + rng.uniform(0.002, 0.03) * loud * np.sin(2 * np.pi * tone * times)
    return made


def banded(wave: np.ndarray, rng: Rng) -> np.ndarray:
    """The upper band replaced: by a copy of the lower, or by noise of its envelope."""
    size = 512
    spectra = stft(wave, size, 128)
    cut = int(rng.uniform(2500, 5500) / NYQUIST * (len(spectra) - 1))
    upper = spectra[cut:]
    way = rng.integers(3)
    if way == 0:
        source = spectra[cut - len(upper) : cut] if cut >= len(upper) else np.resize(
            spectra[:cut], upper.shape
        )  # fmt: skip
    else:
        source = rng.normal(size=upper.shape) + 1j * rng.normal(size=upper.shape)
    bands = max(1, int(rng.integers(2, 8)))
    shaped = np.empty_like(upper)
    for rows in np.array_split(np.arange(len(upper)), bands):
        energy = np.sqrt((np.abs(upper[rows]) ** 2).mean(0))
        own = np.sqrt((np.abs(source[rows]) ** 2).mean(0)) + 1e-9
        shaped[rows] = source[rows] / own * energy
    spectra = np.concatenate([spectra[:cut], shaped * rng.uniform(0.5, 1.2)])
    return istft(spectra, size, 128, len(wave))


def predicted(wave: np.ndarray, rng: Rng) -> np.ndarray:
    """Linear prediction with another excitation: pulses and noise, or a coarse residual."""
    order, size, hop = int(rng.integers(14, 24)), 480, 240
    window = signal.windows.hann(size, sym=False)
    pitch, times = pyworld.dio(wave.astype(np.float64), RATE, frame_period=1000 * hop / RATE)
    made = np.zeros(len(wave) + size)
    way, since = rng.integers(3), 0.0
    levels = float(rng.uniform(1.5, 6))
    for number, start in enumerate(range(0, len(wave) - size, hop)):
        frame = wave[start : start + size] * window
        power = signal.correlate(frame, frame, method="fft")[size - 1 : size + order]
        power[0] = power[0] * 1.0001 + 1e-7
        taps = np.concatenate([[1.0], -solve_toeplitz(power[:-1], power[1:])])
        residual = signal.lfilter(taps, [1.0], frame)
        loud = np.sqrt((residual**2).mean()) + 1e-9
        if way == 0:
            excited = np.round(residual / loud * levels) / levels * loud
        else:
            tone = pitch[min(number, len(pitch) - 1)]
            excited = rng.normal(size=size)
            if tone > 0:
                pulses, gap = np.zeros(size), RATE / tone
                pulses[(np.arange(since % gap, size, gap)).astype(int)] = np.sqrt(gap)
                since = (since % gap) - hop
                excited = pulses + (0.3 if way == 1 else 0.05) * excited
            excited = excited * window
            excited *= loud / (np.sqrt((excited**2).mean()) + 1e-9)
        made[start : start + size] += signal.lfilter([1.0], taps, excited)
    return made[: len(wave)]


def stretched(wave: np.ndarray, rng: Rng) -> np.ndarray:
    """Another pace or pitch by a phase vocoder (Flanagan and Golden, 1966)."""
    size, hop = 1024, 256
    spectra = stft(wave, size, hop)
    pace = float(rng.choice([rng.uniform(0.75, 0.92), rng.uniform(1.08, 1.3)]))
    positions = np.arange(0, spectra.shape[1] - 1, pace)
    turn = 2 * np.pi * hop * np.arange(len(spectra)) / size
    phase, frames = np.angle(spectra[:, 0]), []
    for place in positions:
        at, share = int(place), place % 1
        one, two = spectra[:, at], spectra[:, at + 1]
        frames.append(((1 - share) * np.abs(one) + share * np.abs(two)) * np.exp(1j * phase))
        gap = np.angle(two) - np.angle(one) - turn
        phase = phase + turn + gap - 2 * np.pi * np.round(gap / (2 * np.pi))
    slow = istft(np.stack(frames, 1), size, hop, int(len(wave) / pace))
    return signal.resample(slow, len(wave)) if rng.random() < 0.6 else slow


WAYS: dict[str, Callable[[np.ndarray, Rng], np.ndarray]] = {
    "world": world,
    "griffin-lim": mel_inverted,
    "phase": rephased,
    "smoothed": smoothed,
    "upsampled": upsampled,
    "banded": banded,
    "predicted": predicted,
    "stretched": stretched,
    "redrawn": fargan.redraw,
    "revoiced": fargan.revoice,
}


def as_loud(made: np.ndarray, wave: np.ndarray) -> np.ndarray:
    """A fake as loud as what it was made of, float32."""
    loud = np.sqrt(np.mean(np.square(wave)) / (np.mean(np.square(made)) + 1e-12))
    return np.nan_to_num(made * loud).astype(np.float32)
