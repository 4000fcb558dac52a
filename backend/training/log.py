"""What a training run says of itself: a line of progress and a CSV, one row each ten steps."""

from __future__ import annotations

import csv
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from backend.training.batches import Mix

if TYPE_CHECKING:
    from backend.training.fit import Recipe


class Log:
    """The log of one run.

    Args:
        path: of the CSV; an interrupted run is appended to.
        first: steps done before.
    """

    def __init__(self, path: Path, recipe: Recipe, first: int):
        self._path, self._recipe, self._first = path, recipe, first
        self._began = time.monotonic()
        self._losses: list[float] = []
        self._ordered: dict[str, list[bool]] = {kind: [] for kind in Mix.__slots__}
        if first == 0:
            columns = ["step", "seconds", "loss", *(f"pair_order_{kind}" for kind in Mix.__slots__)]
            self._write(columns, "w")

    def add(self, step: int, loss: float, logits, kinds: list[str]) -> None:
        """Take note of a step: its loss, and which pairs the logits put in the right order."""
        recipe = self._recipe
        self._losses.append(loss)
        for kind, margin in zip(kinds, logits[1::2] - logits[::2], strict=True):
            self._ordered[kind].append(bool(margin > 0))
        if step % 10 and step != recipe.steps:
            return
        spent = time.monotonic() - self._began
        mean = np.mean(self._losses[-50:])
        order = [f"{np.mean(hits[-300:]):.3f}" if hits else "" for hits in self._ordered.values()]
        self._write([step, f"{spent:.0f}", f"{mean:.4f}", *order], "a")
        rate = (step - self._first) / spent
        print(
            f"\rstep {step}/{recipe.steps}  loss {mean:.3f}  "
            f"{rate * 2 * recipe.pairs:.1f} images/s  "
            f"{(recipe.steps - step) / rate / 60:.0f} min left ",
            end="",
            file=sys.stderr,
            flush=True,
        )

    def _write(self, row: list, mode: str) -> None:
        with self._path.open(mode, newline="") as file:
            csv.writer(file).writerow(row)
