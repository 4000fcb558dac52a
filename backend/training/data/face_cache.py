"""The faces of a data folder as serving finds them, cut out once and kept as mapped pixels."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import sys
import threading
import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from backend.errors import SetupError
from backend.settings import CODE
from backend.training.data.face_finder import FINE, MOMENTS, NATIVE, RECORD, ROOM, FaceFinder, Lost
from backend.training.data.index import Row

SHARDS = 256
# What decides where a face is, of `backend/faces`.
FINDING = (
    "blazeface.py", "detector.py", "mesh.py", "resize.py", "tracker.py", "video_detector.py",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CutFace:
    """One face of one moment of a file.

    Attributes:
        row: what the index says of the file.
        record: an element of `RECORD`.
        shard: file of the pixels.
    """

    row: Row
    record: np.void
    shard: np.ndarray

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom), px of `image`."""
        return tuple(map(float, self.record["box"]))

    @property
    def native_box(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom), px of `native`."""
        return tuple(map(float, self.record["native_box"]))

    @property
    def landmarks(self) -> np.ndarray:
        """float32, shape (468, 2), px of `image`."""
        return self.record["landmarks"]

    def image(self) -> np.ndarray:
        """The face with room around it: uint8 RGB, shape (height, width, 3); a view, not a copy."""
        return self._pixels(self.record["offset"], self.record["height"], self.record["width"])

    def native(self) -> np.ndarray:
        """The middle of the face at the file's own resolution, as `image`."""
        own = self.record
        return self._pixels(own["native"], own["native_height"], own["native_width"])

    def _pixels(self, offset: int, height: int, width: int) -> np.ndarray:
        offset, height, width = int(offset), int(height), int(width)
        return self.shard[offset : offset + height * width * 3].reshape(height, width, 3)


@dataclass(frozen=True)
class FaceCache:
    """The faces of a data folder, and the rows that gave none.

    Attributes:
        faces: in the order of the index, those of a clip in order of time.
        lost: (row, reason) of each row without a usable face.
    """

    faces: list[CutFace]
    lost: list[tuple[Row, str]]

    def of(self, split: str) -> list[CutFace]:
        """The faces of a split."""
        return [face for face in self.faces if face.row.split == split]

    def reasons(self) -> Counter[str]:
        """Reason -> rows lost for it."""
        return Counter(reason for _, reason in self.lost)


def face_cache(folder: Path, rows: Sequence[Row], cache: Path, workers: int = 2) -> FaceCache:
    """Find, follow and cut out the faces of all rows, with the product's own code.

    What was found before is read from `cache`; it is kept by the content of the index and by the
    version of what finds faces.

    Args:
        folder: what the files of the rows are relative to.
        rows: of the index.
        cache: folder for the pixels.
        workers: processes.

    Raises:
        SetupError: the cache cannot be written.
    """
    place = cache / f"faces-{_version()}"
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(f"Faces cannot be kept in {cache}: {error.strerror}.") from None
    shards = _shards(place, rows)
    missing = {path: own for path, own in shards.items() if not path.with_suffix(".json").exists()}
    if missing:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, context, _start_worker) as pool:
            jobs = [
                pool.submit(_make_shard, path, folder, [rows[i] for i in own])
                for path, own in missing.items()
            ]
            for done, job in enumerate(jobs, 1):
                job.result()
                told = f"\rfinding faces: {done} of {len(jobs)} parts"
                print(told, end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
    faces, lost = [], []
    for path, members in shards.items():
        reasons = json.loads(path.with_suffix(".json").read_text())
        lost += [(rows[members[int(number)]], reason) for number, reason in reasons.items()]
        records = np.load(path.with_suffix(".npy"), mmap_mode="r")
        pixels = np.memmap(path.with_suffix(".u8"), np.uint8, "r") if len(records) else None
        faces += [CutFace(rows[members[r["row"]]], r, pixels) for r in records]
    return FaceCache(faces, lost)


def _version() -> str:
    """What another version found or kept is made anew."""
    files = [(CODE / "faces" / name).read_bytes() for name in FINDING]
    kept = (RECORD.descr, MOMENTS, ROOM, FINE, NATIVE)
    return hashlib.sha256(b"".join(files) + repr(kept).encode()).hexdigest()[:12]


def _shards(place: Path, rows: Sequence[Row]) -> dict[Path, list[int]]:
    """The files of the cache, without an ending, and the rows that are kept in each.

    Rows are spread by their content, so that a changed row costs one part alone.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        members[zlib.crc32(row.key.encode()) % SHARDS].append(number)
    shards = {}
    for number, own in sorted(members.items()):
        keys = "\n".join(rows[i].key for i in own)
        shards[place / f"{number:03d}-{hashlib.sha256(keys.encode()).hexdigest()[:12]}"] = own
    return shards


def _start_worker() -> None:
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)


_finder: FaceFinder | None = None


def _make_shard(path: Path, folder: Path, rows: list[Row]) -> None:
    """Find the faces of some rows; the file with the reasons comes last, and says it is whole."""
    global _finder
    _finder = _finder or FaceFinder()
    records, lost, offset = [], {}, 0
    part = path.with_suffix(".part")
    with part.open("wb") as out:
        for place, row in enumerate(rows):
            try:
                for record, pixels in _finder.cut(folder, row):
                    record["row"], record["offset"], record["native"] = place, offset, offset
                    for each in pixels:
                        record["native"] = offset  # of the last, where there are two
                        out.write(np.ascontiguousarray(each).data)
                        offset += each.size
                    records.append(record)
            except Lost as why:
                lost[place] = str(why)
    os.replace(part, path.with_suffix(".u8"))
    np.save(path.with_suffix(".npy"), np.array(records, RECORD))
    part.write_text(json.dumps(lost))
    os.replace(part, path.with_suffix(".json"))
