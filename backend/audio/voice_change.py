"""Whether another voice goes on in the middle of a recording: its timbre before and after."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy import fft

from backend.audio.windows import HOP, SIZE, filterbank, spectra
from backend.records.sound import RATE, Speech

RANGES = Path(__file__).with_name("voice_change.json")
LONGEST = 300 * RATE  # samples that are compared
BANDS, COEFFICIENTS = 40, 24  # of mel, and of the cepstrum
LOUD = 35.0  # dB below the loudest frame down to which a frame counts
BLOCK = 100  # such frames in one block, a second of voice
LEAST, REACH = 3, 8  # blocks before and after a change: at least, and at most


class OneSpeaker(BaseModel):
    """`voice_change.json`, written by `python -m backend measure voice_change DATA`.

    Attributes:
        command: that made it.
        spread: of each measured property from block to block of one speaker.
        highest: change that is usual in recordings of one speaker: 99 % lie below.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: str
    spread: tuple[float, ...]
    highest: float


def read_one_speaker(path: Path = RANGES) -> OneSpeaker:
    """Read the file."""
    return OneSpeaker.model_validate_json(path.read_bytes())


def blocks(samples: np.ndarray, speech: Sequence[Speech]) -> tuple[np.ndarray, np.ndarray]:
    """The timbre of each second of voice.

    Args:
        samples: float32 mono at `RATE`, shape (n,).
        speech: where somebody speaks.

    Returns:
        (float64, shape (blocks, 2 * (`COEFFICIENTS` - 1)): mean and deviation of each cepstral
        coefficient; float64, shape (blocks,): seconds at which each begins).
    """
    powers, times, left = [], [], LONGEST
    for each in speech:
        first = int(each.start * RATE)
        wave = samples[first : min(int(each.end * RATE), first + left)]
        wave = wave[: len(wave) // HOP * HOP]
        left -= len(wave)
        if len(wave) >= SIZE:
            powers.append(spectra(wave[None])[0])
            times.append((first + HOP * np.arange(len(powers[-1]))) / RATE)
    if not powers:
        return np.zeros((0, 2 * (COEFFICIENTS - 1))), np.zeros(0)
    power, time = np.concatenate(powers), np.concatenate(times)
    level = 10 * np.log10(power.sum(1) + 1e-10)
    loud = level > level.max() - LOUD
    mel = np.log(power[loud] @ filterbank(BANDS, SIZE, 80, 7600).T + 1e-10)
    cepstrum = fft.dct(mel, norm="ortho")[:, 1:COEFFICIENTS].astype(np.float64)
    count = len(cepstrum) // BLOCK
    each = cepstrum[: count * BLOCK].reshape(count, BLOCK, COEFFICIENTS - 1)
    return np.concatenate([each.mean(1), each.std(1)], axis=1), time[loud][: count * BLOCK : BLOCK]


def largest_change(timbre: np.ndarray, spread: np.ndarray) -> tuple[float, int] | None:
    """Where the timbre differs most before and after, and by how much.

    Args:
        timbre: of `blocks`.
        spread: see `OneSpeaker`.

    Returns:
        (the distance of the two means, in what they would differ by at random; the block with which
        the later one begins); None of too few blocks.
    """
    scaled, best = timbre / spread, None
    for place in range(LEAST, len(scaled) - LEAST + 1):
        before, after = scaled[max(0, place - REACH) : place], scaled[place : place + REACH]
        noise = np.sqrt(1 / len(before) + 1 / len(after))
        value = float(np.linalg.norm(before.mean(0) - after.mean(0)) / noise)
        if best is None or value > best[0]:
            best = value, place
    return best


def find_change(
    samples: np.ndarray, speech: Sequence[Speech], known: OneSpeaker
) -> tuple[float, float] | None:
    """How much the voice changes at most, and when, in seconds; None where too little is said."""
    timbre, times = blocks(samples, speech)
    found = largest_change(timbre, np.array(known.spread))
    return found and (found[0], float(times[found[1]]))
