"""What is left out of training and judged then: families of synthesisers, and real sources."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import av
import numpy as np

from backend.audio.windows import BANDS, FRAMES, SAMPLES, cut
from backend.records.sound import RATE
from backend.training.augment.sound_losses import decode
from backend.training.data.index import Row
from backend.training.data.voice_cache import Voices, Windows, joined, listen
from backend.training.data.voices import LEAST as SHORTEST
from backend.training.data.voices import families, spoken
from backend.training.fit.voice import VoiceRecipe, fit, logits
from backend.training.networks.listener import HEARD, Listener

FAMILIES = ("vocoder", "autoregressive", "diffusion")  # each is left out of one training
MOST = 4  # windows of a file, evenly spread


@dataclass(frozen=True, slots=True)
class Judged:
    """A file that a training did not see, and its logit, uncalibrated."""

    row: Row
    without: str
    logit: float


def folds(rows: Iterable[Row]) -> dict[str, str]:
    """Real source of "train" -> the training that goes without it: as many files in each."""
    counts = Counter(row.source for row in rows if not row.fake and row.split == "train")
    sizes, found = Counter(dict.fromkeys(FAMILIES, 0)), {}
    for source, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        [(smallest, _)] = sizes.most_common()[-1:]
        found[source] = smallest
        sizes[smallest] += count
    return found


def left_out(
    recipe: VoiceRecipe,
    voices: Voices,
    files: dict[str, Windows],
    rows: list[Row],
    runs: Path,
) -> list[Judged]:
    """Train without each family, and without a third of the real sources, and judge these.

    Real files of "val" are judged by all trainings: none has seen them.

    Args:
        files: windows of each, see `file_windows`.
        runs: folder that keeps the scores; the same recipe and voices are not trained twice.
    """
    place = folds(rows)
    key = sha256(f"{recipe} {[(r['file'], r['way']) for r in voices.table]}".encode())
    by_file, found = {row.file: row for row in rows}, []
    for family in FAMILIES:
        kept = runs / f"without-{family}-{key.hexdigest()[:12]}.csv"
        if not kept.is_file():
            chosen = [
                index for index, entry in enumerate(voices.table)
                if entry["split"] == "train" and family not in entry["families"].split()
                and place.get(entry["source"]) != family
            ]  # fmt: skip
            network = fit(recipe, voices, chosen)
            judged = []
            for row in rows:
                own = families(row)
                new = own[0] == family if row.fake else (
                    row.split == "val" or place.get(row.source) == family
                )  # fmt: skip
                if new and len(files[row.file].values):
                    judged.append((row.file, float(logits(network, files[row.file]).mean())))
            kept.parent.mkdir(parents=True, exist_ok=True)
            with kept.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([("file", "logit"), *judged])
        with kept.open(newline="", encoding="utf-8") as file:
            found += [Judged(by_file[each["file"]], family, float(each["logit"]))
                      for each in csv.DictReader(file)]  # fmt: skip
    return found


def file_windows(
    folder: Path, rows: list[Row], runs: Path, listener: Listener
) -> dict[str, Windows]:
    """What the network takes of whole files, as serving cuts them: file -> its windows.

    Args:
        runs: folder that keeps it for the next time.
        listener: hears them.
    """
    key = sha256("".join(row.file for row in rows).encode()).hexdigest()[:12]
    kept = runs / f"windows-{key}.npz"
    if not kept.is_file():
        none = Windows(np.zeros((0, FRAMES, BANDS), np.float16), np.zeros((0, HEARD), np.float16))
        found = [listen(own, listener) if len(own := windows_of(folder, row)) else none
                 for row in rows]  # fmt: skip
        kept.parent.mkdir(parents=True, exist_ok=True)
        counts = [len(own.values) for own in found]
        np.savez(kept, **joined(found)._asdict(), counts=counts)
    with np.load(kept) as file:
        ends = np.cumsum(file["counts"])[:-1]
        parts = (np.split(file[name], ends) for name in Windows._fields)
        return {row.file: Windows(*own) for row, *own in zip(rows, *parts, strict=True)}


def windows_of(folder: Path, row: Row) -> np.ndarray:
    """Up to `MOST` windows of a file: float32 (W, SAMPLES), W 0 where nobody speaks in it."""
    try:
        wave = spoken(decode(str(folder / row.file)))
    except (av.FFmpegError, OSError):
        return np.zeros((0, SAMPLES), np.float32)
    if len(wave) < SHORTEST * RATE:
        return np.zeros((0, SAMPLES), np.float32)
    windows = cut(wave)[1]
    return windows[np.unique(np.linspace(0, len(windows) - 1, MOST).astype(int))]
