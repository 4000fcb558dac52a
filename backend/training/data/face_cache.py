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
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from backend.errors import AppError, SetupError
from backend.faces.descriptor import describe
from backend.faces.detector import FaceDetector
from backend.faces.mesh import FaceMesh
from backend.faces.tracker import Tracker
from backend.faces.video_detector import Follower
from backend.media.decode import Decoder
from backend.media.formats import IMAGES
from backend.media.intake import sniff
from backend.models.crops import crop_face
from backend.models.quality import SIDE, concern
from backend.records.media import Upload
from backend.records.observations import Face
from backend.settings import ROOT, Settings
from backend.training.data.index import Row

MOMENTS = 8  # of each clip
ROOM = 1.0  # margin of the box that is kept around a face: twice its side
FINE = 180  # px; larger faces are reduced by halves as long as they stay this large
NATIVE = 640  # px, side of what is kept of a large face at the picture's own resolution
SHARDS = 256
# What decides where a face is, of `backend/faces`.
FINDING = (
    "blazeface.py", "detector.py", "mesh.py", "resize.py", "tracker.py", "video_detector.py",
)  # fmt: skip
RECORD = np.dtype(
    [
        ("row", "i4"),  # place in the index
        ("time", "f4"),  # s
        ("offset", "i8"), ("height", "i2"), ("width", "i2"),  # pixels around the face
        ("scale", "f4"),  # px of the file for each px of those
        ("box", "f4", 4), ("landmarks", "f4", (468, 2)),  # px of those
        ("native", "i8"), ("native_height", "i2"), ("native_width", "i2"),  # at the own resolution
        ("native_box", "f4", 4),
        ("meshed", "?"),  # whether the landmarks lie on a face
    ]
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
    files = [(ROOT / "backend" / "faces" / name).read_bytes() for name in FINDING]
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


class _Finder:
    """What one process finds faces with."""

    def __init__(self):
        self.settings = Settings(moments=MOMENTS, max_upload_mb=1000, decode_timeout=120)
        self.decoder = Decoder(self.settings)
        self.detector = FaceDetector(threads=1)
        self.mesh = FaceMesh()

    def cut(self, folder: Path, row: Row) -> Iterator[tuple[np.void, list[np.ndarray]]]:
        """Yield a record, its offsets not set, and the pixels of each moment's main face.

        Raises:
            _Lost: there is none.
        """
        seen: list[tuple[np.ndarray, Face, float, int]] = []
        tracker, follower = Tracker(), Follower(self.detector)
        try:
            upload = _upload(folder / row.file)
            for index, (image, time) in enumerate(self._frames(upload, row)):
                faces = (
                    self.detector.detect(image)
                    if upload.format in IMAGES
                    else follower.find(image, time)
                )[:8]
                looks = [describe(image, face) for face in faces]
                tracks = tracker.assign(index, faces, looks, follower.cut)
                seen += [
                    (image, face, time, track) for face, track in zip(faces, tracks, strict=True)
                ]
        except AppError as error:
            raise _Lost(error.code) from None
        except OSError:
            raise _Lost("missing") from None
        if not seen:
            raise _Lost("no_face")
        weights: Counter[int] = Counter()
        for _, face, _, track in seen:
            weights[track] += face.size * face.score
        main = max(weights, key=weights.__getitem__)
        reasons: Counter[str] = Counter()
        for image, face, time, track in seen:
            if track != main:
                continue
            reason = concern(face, crop_face(image, face.box, 0.3, SIDE))
            if reason:
                reasons[reason] += 1
                continue
            yield self._record(image, face, time)
        if reasons and sum(reasons.values()) == sum(1 for one in seen if one[3] == main):
            raise _Lost(reasons.most_common(1)[0][0])

    def _frames(self, upload: Upload, row: Row) -> Iterator[tuple[np.ndarray, float]]:
        with self.decoder.open(upload) as clip:
            frames = list(clip) if upload.format in IMAGES else clip
            for frame in frames:
                image = clip.finer().image if clip.reduced else frame.image
                yield row.part_of(image), frame.time

    def _record(self, image, face, time) -> tuple[np.void, list[np.ndarray]]:
        record = np.zeros((), RECORD)
        left, top, right, bottom = _around(face, face.size * (1 + ROOM), image)
        step = 2 ** max(0, int(np.floor(np.log2(face.size / FINE))))
        part = image[top:bottom, left:right]
        pixels = [part]
        if step > 1:
            size = max(1, (right - left) // step), max(1, (bottom - top) // step)
            pixels = [cv2.resize(part, size, interpolation=cv2.INTER_AREA)]
        points, presence = self.mesh.landmarks(image, face)
        record["time"], record["scale"], record["meshed"] = time, step, presence >= 0.5
        record["box"] = (np.array(face.box) - (left, top, left, top)) / step
        record["landmarks"] = (points - (left, top)) / step
        record["height"], record["width"] = pixels[0].shape[:2]
        left, top, right, bottom = _around(face, min(NATIVE, face.size * (1 + ROOM)), image)
        record["native_box"] = np.array(face.box) - (left, top, left, top)
        if step > 1:
            pixels.append(image[top:bottom, left:right])
            record["native_height"], record["native_width"] = pixels[1].shape[:2]
        else:
            record["native_height"], record["native_width"] = pixels[0].shape[:2]
            record["native_box"] = record["box"]
        return record, pixels


def _upload(path: Path) -> Upload:
    """A file of the data, by its content: names that say otherwise are common in collections."""
    with path.open("rb") as file:
        found = sniff(file.read(4096))
    if found is None:
        raise _Lost("unsupported_type")
    kind = "image" if found in IMAGES else "video"
    return Upload(path, path.name, found, kind, path.stat().st_size)


class _Lost(Exception):
    """A row has no usable face; the argument is the reason."""


def _around(face: Face, side: float, image: np.ndarray) -> tuple[int, int, int, int]:
    """The square of `side` px around a face, without what lies outside the picture."""
    x, y = (face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2
    height, width = image.shape[:2]
    return (
        max(0, int(x - side / 2)), max(0, int(y - side / 2)),
        min(width, int(np.ceil(x + side / 2))), min(height, int(np.ceil(y + side / 2))),
    )  # fmt: skip


_finder: _Finder | None = None


def _make_shard(path: Path, folder: Path, rows: list[Row]) -> None:
    """Find the faces of some rows; the file with the reasons comes last, and says it is whole."""
    global _finder
    _finder = _finder or _Finder()
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
            except _Lost as why:
                lost[place] = str(why)
    os.replace(part, path.with_suffix(".u8"))
    np.save(path.with_suffix(".npy"), np.array(records, RECORD))
    part.write_text(json.dumps(lost))
    os.replace(part, path.with_suffix(".json"))
