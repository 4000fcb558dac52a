"""The command `predict`: judges files one after another and prints a table or JSON lines."""

from __future__ import annotations

import glob
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from backend.errors import AppError, NoSuchFile, SetupError
from backend.jobs import deadline
from backend.logs import configure_logs
from backend.media import intake
from backend.pipeline import Pipeline, build_pipeline
from backend.report import to_error_row, to_row
from backend.settings import Settings

ALL_ANSWERED, SOME_FAILED = 0, 3
STYLES = {"Real": "green", "Fake": "red", "Inconclusive": "yellow"}

log = structlog.get_logger()


def predict(settings: Settings, paths: list[str], format: str, save_frames: str | None) -> int:
    """Judge every file; results go to stdout and everything else to stderr.

    Args:
        paths: files, folders (searched for accepted files) and globs.
        format: "table" or "jsonl"; JSON lines are written as soon as they are known.
        save_frames: folder for annotated pictures, or None.

    Returns:
        0 when every file was answered, 3 when some were not.

    Raises:
        SetupError: nothing to analyse, or the installation is wrong.
    """
    configure_logs(settings)
    files = list(find_files(paths))
    if not files:
        raise SetupError("There is no file of an accepted type to analyse.")
    pictures = _make_folder(save_frames) if save_frames else None
    pipeline = build_pipeline(settings, spare=True)
    rows = []
    with _progress() as progress:
        task = progress.add_task("", total=len(files))
        for number, path in enumerate(files):
            progress.update(task, completed=number, description=_printable(path.name))

            def on_progress(stage: str, done: float, number: int = number) -> None:
                progress.update(task, completed=number + done)

            row = _judge(settings, pipeline, path, pictures, on_progress)
            rows.append(row)
            if format == "jsonl":
                print(json.dumps(row, allow_nan=False), flush=True)
        progress.update(task, completed=len(files))
    if format == "table":
        _print_table(rows)
    return ALL_ANSWERED if all(row["status"] == "success" for row in rows) else SOME_FAILED


def find_files(paths: list[str]) -> Iterator[Path]:
    """The files meant by the arguments, in their order; folders and globs sorted by name.

    A path that does not exist is passed on, to be answered by an error of its own.
    """
    for given in paths:
        path = Path(given)
        if path.is_dir():
            yield from _inside(path)
        elif path.exists() or not glob.has_magic(given):
            yield path
        else:
            found = [Path(name) for name in sorted(glob.glob(given, recursive=True))]
            yield from (file for file in found if file.is_file()) if found else [path]


def _inside(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in intake.EXTENSIONS and path.is_file()
    )


def _judge(
    settings: Settings,
    pipeline: Pipeline,
    path: Path,
    pictures: Path | None,
    on_progress: Callable[[str, float], None],
) -> dict:
    """One row. What goes wrong with one file never stops the others."""
    started = time.monotonic()
    check_time = deadline(settings.analysis_timeout)
    into = None

    def tick(stage: str, done: float) -> None:
        check_time(stage, done)
        on_progress(stage, done)

    try:
        if not path.exists():
            raise NoSuchFile()
        upload = intake.check(path, path.name, settings)
        into = _new_folder(pictures, path.stem) if pictures else None
        row = to_row(str(path), pipeline.analyse(upload, into=into, on_progress=tick))
        return row | {"saved_to": str(into)} if into else row
    except Exception as error:
        if into:
            shutil.rmtree(into, ignore_errors=True)
        if not isinstance(error, AppError):
            log.error("internal error", kind=type(error).__name__, exc_info=error)
            error = AppError()
        seconds = time.monotonic() - started
        return to_error_row(str(path), error.code, str(error), seconds, pipeline.classifier.card)


def _make_folder(name: str) -> Path:
    folder = Path(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(f"Cannot make the folder {name}: {error.strerror}.") from None
    return folder


def _new_folder(parent: Path, stem: str) -> Path:
    """A folder that was not there before: two files of one name do not share it."""
    number = 1
    while True:
        folder = parent / (stem if number == 1 else f"{stem}-{number}")
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            number += 1


def _progress() -> Progress:
    """The bar on stderr; nothing where stderr is not a terminal."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    return Progress(
        *columns, TimeElapsedColumn(), console=console, transient=True,
        disable=not console.is_terminal, redirect_stdout=False,
    )  # fmt: skip


def _print_table(rows: list[dict]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("File", "Prediction", "Confidence", "Fake", "Faces", "Frames", "Seconds", "Why"):
        right = name in ("Confidence", "Fake", "Faces", "Frames", "Seconds")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in rows:
        prediction = row["prediction"] or "no answer"
        error = row.get("error")
        table.add_row(
            Text(_printable(row["path"])),
            Text(prediction, style=STYLES.get(prediction, "")),
            _percent(row["confidence"]),
            _percent(row["probability_fake"]),
            _number(row["faces"]),
            _number(row["frames_analysed"]),
            f"{row['seconds']:.1f}",
            Text(error["message"] if error else ", ".join(row["reasons"])),
        )
    Console().print(table)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)


def _printable(text: str) -> str:
    """The text without what a terminal would obey and without bytes that are no UTF-8."""
    clean = text.encode("utf-8", "replace").decode()
    return "".join(letter if letter.isprintable() else "?" for letter in clean)
