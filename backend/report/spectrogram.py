"""The picture of a recording: its pitches over time, the seconds that decide marked; pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from PIL import Image, ImageDraw

from backend.records.sound import RATE, Segment

WIDTH, WINDOW = 1200, 512  # px; samples of one spectrum, which has half as many rows and px
FRAMES = 8  # spectra that one column of px shows at most, evenly spread over its time
DEEP = 82.0  # dB below the loudest that are black
DIM = 0.6  # how bright the rest is beside the marked parts
MARK, BAR = (255, 180, 84), 9  # colour of a mark, px of its height


def spectrogram(samples: np.ndarray, segments: Sequence[Segment]) -> np.ndarray:
    """Draw it.

    Args:
        samples: float32, shape (n,), mono at `RATE`, in [-1, 1]; at least one.
        segments: to be marked, seconds.

    Returns:
        uint8 RGB, shape (`WINDOW` / 2, `WIDTH`, 3): the left edge is the first sample and the
        right one the last; the lowest row is 0 Hz, the highest half of `RATE`.
    """
    picture = _coloured(_levels(samples))
    seconds = len(samples) / RATE
    edges = [(each.start / seconds * WIDTH, each.end / seconds * WIDTH) for each in segments]
    if edges:
        shade = np.full((1, WIDTH, 1), DIM, np.float32)
        for left, right in edges:
            shade[:, max(0, round(left)) : max(1, round(right))] = 1.0
        picture = (picture * shade).astype(np.uint8)
    image = Image.fromarray(picture)
    pen = ImageDraw.Draw(image)
    for left, right in edges:
        a, b = max(0, round(left)), min(WIDTH - 1, max(round(right) - 1, round(left) + 2))
        pen.rectangle((a, 0, b, BAR), fill=MARK)
        for x in (a, b):
            pen.line((x, 0, x, picture.shape[0]), fill=MARK, width=2)
    return np.asarray(image)


def _levels(samples: np.ndarray) -> np.ndarray:
    """Loudness of each pitch at each column, 0 to 1: float32, shape (`WINDOW` / 2, `WIDTH`)."""
    step = len(samples) / WIDTH
    each = int(np.clip(step * 2 // WINDOW, 1, FRAMES))
    starts = np.arange(WIDTH * each) * (step / each) - WINDOW / 2
    padded = np.pad(samples, (WINDOW // 2, WINDOW))
    places = (starts + WINDOW // 2).astype(np.int64)
    power = np.empty((WIDTH, WINDOW // 2), np.float32)
    for first in range(0, WIDTH, 100):  # so that a long recording takes no more memory
        chosen = places[first * each : (first + 100) * each]
        frames = padded[chosen[:, None] + np.arange(WINDOW)] * _window()
        spectra = np.abs(np.fft.rfft(frames)[:, 1:]) ** 2
        power[first : first + 100] = spectra.reshape(-1, each, WINDOW // 2).mean(axis=1)
    level = 10 * np.log10(power.T[::-1] + 1e-10)
    return np.clip((level - level.max()) / DEEP + 1, 0, 1)


@cache
def _window() -> np.ndarray:
    return np.hanning(WINDOW).astype(np.float32)


def _coloured(levels: np.ndarray) -> np.ndarray:
    """Black over violet and orange to white, which also tells when printed in grey."""
    coloured = cv2.applyColorMap((255 * levels).astype(np.uint8), cv2.COLORMAP_INFERNO)
    return cv2.cvtColor(coloured, cv2.COLOR_BGR2RGB)
