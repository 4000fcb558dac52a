"""Rounds of training voices on disk: each real stretch, a fake made of it, and the given fakes."""

from __future__ import annotations

import csv
import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from backend.audio.windows import SAMPLES, features
from backend.training.augment.sound_losses import degraded, fitted
from backend.training.augment.vocode import WAYS, as_loud
from backend.training.data.index import Row
from backend.training.data.voices import families, properties, stretches

PROCESSES = 2
VOCODER = "vocoder.pt"  # beside the rounds
MOVED = 3200  # samples by which a voice that fills no window may begin later
CLEAN = 0.2  # share of the pairs that lose nothing
SPLICED = 0.12  # share of the made fakes that are fake in a part alone
# How often each way makes a fake; "vocoder" is that of `backend.training.augment.small_vocoder`.
SHARES = {
    "vocoder": 0.3, "griffin-lim": 0.15, "world": 0.16, "phase": 0.08, "smoothed": 0.08,
    "upsampled": 0.08, "banded": 0.05, "predicted": 0.05, "stretched": 0.05,
}  # fmt: skip
FIELDS = ("file", "place", "fake", "way", "families", "source", "group", "split", "method",
          "bandwidth", "loudness", "silence")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Voices:
    """Windows of voices as the network sees them, with what is known of each.

    Attributes:
        values: float32, shape (N, VALUES), see `backend.audio.windows.features`.
        table: a row a window, by `FIELDS`, with "fake" as a bool.
    """

    values: np.ndarray
    table: list[dict]

    def __len__(self) -> int:
        return len(self.table)


def make_round(folder: Path, rows: list[Row], cache: Path, number: int) -> Path:
    """Make one round of voices, or find it made. Interrupted, it is made anew.

    Args:
        folder: of the data.
        rows: those of kind "audio".
        cache: folder of the rounds, and of the vocoder.
        number: of the round: each has other losses and other made fakes.

    Returns:
        Path of the .npy, with a .csv beside it.
    """
    key = sha256(json.dumps([row.file + row.split for row in rows]).encode()).hexdigest()[:12]
    path = cache / f"round-{number}-{key}.npy"
    if path.is_file() and path.with_suffix(".csv").is_file():
        return path
    cache.mkdir(parents=True, exist_ok=True)
    tasks = [(folder, row, cache / VOCODER, number) for row in rows]
    seen, table = [], []
    with ProcessPoolExecutor(PROCESSES, initializer=_alone) as pool:
        for made in pool.map(_voices_of, tasks, chunksize=8):
            for values, fields in made:
                seen.append(values)
                table.append(fields)
    part = path.with_suffix(".part.npy")
    np.save(part, np.stack(seen))
    with path.with_suffix(".csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(table)
    os.replace(part, path)
    return path


def _alone() -> None:
    import torch

    torch.set_num_threads(1)


def _voices_of(task: tuple[Path, Row, Path, int]) -> list[tuple[np.ndarray, dict]]:
    """All windows of one file: of a real one each stretch, and a fake made of it."""
    folder, row, vocoder, number = task
    found = []
    for place, wave in enumerate(stretches(folder, row)):
        seed = int(sha256(f"{row.file} {place} {number}".encode()).hexdigest()[:12], 16)
        known = {"file": row.file, "place": place, "source": row.source, "group": row.group,
                 "split": row.split, "method": row.method}  # fmt: skip
        own = {"fake": int(row.fake), "way": "given", "families": " ".join(families(row))}
        found.append(_seen(wave, seed, known | own))
        if not row.fake:
            rng = np.random.default_rng(seed + 1)
            way, made = fake_of(wave, rng, vocoder)
            own = {"fake": 1, "way": way, "families": "made"}
            found.append(_seen(made, seed, known | own))
    return found


def fake_of(wave: np.ndarray, rng: np.random.Generator, vocoder: Path) -> tuple[str, np.ndarray]:
    """A fake made of a real stretch: (the way, float32)."""
    there = vocoder.is_file()
    shares = {way: share for way, share in SHARES.items() if way != "vocoder" or there}
    chances = np.array(list(shares.values()))
    way = str(rng.choice(list(shares), p=chances / chances.sum()))
    if way == "vocoder":
        from backend.training.augment.small_vocoder import load, redraw

        made = redraw(load(vocoder), wave)
    else:
        made = WAYS[way](wave, rng)
    made = as_loud(made, wave)
    if rng.random() < SPLICED and abs(len(made) - len(wave)) < 800:
        made = spliced(wave, fitted(made, len(wave)), rng)
    return way, made


def spliced(wave: np.ndarray, made: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A real stretch of which more than half is replaced, with short cross-fades."""
    length = int(len(wave) * rng.uniform(0.55, 0.9))
    start = int(rng.integers(0, len(wave) - length))
    fade = np.clip(np.minimum(np.arange(length), np.arange(length)[::-1]) / 80, 0, 1)
    mixed = wave.copy()
    part = slice(start, start + length)
    mixed[part] = fade * made[part] + (1 - fade) * wave[part]
    return mixed.astype(np.float32)


def _seen(wave: np.ndarray, seed: int, known: dict) -> tuple[np.ndarray, dict]:
    """A window of what is left after a random way, the same for the same seed: (VALUES,), a row."""
    rng = np.random.default_rng(seed)
    start = int(rng.uniform(0, max(0, len(wave) - SAMPLES) + MOVED))
    wave = wave[min(start, len(wave) // 2) :]  # silence at the start is cut anywhere
    if rng.random() < CLEAN:
        wave = wave / (np.abs(wave).max() + 1e-9) * rng.uniform(0.1, 0.99)
    else:
        wave = degraded(wave, rng)
    window = np.resize(wave, (1, SAMPLES)).astype(np.float32)
    return features(window)[0], known | properties(window[0])


def read_rounds(paths: list[Path]) -> Voices:
    """Rounds from disk."""
    seen, table = [], []
    for path in paths:
        seen.append(np.load(path))
        with path.with_suffix(".csv").open(newline="", encoding="utf-8") as file:
            table += [{**row, "fake": row["fake"] == "1"} for row in csv.DictReader(file)]
    return Voices(np.concatenate(seen), table)
