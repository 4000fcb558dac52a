"""Finds the faces of one file of the training data as serving does, and cuts them out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from backend.errors import AppError
from backend.faces.descriptor import describe
from backend.faces.detector import FaceDetector
from backend.faces.mesh import FaceMesh
from backend.faces.tracker import Tracker
from backend.faces.video_detector import Follower
from backend.media.decode import Decoder
from backend.media.formats import Format, sniff
from backend.media.signatures import HEAD
from backend.models.crops import LEVEL, crop_face, turn
from backend.models.quality import SIDE, rejection, sharpness
from backend.models.windows import corner
from backend.records.media import Upload
from backend.records.observations import Face
from backend.settings import Settings
from backend.training.data.index import Row

MOMENTS = 8  # of each clip
ROOM = 1.0  # margin of the box that is kept around a face: twice its side
FINE = 180  # px; larger faces are reduced by halves as long as they stay this large
# px, side of what is kept at the file's own resolution: of a picture what windows show that are
# reduced to a fifth, of a clip a large face.
NATIVE = {"image": 1280, "video": 640}
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


class Lost(Exception):
    """A row has no usable face; the argument is the reason."""


class FaceFinder:
    """What one process finds faces with."""

    def __init__(self):
        self.settings = Settings(moments=MOMENTS, max_upload_mb=1000, decode_timeout=120)
        self.decoder = Decoder(self.settings)
        self.detector = FaceDetector(threads=1)
        self.mesh = FaceMesh()

    def cut(self, folder: Path, row: Row) -> Iterator[tuple[np.void, list[np.ndarray]]]:
        """Yield a record, its offsets not set, and the pixels of each moment's main face.

        Raises:
            Lost: there is none.
        """
        seen: list[tuple[np.ndarray, Face, float, int]] = []
        tracker, follower, before = Tracker(), Follower(self.detector), 0.0
        try:
            upload = upload_of(folder / row.file)
            for index, (image, time) in enumerate(self._frames(upload, row)):
                faces = (
                    self.detector.detect(image)
                    if upload.kind == "image"
                    else follower.find(image, time)
                )[:8]
                described = [describe(image, face) for face in faces]
                tracks = tracker.assign(index, faces, described, follower.cut, time - before)
                before = time
                seen += [
                    (image, face, time, track) for face, track in zip(faces, tracks, strict=True)
                ]
        except AppError as error:
            raise Lost(error.code) from None
        except OSError:
            raise Lost("missing") from None
        if not seen:
            raise Lost("no_face")
        weights: Counter[int] = Counter()
        for _, face, _, track in seen:
            weights[track] += face.size * face.score
        main = max(weights, key=weights.__getitem__)
        reasons: Counter[str] = Counter()
        for image, face, time, track in seen:
            if track != main:
                continue
            crop = crop_face(image, face.box, 0.3, SIDE, face.roll)
            reason = rejection(face, crop, sharpness(crop, face.size))
            if reason:
                reasons[reason] += 1
                continue
            yield self._record(*_upright(image, face), time, row.kind)
        if reasons and sum(reasons.values()) == sum(1 for one in seen if one[3] == main):
            raise Lost(reasons.most_common(1)[0][0])

    def _frames(self, upload: Upload, row: Row) -> Iterator[tuple[np.ndarray, float]]:
        with self.decoder.open(upload) as clip:
            frames = list(clip) if upload.kind == "image" else clip
            for frame in frames:
                image = clip.finer().image if clip.reduced else frame.image
                yield row.part_of(image), frame.time

    def _record(self, image, face, time, kind) -> tuple[np.void, list[np.ndarray]]:
        record = np.zeros((), RECORD)
        left, top, right, bottom = _around(face, face.size * (1 + ROOM), image)
        step = 2 ** max(0, int(np.floor(np.log2(face.size / FINE))))
        pixels = [image[top:bottom, left:right]]
        if step > 1:
            size = max(1, (right - left) // step), max(1, (bottom - top) // step)
            pixels = [cv2.resize(pixels[0], size, interpolation=cv2.INTER_AREA)]
        points, presence = self.mesh.landmarks(image, face)
        record["time"], record["scale"], record["meshed"] = time, step, presence >= 0.5
        record["box"] = (np.array(face.box) - (left, top, left, top)) / step
        record["landmarks"] = (points - (left, top)) / step
        record["height"], record["width"] = pixels[0].shape[:2]
        if kind == "image":
            side = min(NATIVE[kind], *image.shape[:2])
            left, top = corner(image.shape, _middle(face), side)
            pixels.append(image[top : top + side, left : left + side])
        elif step > 1:
            side = min(NATIVE[kind], face.size * (1 + ROOM))
            left, top, right, bottom = _around(face, side, image)
            pixels.append(image[top:bottom, left:right])
        record["native_box"] = np.array(face.box) - (left, top, left, top)
        record["native_height"], record["native_width"] = pixels[-1].shape[:2]
        return record, pixels


def _upright(image: np.ndarray, face: Face) -> tuple[np.ndarray, Face]:
    """A picture turned about a face as `crop_face` would turn it, and the face in it."""
    if abs(face.roll) <= LEVEL:
        return image, face
    middle = np.array(face.box).reshape(2, 2).mean(axis=0)
    back = turn(-face.roll)
    matrix = np.column_stack([back, middle - 0.5 - back @ (middle - 0.5)])
    turned = cv2.warpAffine(image, matrix, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    landmarks = (face.landmarks - middle) @ back.T + middle
    return turned, Face(face.box, face.score, landmarks.astype(np.float32))


def upload_of(path: Path) -> Upload:
    """A file of the data, by its content: names that say otherwise are common in collections.

    Raises:
        Lost: it is of no known type.
        OSError: it is missing.
    """
    with path.open("rb") as file:
        found = sniff(file.read(HEAD))
    if not isinstance(found, Format):
        raise Lost("unsupported_type")
    return Upload(path, path.name, found.name, found.kind, path.stat().st_size)


def _middle(face: Face) -> tuple[float, float]:
    return (face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2


def _around(face: Face, side: float, image: np.ndarray) -> tuple[int, int, int, int]:
    """The square of `side` px around a face, without what lies outside the picture."""
    x, y = _middle(face)
    height, width = image.shape[:2]
    return (
        max(0, int(x - side / 2)), max(0, int(y - side / 2)),
        min(width, int(np.ceil(x + side / 2))), min(height, int(np.ceil(y + side / 2))),
    )  # fmt: skip
