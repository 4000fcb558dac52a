"""What a training run says of itself: a line of progress and a CSV, one row each ten steps."""

from __future__ import annotations

import csv
import sys
import time
from collections import defaultdict, deque
from pathlib import Path

import numpy as np

from backend.errors import SetupError
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
        self._losses: deque[float] = deque(maxlen=50)
        self._ordered: dict[str, deque[bool]] = defaultdict(lambda: deque(maxlen=300))
        self._kinds = list(recipe.mix)
        columns = ["step", "seconds", "loss", *(f"pair_order_{kind}" for kind in self._kinds)]
        rows = self._read() if first else []
        self._before = float(rows[-1][1]) if rows else 0.0
        self._write([columns, *rows], "w")

    def add(self, step: int, loss: float, margins, kinds: list[str]) -> None:
        """Take note of a step.

        Args:
            loss: of the step.
            margins: by how much each pair's fake scores above its real face.
            kinds: of the pairs.
        """
        recipe = self._recipe
        self._losses.append(loss)
        for kind, margin in zip(kinds, margins, strict=True):
            self._ordered[kind].append(bool(margin > 0))
        if step % 10 and step != recipe.steps:
            return
        spent = time.monotonic() - self._began
        mean = np.mean(self._losses)
        order = [f"{np.mean(self._ordered[kind] or [np.nan]):.3f}" for kind in self._kinds]
        self._write([[step, f"{self._before + spent:.0f}", f"{mean:.4f}", *order]], "a")
        rate = (step - self._first) / spent
        print(
            f"\r{recipe.name}: step {step}/{recipe.steps}  loss {mean:.3f}  "
            f"{rate * 2 * recipe.pairs:.1f} images/s  "
            f"{(recipe.steps - step) / rate / 60:.0f} min left ",
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
