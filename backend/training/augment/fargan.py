"""Voices through FARGAN, the neural vocoder of the Opus codec: taken apart and drawn anew.

FARGAN draws 16 kHz speech from 20 features each 10 ms (Valin et al., "Very Low Complexity Speech
Synthesis Using Framewise Autoregressive GAN (FARGAN) with Pitch Prediction", 2024). Its weights are
in Opus's source; docs/training.md says how to build the program.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from scipy import ndimage, signal

from backend.errors import SetupError

PROGRAM = "fargan_demo"
FRAME = 160  # samples of 10 ms
FEATURES = 36  # float32 a frame in the program's files, of which it draws from the first 20:
CEPSTRUM = 18  # so many coefficients, then
PITCH, VOICED = 18, 19  # the logarithm of pitch, and how periodic a frame is
LEAD = 50 * FRAME  # silence before each voice
DELAY = 240 - 5 * FRAME  # samples by which the drawn voice comes later; it eats five frames
PEAK = 0.6


def require() -> None:
    """See that the program is there.

    Raises:
        SetupError: it is not on the PATH.
    """
    if not shutil.which(PROGRAM):
        raise SetupError(
            f"The vocoder that makes fakes for training, {PROGRAM}, is not on the PATH. "
            "docs/training.md says how to build it. Without it, set vocoded = 0 in voice.toml."
        )


def redraw(wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a voice anew from its own features.

    Args:
        wave: float32 at 16 kHz, shape (N,), of any loudness.
        rng: seeded generator; this way needs none.

    Returns:
        float32, shape (N,), in step with `wave`.
    """
    return _drawn(wave, lambda features: features)


def revoice(wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a voice anew as synthesisers do: too smooth, of another pitch, on another grid.

    Args and returns as `redraw`.
    """
    percent = int(rng.integers(86, 117)) if rng.random() < 0.6 else 100  # of its speed
    made = _drawn(
        signal.resample_poly(wave, percent, 100), lambda features: _changed(features, rng)
    )
    made = signal.resample_poly(made, 100, percent)
    return np.pad(made, (0, max(0, len(wave) - len(made))))[: len(wave)].astype(np.float32)


def _changed(features: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Features (frames, FEATURES) with other ones of `CEPSTRUM`, `PITCH` and `VOICED`."""
    way = rng.random()
    if way < 0.25:  # blurred over time
        frames = int(rng.integers(2, 6))
        features[:, :CEPSTRUM] = ndimage.uniform_filter1d(features[:, :CEPSTRUM], frames, axis=0)
    if 0.15 < way < 0.4:  # and over frequency
        features[:, int(rng.integers(6, 14)) : CEPSTRUM] *= rng.uniform(0, 0.8)
    if rng.random() < 0.3:  # the pitch, moved and flattened
        features[:, PITCH] += rng.uniform(-0.35, 0.35)
        voiced = features[:, VOICED] > 0
        middle = features[voiced, PITCH].mean() if voiced.any() else 0.0
        features[:, PITCH] = middle + (features[:, PITCH] - middle) * rng.uniform(0.3, 1.2)
    if rng.random() < 0.2:
        moved = features[:, VOICED] + rng.uniform(-0.2, 0.2)
        features[:, VOICED] = np.clip(moved, -0.5, 0.5)
    return features


def _drawn(wave: np.ndarray, change) -> np.ndarray:
    loudest = np.abs(wave).max() + 1e-9
    padded = np.pad(wave / loudest * PEAK, (LEAD, 10 * FRAME))
    with tempfile.TemporaryDirectory() as place:
        sound, features = Path(place) / "sound", Path(place) / "features"
        (padded * 32767).astype("<i2").tofile(sound)
        _run("-features", sound, features)
        found = np.fromfile(features, np.float32).reshape(-1, FEATURES)
        change(found).astype(np.float32).tofile(features)
        _run("-fargan-synthesis", features, sound)
        made = np.fromfile(sound, "<i2").astype(np.float32) / 32767
    made = made[LEAD + DELAY :][: len(wave)]
    return np.pad(made, (0, len(wave) - len(made))) * loudest / PEAK


def _run(*line: str | Path) -> None:
    subprocess.run([PROGRAM, *map(str, line)], check=True, capture_output=True)
