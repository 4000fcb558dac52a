"""The face in each picture of the training data, found once and kept."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from backend.errors import SetupError
from backend.faces.detector import FaceDetector
from backend.faces.mesh import FaceMesh
from backend.settings import ROOT

# What decides where a face is; boxes of another version are not those that serving cuts out.
FINDING = ("faces/resize.py", "faces/blazeface.py", "faces/detector.py", "faces/mesh.py")


def decode(data: bytes) -> np.ndarray | None:
    """Decode a picture of the training data (never an upload): uint8 RGB, None if damaged."""
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # no byte at all, or a size beyond reason
        return None
    return None if image is None else np.ascontiguousarray(image[..., ::-1])


def find_faces(pictures: Sequence[bytes], cache: Path) -> list[np.ndarray]:
    """Find the main face of each encoded picture.

    Faces are kept in `cache` under the hash of their picture, so that only the first call is slow,
    and a face of what an archive held before is never taken for that of what it holds now.

    Returns:
        float32, shape (470, 2), px: two corners of the box, then the mesh; NaN where there is none.

    Raises:
        SetupError: the folder cannot be written.
    """
    version = hashlib.sha256(b"".join((ROOT / "backend" / p).read_bytes() for p in FINDING))
    store = cache / f"faces-{version.hexdigest()[:16]}.npz"
    keys = [hashlib.sha256(picture).hexdigest()[:32] for picture in pictures]
    known = _read(store)
    wanted = {k: picture for k, picture in zip(keys, pictures, strict=True) if k not in known}
    if wanted:
        try:
            cache.mkdir(parents=True, exist_ok=True)  # if that fails, then before the long search
            known |= _search(wanted)
            _write(store, known)
        except OSError as error:
            raise SetupError(
                f"The faces found cannot be kept in {cache}: {error.strerror}."
            ) from None
    return [known[key] for key in keys]


def _read(store: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(store) as saved:
            return dict(zip(saved["pictures"].tolist(), saved["faces"], strict=True))
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error):
        return {}  # missing or damaged: the faces are found again


def _write(store: Path, known: dict[str, np.ndarray]) -> None:
    with tempfile.TemporaryDirectory(dir=store.parent) as place:
        part = Path(place) / store.name
        np.savez_compressed(
            part, pictures=np.array(list(known)), faces=np.stack(list(known.values()))
        )
        os.replace(part, store)  # it appears whole, also where two commands write it


def _search(pictures: dict[str, bytes]) -> dict[str, np.ndarray]:
    detector, mesh = FaceDetector(), FaceMesh()

    def find(picture: bytes) -> np.ndarray:
        nothing = np.full((470, 2), np.nan, np.float32)
        image = decode(picture)
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

    found = {}
    with ThreadPoolExecutor(2) as pool:
        each = zip(pictures, pool.map(find, pictures.values()), strict=True)
        for done, (key, face) in enumerate(each, 1):
            found[key] = face
            if done % 500 == 0 or done == len(pictures):
                print(
                    f"\rfinding faces {done}/{len(pictures)}",
                    end="", file=sys.stderr, flush=True,
                )  # fmt: skip
    print(file=sys.stderr)
    return found
