"""Rounds of training voices on disk: each real stretch, fakes made of it, and the given fakes."""

from __future__ import annotations

import csv
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backend.audio.windows import SAMPLES, features
from backend.training.augment import fargan
from backend.training.augment.sound_losses import degraded, fitted
from backend.training.augment.vocode import WAYS, as_loud
from backend.training.data.index import Row
from backend.training.data.voices import families, properties, stretches

if TYPE_CHECKING:
    from backend.training.networks.listener import Listener

PROCESSES = 2
CHUNK = 16  # windows that are heard at once
VOCODED = ("redrawn", "revoiced")  # ways of `WAYS` that each make a fake of every real stretch
MOVED = 3200  # samples by which a voice that fills no window may begin later
CLEAN = 0.2  # share of the pairs that lose nothing
SPLICED = 0.12  # share of the made fakes that are fake in a part alone
# How often each of the others makes one more.
SHARES = {
    "griffin-lim": 0.25, "world": 0.25, "phase": 0.1, "smoothed": 0.1, "upsampled": 0.15,
    "banded": 0.05, "predicted": 0.05, "stretched": 0.05,
}  # fmt: skip
FIELDS = ("file", "place", "fake", "way", "families", "source", "group", "split", "method",
          "bandwidth", "loudness", "silence")  # fmt: skip


class Windows(NamedTuple):
    """Windows as the network takes them in training.

    Attributes:
        values: the first spectrograms of `backend.audio.windows.features`, float16, shape
            (N, FRAMES, BANDS).
        heard: what the listener makes of the second ones, float16, shape (N, HEARD).
    """

    values: np.ndarray
    heard: np.ndarray


@dataclass(frozen=True, slots=True)
class Voices:
    """Windows of voices, with what is known of each.

    Attributes:
        windows: N of them.
        table: a row a window, by `FIELDS`, with "fake" as a bool.
    """

    windows: Windows
    table: list[dict]

    def __len__(self) -> int:
        return len(self.table)


_ears: Listener | None = None  # of a process that makes rounds


def listen(windows: np.ndarray, listener: Listener) -> Windows:
    """What a network takes of windows of sound, float32 (W, SAMPLES)."""
    import torch

    bands = features(windows)
    with torch.inference_mode():
        chunks = torch.from_numpy(bands[..., 1]).split(CHUNK)
        heard = [listener(chunk).numpy().astype(np.float16) for chunk in chunks]
    return Windows(bands[..., 0].astype(np.float16), np.concatenate(heard))


def _give_ears(listener: Listener) -> None:
    global _ears
    import torch

    torch.set_num_threads(1)  # a process for each core
    _ears = listener


def make_round(
    folder: Path, rows: list[Row], cache: Path, number: int, vocoded: bool, listener: Listener
) -> Path:
    """Make one round of voices, or find it made. Interrupted, it is made anew.

    Args:
        folder: of the data.
        rows: those of kind "audio".
        cache: folder of the rounds.
        number: of the round: each has other losses and other made fakes.
        vocoded: whether FARGAN makes fakes too.
        listener: hears the windows.

    Returns:
        Path of the .npz, with a .csv beside it.

    Raises:
        SetupError: FARGAN is missing.
    """
    key = sha256(f"{vocoded} {[(row.file, row.split) for row in rows]}".encode()).hexdigest()[:12]
    path = cache / f"round-{number}-{key}.npz"
    if path.is_file() and path.with_suffix(".csv").is_file():
        return path
    if vocoded:
        fargan.require()
    cache.mkdir(parents=True, exist_ok=True)
    tasks = [(folder, row, number, vocoded) for row in rows]
    seen, table = [], []
    # Spawned and not forked: PyTorch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, context, _give_ears, (listener,)) as pool:
        for made in pool.map(_voices_of, tasks, chunksize=8):
            for windows, fields in made:
                seen.append(windows)
                table.append(fields)
    part = path.with_suffix(".part.npz")
    np.savez(part, **joined(seen)._asdict())
    with path.with_suffix(".csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(table)
    os.replace(part, path)
    return path


def _voices_of(task: tuple[Path, Row, int, bool]) -> list[tuple[Windows, dict]]:
    """All windows of one file: of a real one each stretch, and the fakes made of it."""
    folder, row, number, vocoded = task
    found = []
    for place, wave in enumerate(stretches(folder, row)):
        seed = int(sha256(f"{row.file} {place} {number}".encode()).hexdigest()[:12], 16)
        known = {"file": row.file, "place": place, "source": row.source, "group": row.group,
                 "split": row.split, "method": row.method}  # fmt: skip
        own = {"fake": int(row.fake), "way": "given", "families": " ".join(families(row))}
        found.append(_seen(wave, seed, known | own))
        if not row.fake:
            rng = np.random.default_rng(seed + 1)
            chances = np.array(list(SHARES.values()))
            other = str(rng.choice(list(SHARES), p=chances / chances.sum()))
            for way in (other, *(VOCODED if vocoded else ())):
                own = {"fake": 1, "way": way, "families": "made"}
                found.append(_seen(fake_of(wave, way, rng), seed, known | own))
    return found


def fake_of(wave: np.ndarray, way: str, rng: np.random.Generator) -> np.ndarray:
    """A fake made of a real stretch in a way of `WAYS`, float32; some are spliced."""
    made = as_loud(WAYS[way](wave, rng), wave)
    if rng.random() < SPLICED and abs(len(made) - len(wave)) < 800:
        made = spliced(wave, fitted(made, len(wave)), rng)
    return made


def spliced(wave: np.ndarray, made: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A real stretch of which more than half is replaced, with short cross-fades."""
    length = int(len(wave) * rng.uniform(0.55, 0.9))
    start = int(rng.integers(0, len(wave) - length))
    fade = np.clip(np.minimum(np.arange(length), np.arange(length)[::-1]) / 80, 0, 1)
    mixed = wave.copy()
    part = slice(start, start + length)
    mixed[part] = fade * made[part] + (1 - fade) * wave[part]
    return mixed.astype(np.float32)


def _seen(wave: np.ndarray, seed: int, known: dict) -> tuple[Windows, dict]:
    """A window of what is left after a random way, the same for the same seed, and its row."""
    rng = np.random.default_rng(seed)
    start = int(rng.uniform(0, max(0, len(wave) - SAMPLES) + MOVED))
    wave = wave[min(start, len(wave) // 2) :]  # silence at the start is cut anywhere
    if rng.random() < CLEAN:
        wave = wave / (np.abs(wave).max() + 1e-9) * rng.uniform(0.1, 0.99)
    else:
        wave = degraded(wave, rng)
    window = np.resize(wave, (1, SAMPLES)).astype(np.float32)
    return listen(window, _ears), known | properties(window[0])


def read_rounds(paths: list[Path]) -> Voices:
    """Rounds from disk."""
    seen, table = [], []
    for path in paths:
        with np.load(path) as kept:
            seen.append(Windows(kept["values"], kept["heard"]))
        with path.with_suffix(".csv").open(newline="", encoding="utf-8") as file:
            table += [{**row, "fake": row["fake"] == "1"} for row in csv.DictReader(file)]
    return Voices(joined(seen), table)


def joined(parts: list[Windows]) -> Windows:
    """All windows of all parts."""
    return Windows(*map(np.concatenate, zip(*parts, strict=True)))
