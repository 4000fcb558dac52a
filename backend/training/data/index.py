"""The index of a data folder: what each file is, checked before any of them is read."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from backend.errors import SetupError
from backend.records.media import Kind

INDEX = "index.csv"
LABELS = ("real", "fake")
KINDS = ("image", "video", "audio")
SPLITS = ("train", "val", "dev-a", "dev-b")
Split = Literal["train", "val", "dev-a", "dev-b"]
# Columns that must be filled, with the words that may stand there; any word where none is named.
COLUMNS: dict[str, tuple[str, ...]] = {
    "file": (), "label": LABELS, "kind": KINDS, "source": (), "group": (), "split": SPLITS,
}  # fmt: skip
PART = ("x0", "y0", "x1", "y1")
ROUNDED = 1.001  # shares that were rounded may end above 1


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled picture or clip, or a part of one.

    Attributes:
        file: path below the data folder.
        fake: the label.
        kind: what people would send it as; a single frame of a clip may be a "video".
        family: of methods, such as "swap" or "gan"; "none" of real ones.
        method: what made it; "none" of real ones.
        source: who published it.
        group: what shares a person, a scene or a page. A group stays in one split.
        split: "train", "val" (the same methods and sources), "dev-a" or "dev-b" (others).
        unseen: whether its method or source stands in no row of "train".
        part: (left, top, right, bottom), shares of the picture that the label is of.
        licence: as its source states it.
    """

    file: str
    fake: bool
    kind: Kind
    family: str
    method: str
    source: str
    group: str
    split: Split
    unseen: bool
    part: tuple[float, float, float, float]
    licence: str

    @property
    def key(self) -> str:
        """All that the faces of the row depend on."""
        return f"{self.file} {self.kind} {self.part}"

    def part_of(self, image: np.ndarray) -> np.ndarray:
        """The labelled part of a picture, uint8 RGB (height, width, 3)."""
        height, width = image.shape[:2]
        left, top, right, bottom = self.part
        rows = slice(int(top * height), max(int(top * height) + 1, round(bottom * height)))
        columns = slice(int(left * width), max(int(left * width) + 1, round(right * width)))
        return image[rows, columns]


def read_index(folder: Path) -> list[Row]:
    """Read `index.csv` of a data folder; docs/training.md explains its columns.

    Raises:
        SetupError: the table is missing or damaged, lacks a column or a label, has a word that
            cannot be right, or has a group in two splits.
    """
    path = folder / INDEX
    if not path.is_file():
        raise SetupError(f"There is no training data at {folder}: {INDEX} is missing.")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            table, present = list(reader), reader.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error):
        raise SetupError(f"{INDEX} cannot be read: expected a CSV table in UTF-8.") from None
    if missing := set(COLUMNS) - set(present):
        raise SetupError(f"{INDEX} lacks the columns {', '.join(sorted(missing))}.")
    if not table:
        raise SetupError(f"{INDEX} lists nothing.")
    splits: dict[str, str] = {}
    rows = []
    for number, fields in enumerate(table, 2):  # as a spreadsheet counts, below the headings
        rows.append(_row(fields, number))
        first = splits.setdefault(rows[-1].group, rows[-1].split)
        if first != rows[-1].split:
            raise SetupError(
                f"{INDEX} has the group {rows[-1].group} in {first} and in {rows[-1].split}: a "
                "group must stay in one split."
            )
    twice = [key for key, count in Counter(row.key for row in rows).items() if count > 1]
    if twice:
        raise SetupError(f"{INDEX} lists {twice[0].split()[0]} twice.")
    return rows


def _row(fields: dict[str, str], number: int) -> Row:
    for column, words in COLUMNS.items():
        if fields[column] not in words if words else not fields[column]:
            raise SetupError(
                f"{INDEX}, row {number}: expected as {column} {' or '.join(words) or 'a name'}, "
                f"received {fields[column]!r}."
            )
    if Path(fields["file"]).is_absolute() or ".." in Path(fields["file"]).parts:
        raise SetupError(f"{INDEX}, row {number}: the file must lie below the data folder.")
    try:
        whole = zip(PART, (0.0, 0.0, 1.0, 1.0), strict=True)
        part = tuple(float(fields.get(name) or default) for name, default in whole)
    except ValueError:
        part = (0.0, 0.0, 0.0, 0.0)
    if not (0 <= part[0] < part[2] < ROUNDED and 0 <= part[1] < part[3] < ROUNDED):
        raise SetupError(
            f"{INDEX}, row {number}: x0, y0, x1, y1 must be shares of the picture, 0 to 1."
        )
    return Row(
        file=fields["file"],
        fake=fields["label"] == "fake",
        kind=fields["kind"],
        family=fields.get("family") or "none",
        method=fields.get("method") or "none",
        source=fields["source"],
        group=fields["group"],
        split=fields["split"],
        unseen=fields.get("unseen") == "yes",
        part=part,
        licence=fields.get("licence") or "",
    )
