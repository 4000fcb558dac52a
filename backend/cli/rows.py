"""The rows of the command `predict`: written as JSON lines or CSV, read to take up a broken run."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from backend.errors import SetupError
from backend.records.results import ModelCard
from backend.report.csv_tables import as_text

COLUMNS = (
    "path", "status", "prediction", "judged", "confidence", "probability_fake", "leaning", "odds",
    "reasons", "face_verdict", "face_probability_fake", "voice_verdict", "voice_probability_fake",
    "speech_seconds", "faces", "frames_analysed", "seconds", "model", "profile", "error", "models",
)  # fmt: skip

Write = Callable[[dict], None]


def json_lines(stream: TextIO) -> Write:
    """Writes one JSON object a line, at once."""
    return lambda row: print(json.dumps(row, allow_nan=False), file=stream, flush=True)


def comma_separated(stream: TextIO) -> Write:
    """Writes the `COLUMNS` (RFC 4180, header row): codes for lists, empty for what there is not."""
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)

    def write(row: dict) -> None:
        face, voice = row["face"] or {}, row["audio"] or {}
        flat = {
            **row,
            "face_verdict": face.get("verdict"),
            "face_probability_fake": face.get("probability_fake"),
            "voice_verdict": voice.get("verdict"),
            "voice_probability_fake": voice.get("probability_fake"),
            "speech_seconds": voice.get("speech_seconds"),
            "reasons": ";".join(row["reasons"]),
            "model": row["model"]["sha256"],
            "profile": row["model"]["profile"],
            "error": row.get("error", {}).get("code"),
            "models": ";".join(map(_vote, row["models"])),
        }
        writer.writerow([_cell(flat[name]) for name in COLUMNS])
        stream.flush()

    return write


def _vote(vote: dict) -> str:
    """A model's own probability; without one where nothing was judged."""
    p = vote["probability_fake"]
    return f"{vote['name']}={'' if p is None else p}"


def _cell(value: str | float | None) -> str | float | None:
    """A value; a name that is no UTF-8 with its bytes written out."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return value
    return as_text(value.encode("utf-8", "backslashreplace").decode())


@contextmanager
def opened(out: Path | None, resume: bool) -> Iterator[TextIO]:
    """Where the rows go: a new file, or one that is gone on with; stdout without one.

    Raises:
        SetupError: it cannot be written, or no longer.
    """
    try:
        if out is None:
            yield sys.stdout
            return
        with out.open("a" if resume else "x", encoding="utf-8", newline="") as stream:
            yield stream
    except BrokenPipeError:
        raise
    except OSError as error:
        if out is None:  # what waits to be written would fail again at the end of the process
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SetupError(f"Cannot write {out or 'the rows'}: {error.strerror}.") from None


def take_up(out: Path, models: Sequence[ModelCard]) -> list[dict]:
    """Read what a run wrote before it broke, and cut off a last line that it did not finish.

    Args:
        out: JSON lines; need not exist.
        models: what judge the rest.

    Raises:
        SetupError: these are no rows of `predict`, or another model judged them.
    """
    if not out.exists():
        return []
    try:
        content = out.read_bytes()
    except OSError as error:
        raise SetupError(f"Cannot read {out}: {error.strerror}.") from None
    whole = content[: content.rfind(b"\n") + 1]
    try:
        rows = [json.loads(line) for line in whole.splitlines()]
        told = [row["model"] for row in rows if row["path"] and row["status"]]
        used = {(each["sha256"], each["profile"]) for each in told}
    except (ValueError, KeyError, TypeError):
        raise SetupError(f"{out} does not hold JSON lines of this command.") from None
    if used - {(model.sha256, model.profile) for model in models}:
        raise SetupError(f"{out} was begun with another model or profile. Choose another file.")
    with out.open("r+b") as stream:
        stream.truncate(len(whole))
    return rows
