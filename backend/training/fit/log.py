"""What a training run says of itself: a line of progress and a CSV, one row each ten steps."""

from __future__ import annotations

import csv
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from backend.errors import SetupError
from backend.training.recipe import Mix

if TYPE_CHECKING:
    from backend.training.recipe import Recipe


class Log:
    """The log of one run.

    Args:
        path: of the CSV; rows of an interrupted run are kept up to the step it goes on from.
        first: steps done before.

    Raises:
        SetupError: the CSV cannot be written, now or later.
    """

    def __init__(self, path: Path, recipe: Recipe, first: int):
        self._path, self._recipe, self._first = path, recipe, first
        self._began = time.monotonic()
        self._losses: list[float] = []
        self._ordered: dict[str, list[bool]] = {kind: [] for kind in Mix.__slots__}
        columns = ["step", "seconds", "loss", *(f"pair_order_{kind}" for kind in Mix.__slots__)]
        rows = self._read() if first else []
        self._before = float(rows[-1][1]) if rows else 0.0
        self._write([columns, *rows], "w")

    def add(self, step: int, loss: float, logits, kinds: list[str]) -> None:
        """Take note of a step: its loss, and which pairs the logits put in the right order."""
        recipe = self._recipe
        self._losses.append(loss)
        for kind, margin in zip(kinds, logits[1::2] - logits[::2], strict=True):
            self._ordered[kind].append(bool(margin > 0))
        if step % 10 and step != recipe.last:
            return
        spent = time.monotonic() - self._began
        mean = np.mean(self._losses[-50:])
        order = [f"{np.mean(hits[-300:]):.3f}" if hits else "" for hits in self._ordered.values()]
        self._write([[step, f"{self._before + spent:.0f}", f"{mean:.4f}", *order]], "a")
        rate = (step - self._first) / spent
        print(
            f"\rstep {step}/{recipe.last}  loss {mean:.3f}  "
            f"{rate * 2 * recipe.pairs:.1f} images/s  "
            f"{(recipe.last - step) / rate / 60:.0f} min left ",
            end="",
            file=sys.stderr,
            flush=True,
        )

    def close(self) -> None:
        """End the line of progress: what is said next stands on its own."""
        print(file=sys.stderr)

    def _read(self) -> list[list[str]]:
        """The rows of the steps that are not done again."""
        if not self._path.is_file():
            return []
        with self._path.open(newline="") as file:
            rows = list(csv.reader(file))[1:]
        return [row for row in rows if int(row[0]) <= self._first]

    def _write(self, rows: list[list], mode: str) -> None:
        try:
            with self._path.open(mode, newline="") as file:
                csv.writer(file).writerows(rows)
        except OSError as error:
            raise SetupError(f"Cannot write {self._path}: {error.strerror}.") from None
