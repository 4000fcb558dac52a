"""What the command `predict` shows on a terminal: a bar of its progress, and a table."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from backend.wording import ANSWERS, answer_kind, percent, side_kind, to_one

STYLES = {
    "fake": "red", "leans-fake": "yellow", "unsure": "magenta", "none": "", "leans-real": "cyan",
    "real": "green",
}  # fmt: skip
WIDE = 400  # characters: more than a row has


def bar() -> Progress:
    """The bar on stderr; nothing where stderr is not a terminal."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    return Progress(
        *columns, TimeElapsedColumn(), console=console, transient=True,
        disable=not console.is_terminal, redirect_stdout=False,
    )  # fmt: skip


def print_table(rows: list[dict]) -> None:
    """Print rows of `backend.report.build` on stdout."""
    table = Table(box=None, pad_edge=False)
    numbers = ("Odds", "Confidence", "Fake", "Faces", "Frames", "Seconds")
    for name in ("File", "Answer", "Voice", *numbers, "Models", "Why"):
        # Where the room is short, the name and the reason break; the answer stays whole.
        table.add_column(
            name,
            justify="right" if name in numbers else "left",
            overflow="fold",
            no_wrap=name not in ("File", "Models", "Why"),
        )
    for row in rows:
        error = row.get("error")
        kind = None if error else answer_kind(row)
        voice = row["audio"] and side_kind(row["audio"])
        odds = row["odds"] and to_one(row["odds"])
        table.add_row(
            Text(printable(row["path"])),
            Text(ANSWERS[kind], style=STYLES[kind]) if kind else "no answer",
            Text(ANSWERS[voice], style=STYLES[voice]) if voice else "-",
            odds or "-",
            _percent(row["confidence"]),
            _percent(row["probability_fake"]),
            _number(row["faces"]),
            _number(row["frames_analysed"]),
            f"{row['seconds']:.1f}",
            ", ".join(f"{v['name']} {_percent(v['probability_fake'])}" for v in row["models"])
            or "-",
            Text(error["message"] if error else ", ".join(row["reasons"])),
        )
    # In a file or a pipe each row is one line.
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


def _percent(value: float | None) -> str:
    return "-" if value is None else percent(value)


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)


def printable(text: str) -> str:
    """The text without what a terminal would obey and without bytes that are no UTF-8."""
    clean = text.encode("utf-8", "replace").decode()
    return "".join(letter if letter.isprintable() else "?" for letter in clean)
