"""The training data: the index, the archives in memory, and the face found in each picture."""

from __future__ import annotations

import csv
import hashlib
import sys
import tarfile
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from backend.errors import SetupError
from backend.settings import ROOT
from backend.vision.faces import FaceDetector
from backend.vision.facts import Kind
from backend.vision.mesh import FaceMesh

CLIPS = ("dfdc.tar", "timit.tar")  # archives of single frames of clips
SPLITS = ("train", "val", "dev")
# What decides where a face is; boxes of another version are not those that serving cuts out.
FINDING = ("scaling.py", "vision/blazeface.py", "vision/faces.py", "vision/mesh.py")


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
    """Samples with a face, and the files that could not be used, with the reason."""

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


def decode(data: bytes) -> np.ndarray | None:
    """Decode a picture of the training data (never an upload): uint8 RGB, None if damaged."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return None if image is None else np.ascontiguousarray(image[..., ::-1])


def read_index(folder: Path) -> list[dict[str, str]]:
    """Read `faces/index.csv`.

    Raises:
        SetupError: the file is missing or lacks a column.
    """
    columns = "archive", "file", "label", "source", "split", "group"
    return _read_table(folder, "faces/index.csv", columns, "training data")


def read_clip_index(folder: Path) -> list[dict[str, str]]:
    """Read `clips/index.csv`.

    Raises:
        SetupError: the file is missing or lacks a column.
    """
    return _read_table(folder, "clips/index.csv", ("file", "label"), "clip")


def _read_table(
    folder: Path, name: str, columns: Collection[str], what: str
) -> list[dict[str, str]]:
    path = folder / name
    if not path.is_file():
        raise SetupError(f"There is no {what} at {folder}: {name} is missing.")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    missing = set(columns) - set(rows[0] if rows else ())
    if missing:
        raise SetupError(f"{name} lacks the columns {', '.join(sorted(missing))}.")
    return rows


def read_archives(folder: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Read every file of the archives into memory.

    Raises:
        SetupError: an archive is missing or damaged.
    """
    contents: dict[str, bytes] = {}
    for name in sorted(set(names)):
        path = folder / "faces" / name
        if not path.is_file():
            raise SetupError(f"The archive faces/{name} is missing.")
        try:
            with tarfile.open(path, "r:") as archive:
                for member in archive:
                    if member.isfile():
                        contents[member.name] = archive.extractfile(member).read()
        except (OSError, tarfile.TarError):
            raise SetupError(f"The archive faces/{name} is damaged.") from None
    return contents


def load(folder: Path, cache: Path, splits: Iterable[str] = SPLITS) -> Dataset:
    """Read the data and find the face of each picture.

    Faces are kept in `cache`, named by a hash of the index and of what finds them, so that only
    the first call is slow.

    Args:
        folder: holds `faces/index.csv` and the archives it names.
        cache: folder for the faces found.
        splits: which splits to read.

    Raises:
        SetupError: something is missing, or a label of a split has no picture at all.
    """
    rows = [row for row in read_index(folder) if row["split"] in set(splits)]
    contents = read_archives(folder, (row["archive"] for row in rows))
    digest = hashlib.sha256((folder / "faces" / "index.csv").read_bytes())
    for part in FINDING:
        digest.update((ROOT / "backend" / part).read_bytes())
    store = cache / f"faces-{digest.hexdigest()[:16]}.npz"
    known: dict[str, np.ndarray] = {}
    if store.is_file():
        with np.load(store) as saved:
            known = dict(zip(saved["files"].tolist(), saved["faces"], strict=True))
    wanted = [row["file"] for row in rows if row["file"] not in known]
    if wanted:
        known |= _find_faces(wanted, contents)
        cache.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            store, files=np.array(list(known)), faces=np.stack(list(known.values()))
        )
    dataset = Dataset([], [], [])
    for row in rows:
        found = known[row["file"]]
        if np.isnan(found[0, 0]):
            damaged = decode(contents.get(row["file"], b"")) is None
            (dataset.unreadable if damaged else dataset.faceless).append(row["file"])
            continue
        dataset.samples.append(
            Sample(
                row["file"], row["archive"], row["label"] == "fake", row["source"],
                row.get("generator", ""), row["split"], row["group"], row.get("licence", ""),
                contents[row["file"]], tuple(map(float, found[:2].reshape(4))), found[2:],
            )
        )  # fmt: skip
    for split in splits:
        for fake in (False, True):
            if not any(s.split == split and s.fake == fake for s in dataset.samples):
                raise SetupError(
                    f"The split {split} has no usable {'fake' if fake else 'real'} picture."
                )
    return dataset


def _find_faces(files: list[str], contents: dict[str, bytes]) -> dict[str, np.ndarray]:
    """Box and mesh of the main face of each file: shape (470, 2), NaN where there is none."""
    detector, mesh = FaceDetector(), FaceMesh()

    def find(file: str) -> np.ndarray:
        nothing = np.full((470, 2), np.nan, np.float32)
        image = decode(contents.get(file, b"")) if contents.get(file) else None
        if image is None:
            return nothing
        height, width = image.shape[:2]
        # The pictures are of one person each, in the middle.
        faces = [f for f in detector.detect(image) if f.size > 0.25 * min(width, height)]
        if not faces:
            return nothing
        face = max(faces, key=lambda f: f.size * f.score)
        points, presence = mesh.landmarks(image, face)
        if presence < 0.5:
            return nothing
        return np.concatenate([np.array(face.box, np.float32).reshape(2, 2), points])

    faces = {}
    with ThreadPoolExecutor(2) as pool:
        for done, (file, face) in enumerate(zip(files, pool.map(find, files), strict=True), 1):
            faces[file] = face
            if done % 500 == 0 or done == len(files):
                print(f"\rfinding faces {done}/{len(files)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return faces
