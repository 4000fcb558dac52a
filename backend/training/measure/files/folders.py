"""Folders on the command line: every file in them is a row, or counted, and the code says so."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from pathlib import Path

from backend.cli.predict import predict
from backend.errors import SetupError
from backend.settings import Settings
from backend.training.measure.files.media import astronaut, save

Fill = Callable[[Path], None]


def _photo(name: str, format: str = "JPEG") -> Fill:
    def fill(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        save(path, format, astronaut(256))

    return fill


def _bytes(name: str, content: bytes) -> Fill:
    return lambda folder: (folder / name).write_bytes(content) and None


def _link(name: str, to: str) -> Fill:
    return lambda folder: (folder / name).symlink_to(to)


FOLDERS: dict[str, tuple[tuple[Fill, ...], int, int]] = {  # -> what it holds, its files, the code
    "photos": ((_photo("a.jpg"), _photo("b.png", "PNG")), 2, 0),
    "phone": ((_photo("a.heic", "HEIF"), _photo("b.jfif"), _photo("c.jpg")), 3, 0),
    "nameless": ((_photo("a"), _photo("b.jpg?width=300"), _photo("C.JPG")), 3, 0),
    "sub-folders": ((_photo("a.jpg"), _photo("b/a.jpg"), _photo("b/c/a.jpg")), 3, 0),
    "notes": ((_photo("a.jpg"), _bytes("notes.txt", b"hello")), 2, 3),
    "papers alone": ((_bytes("a.pdf", b"%PDF-1.7"), _bytes("b.docx", b"PK\3\4")), 2, 3),
    "hidden": ((_photo("a.jpg"), _photo(".trashed-b.jpg"), _bytes(".DS_Store", b"\0\0\0\1")), 3, 3),
    "empty file": ((_photo("a.jpg"), _bytes("b.jpg", b"")), 2, 3),
    "broken link": ((_photo("a.jpg"), _link("b.jpg", "nowhere.jpg")), 2, 3),
    "linked folder": ((_photo("a/a.jpg"), _link("b", "a")), 2, 3),
    "linked file": ((_photo("a.jpg"), _link("b.jpg", "a.jpg")), 2, 0),
    "pipe": ((_photo("a.jpg"), lambda folder: os.mkfifo(folder / "b.jpg")), 2, 3),
}


def folders(settings: Settings, place: Path) -> Iterator[tuple[str, bool]]:
    """The name of each folder, and whether every file in it was answered for.

    Those with the same exit code are judged by one command.
    """
    for expected in {code: None for _, _, code in FOLDERS.values()}:
        group = {name: made for name, made in FOLDERS.items() if made[2] == expected}
        for name, (fills, _, _) in group.items():
            (place / name).mkdir(parents=True)
            for fill in fills:
                fill(place / name)
        out = place / f"{expected}.jsonl"
        code, answers = _judged(settings, [place / name for name in group], out)
        told = code == (0 if all(answers.values()) else 3)
        for name, (_, files, _) in group.items():
            own = [good for path, good in answers.items() if path.is_relative_to(place / name)]
            yield f"folders/{name}", told and len(own) == files and all(own) is (expected == 0)


def _judged(settings: Settings, given: list[Path], out: Path) -> tuple[int | None, dict]:
    """The exit code, None where the command refused, and which files got an answer."""
    with redirect_stderr(io.StringIO()):
        try:
            code = predict(settings, [str(folder) for folder in given], out=out)
        except SetupError:
            return None, {}
    rows = map(json.loads, out.read_text("utf-8").splitlines())
    return code, {Path(row["path"]): row["status"] == "success" for row in rows}
