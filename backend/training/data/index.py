"""The training data: the index and the archives, checked, and a sample for each picture."""

from __future__ import annotations

import csv
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from av.error import FFmpegError

from backend.errors import AppError, SetupError
from backend.models.calibration import Kind
from backend.training.data.landmarks import decode, find_faces

CLIPS = ("dfdc.tar", "timit.tar")  # archives of single frames of clips
LABELS = ("real", "fake")
SPLITS = ("train", "val", "dev")


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled picture of a face.

    Attributes:
        file, archive: name inside the archive and the archive's name.
        fake: the label.
        source, generator, split, group, licence: columns of `index.csv`.
        data: the encoded picture.
        box: (left, top, right, bottom) of its face, px of the picture.
        landmarks: float32, shape (468, 2), px.
    """

    file: str
    archive: str
    fake: bool
    source: str
    generator: str
    split: str
    group: str
    licence: str
    data: bytes
    box: tuple[float, float, float, float]
    landmarks: np.ndarray

    @property
    def kind(self) -> Kind:
        """What serving would take it from: a picture, or a frame of a clip."""
        return "video" if self.archive in CLIPS else "image"

    def image(self) -> np.ndarray:
        """Decode it: uint8 RGB, shape (height, width, 3)."""
        return decode(self.data)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Samples with a face, and the files that could not be used, as archive/file."""

    samples: list[Sample]
    unreadable: list[str]
    faceless: list[str]

    def select(self, split: str, **columns: str) -> list[Sample]:
        """The samples of one split whose attributes equal `columns`."""
        return [
            sample
            for sample in self.samples
            if sample.split == split
            and all(getattr(sample, name) == value for name, value in columns.items())
        ]


def read_index(folder: Path) -> list[dict[str, str]]:
    """Read `faces/index.csv`.

    Raises:
        SetupError: the file is missing, damaged, lacks a column, has a label, a split or a group
            that cannot be right, or lists a picture twice.
    """
    name, splits, listed = "faces/index.csv", {}, set()
    columns = dict.fromkeys(("archive", "file", "label", "source", "split", "group"), ())
    rows = _read_table(folder, name, columns | {"label": LABELS, "split": SPLITS}, "training data")
    for row in rows:
        first = splits.setdefault(row["group"], row["split"])
        if first != row["split"]:
            raise SetupError(
                f"{name} has the group {row['group']} in {first} and in {row['split']}: a group "
                "must stay in one split."
            )
        picture = f"{row['archive']}/{row['file']}"
        if picture in listed:
            raise SetupError(f"{name} lists {picture} twice.")
        listed.add(picture)
    return rows


def read_clip_index(folder: Path) -> list[dict[str, str]]:
    """Read `clips/index.csv`.

    Raises:
        SetupError: the file is missing, damaged or lacks a column, or a clip is missing.
    """
    rows = _read_table(folder, "clips/index.csv", {"file": (), "label": LABELS}, "clip")
    for row in rows:
        if not (folder / "clips" / row["file"]).is_file():
            raise SetupError(f"clips/index.csv lists {row['file']}, which is missing.")
    return rows


@contextmanager
def reading(clip: Path) -> Iterator[None]:
    """Say of which clip it is that it cannot be analysed or decoded.

    Raises:
        SetupError: in the place of what says so.
    """
    try:
        yield
    except (AppError, FFmpegError) as error:
        reason = error if isinstance(error, AppError) else "It cannot be decoded."
        raise SetupError(f"The clip {clip.name} cannot be used. {reason}") from None


def _read_table(
    folder: Path, name: str, columns: Mapping[str, tuple[str, ...]], what: str
) -> list[dict[str, str]]:
    """Read a table whose `columns` are all filled, with one of the words named for a column."""
    path = folder / name
    if not path.is_file():
        raise SetupError(f"There is no {what} at {folder}: {name} is missing.")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            rows, present = list(reader), reader.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error):
        raise SetupError(f"{name} cannot be read: expected a CSV table in UTF-8.") from None
    missing = set(columns) - set(present)
    if missing:
        raise SetupError(f"{name} lacks the columns {', '.join(sorted(missing))}.")
    if not rows:
        raise SetupError(f"{name} lists nothing.")
    for number, row in enumerate(rows, 1):
        for column, words in columns.items():
            if row[column] not in words if words else not row[column]:
                raise SetupError(
                    f"{name}, row {number}: expected as {column} {' or '.join(words) or 'a name'}, "
                    f"received {row[column]!r}."
                )
    return rows


def read_archives(folder: Path, names: Iterable[str]) -> dict[tuple[str, str], bytes]:
    """Read every file of the archives into memory, by (archive, file).

    Raises:
        SetupError: an archive is missing or damaged.
    """
    contents: dict[tuple[str, str], bytes] = {}
    for name in sorted(set(names)):
        path = folder / "faces" / name
        if not path.is_file():
            raise SetupError(f"The archive faces/{name} is missing.")
        try:
            with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as archive:
                for member in archive:
                    if member.isfile():
                        contents[name, member.name] = archive.extractfile(member).read()
                # A header that is cut or damaged ends the loop as well, and nothing says so.
                file.seek(archive.offset)
                if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
                    raise tarfile.ReadError
        except (OSError, tarfile.TarError):
            raise SetupError(f"The archive faces/{name} is damaged or cut short.") from None
    return contents


def load(folder: Path, cache: Path, splits: Iterable[str] = SPLITS) -> Dataset:
    """Read the data and find the face of each picture.

    Args:
        folder: holds `faces/index.csv` and the archives it names.
        cache: folder for the faces found; with it, only the first call is slow.
        splits: which splits to read.

    Raises:
        SetupError: something is missing or damaged, the cache cannot be written, or a label of a
            split has no picture at all.
    """
    rows = [row for row in read_index(folder) if row["split"] in set(splits)]
    contents = read_archives(folder, (row["archive"] for row in rows))
    pictures = [contents.get((row["archive"], row["file"]), b"") for row in rows]
    found = find_faces(pictures, cache)
    dataset = Dataset([], [], [])
    for row, picture, face in zip(rows, pictures, found, strict=True):
        if np.isnan(face[0, 0]):
            lost = dataset.unreadable if decode(picture) is None else dataset.faceless
            lost.append(f"{row['archive']}/{row['file']}")
            continue
        dataset.samples.append(
            Sample(
                row["file"], row["archive"], row["label"] == "fake", row["source"],
                row.get("generator", ""), row["split"], row["group"], row.get("licence", ""),
                picture, tuple(map(float, face[:2].reshape(4))), face[2:],
            )
        )  # fmt: skip
    for split in splits:
        for fake in (False, True):
            if not any(s.split == split and s.fake == fake for s in dataset.samples):
                raise SetupError(
                    f"The split {split} has no usable {'fake' if fake else 'real'} picture."
                )
    return dataset
