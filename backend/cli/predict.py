"""The command `predict`: judges files one after another; a table, JSON lines or CSV."""

from __future__ import annotations

import errno
import glob
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import structlog

from backend.analysis.pipeline import Pipeline, build_pipeline
from backend.analysis.progress import OnProgress, Progress, deadline
from backend.cli.rows import comma_separated, json_lines, opened, take_up
from backend.cli.table import bar, print_table, printable
from backend.errors import AppError, NoSuchFile, SetupError, Unreadable
from backend.logs import configure_logs
from backend.media import intake
from backend.report.build import to_error_row, to_row
from backend.settings import Settings
from backend.wording import plural

ALL_ANSWERED, SOME_FAILED = 0, 3
BROKEN_LINK = "This is a link to a file that does not exist."
WRITERS = {"jsonl": json_lines, "csv": comma_separated}

log = structlog.get_logger()


def predict(
    settings: Settings,
    paths: list[str],
    format: str | None = None,
    save_frames: str | None = None,
    out: Path | None = None,
    resume: bool = False,
) -> int:
    """Judge every file; results go to `out` or stdout and everything else to stderr.

    Args:
        paths: see `find_files`.
        format: "table", "jsonl" or "csv"; rows of the last two are written as soon as they are
            known. By default what the name of `out` says, and a table without one.
        save_frames: folder for annotated pictures, or None.
        out: file for the rows, which must not exist yet.
        resume: go on with `out`, in JSON lines, where an earlier run broke off; files that have a
            row there are not judged again.

    Returns:
        0 when every file was answered, also by the earlier run, 3 when some were not.

    Raises:
        SetupError: wrong use, or the installation is wrong.
    """
    configure_logs(settings)
    if format is None:
        format = "table" if out is None else "csv" if out.suffix.lower() == ".csv" else "jsonl"
    if out is not None and format == "table":
        raise SetupError("--out needs --format jsonl or csv.")
    if resume and (out is None or format != "jsonl"):
        raise SetupError("--resume needs --out with a file of JSON lines.")
    if out is not None and out.exists() and not resume:
        raise SetupError(f"{out} exists. Choose another file, or --resume to go on with this one.")
    files = [file for file in find_files(paths) if not (out and _same(file, out))]
    pictures = _make_folder(save_frames) if save_frames else None
    pipeline = build_pipeline(settings)
    earlier = take_up(out, pipeline.cards) if resume else []
    rows = _rows(settings, pipeline, files, pictures, Counter(row["path"] for row in earlier))
    statuses = Counter(row["status"] for row in earlier)
    if format == "table":
        rows = list(rows)
        print_table(rows)
        statuses.update(row["status"] for row in rows)
    else:
        with opened(out, resume) as stream:
            write = WRITERS[format](stream)
            for row in rows:
                write(row)
                statuses[row["status"]] += 1
    failed = statuses.total() - statuses["success"]
    if failed:
        print(f"{failed} of {plural(statuses.total(), 'file')} got no answer.", file=sys.stderr)
    return SOME_FAILED if failed else ALL_ANSWERED


def _rows(
    settings: Settings,
    pipeline: Pipeline,
    files: list[Path],
    pictures: Path | None,
    answered: Counter[str],
) -> Iterator[dict]:
    """The row of each file as soon as it is known, without those answered before."""
    with bar() as progress:
        task = progress.add_task("", total=len(files))
        for number, path in enumerate(files):
            progress.update(task, completed=number, description=printable(path.name))
            if answered[str(path)]:
                answered[str(path)] -= 1
                continue

            def on_progress(step: Progress, number: int = number) -> None:
                progress.update(task, completed=number + step.share)

            yield _judge(settings, pipeline, path, pictures, on_progress)
        progress.update(task, completed=len(files))


def find_files(paths: list[str]) -> Iterator[Path]:
    """The files meant by the arguments, in their order; folders and globs sorted by name.

    Nothing is passed over: of a folder, and of a folder that a glob matches, these are all the
    files in it and in its sub-folders, hidden ones and links too. Links to folders are not
    followed there. They, an empty folder that was named, and what does not exist or cannot be read
    are passed on, to be answered by an error of their own.
    """
    for given in paths:
        path = Path(given)
        try:
            if path.is_dir():
                yield from _inside(path) or [path]
            elif path.exists() or not glob.has_magic(given):
                yield path
            else:
                found = map(Path, sorted(glob.glob(given, recursive=True)))
                each = (_inside(match) if match.is_dir() else [match] for match in found)
                # A glob such as `**` matches a folder and what is in it.
                yield from dict.fromkeys(chain.from_iterable(each)) or [path]
        except OSError:  # no permission, or a name that is too long
            yield path


def _same(file: Path, out: Path) -> bool:
    """Whether it is where the rows go, which may lie in the folder that is judged."""
    return os.path.abspath(file) == os.path.abspath(out)


def _inside(folder: Path) -> list[Path]:
    found: list[Path] = []
    walk = os.walk(folder, onerror=lambda error: found.append(Path(error.filename)))
    for place, folders, names in walk:
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        found += [Path(place) / name for name in names + links]
    return sorted(found)


def _judge(
    settings: Settings,
    pipeline: Pipeline,
    path: Path,
    pictures: Path | None,
    on_progress: OnProgress,
) -> dict:
    """One row. What goes wrong with one file never stops the others."""
    started = time.monotonic()
    check_time = deadline(settings.analysis_timeout)
    into = None

    def tick(step: Progress) -> None:
        check_time(step)
        on_progress(step)

    try:
        _check_is_file(path)
        upload = intake.check(path, path.name, settings)
        into = _new_folder(pictures, path.stem) if pictures else None
        row = to_row(str(path), pipeline.analyse(upload, into=into, on_progress=tick))
        return row | {"saved_to": str(into)} if into else row
    except BaseException as error:
        if into:
            shutil.rmtree(into, ignore_errors=True)
        if not isinstance(error, Exception):  # somebody has had enough
            raise
        if isinstance(error, PermissionError):
            error = Unreadable()
        elif isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            error = NoSuchFile()
        if not isinstance(error, AppError):
            log.error("internal error", kind=type(error).__name__, exc_info=error)
            error = AppError()
        seconds = time.monotonic() - started
        card = pipeline.faces.classifier.card
        return to_error_row(str(path), error.code, str(error), seconds, card)


def _check_is_file(path: Path) -> None:
    """Say what it is that cannot be opened as a file.

    Raises:
        NoSuchFile, Unreadable: what the row says.
        OSError: its folder may not be entered, or its name is too long.
    """
    if not path.exists():
        raise NoSuchFile(BROKEN_LINK if path.is_symlink() else None)
    if path.is_dir():
        if path.is_symlink():
            raise Unreadable("This is a link to a folder. Name the folder to have it searched.")
        if os.access(path, os.R_OK | os.X_OK):
            raise NoSuchFile("There is no file in this folder.")
        raise Unreadable("This folder cannot be read: permission is missing.")
    if not path.is_file():
        raise Unreadable("This is no file but a pipe, a socket or a device.")


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
