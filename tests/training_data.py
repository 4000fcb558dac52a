"""A data folder like the real one, made of the astronaut: pairs and stills in every split."""

from __future__ import annotations

import csv
import io
import tarfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from backend.training.blend import blend


def png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "png")
    return file.getvalue()


def make_folder(folder: Path, image: np.ndarray, landmarks: np.ndarray) -> Path:
    """Fill `folder`; the fakes are self-blends of the face given."""
    (folder / "faces").mkdir()
    rng = np.random.default_rng(0)
    rows = []
    for archive, source in (("dfdc.tar", "dfdc"), ("stills.tar", "portraits")):
        with tarfile.open(folder / "faces" / archive, "w") as tar:
            for split in ("train", "val", "dev"):
                for number in range(4):
                    real = cv2.convertScaleAbs(image, alpha=rng.uniform(0.7, 1.1))
                    fake = blend(real, landmarks, rng)[0]
                    for label, picture in (("real", real), ("fake", fake)):
                        name = f"{source}/{label}/{split}{number}.png"
                        content = png(picture)
                        info = tarfile.TarInfo(name)
                        info.size = len(content)
                        tar.addfile(info, io.BytesIO(content))
                        group = f"{source}:{split}{number}"
                        rows.append([archive, name, label, source, split, group])
    with (folder / "faces" / "index.csv").open("w", newline="") as file:
        columns = ["archive", "file", "label", "source", "split", "group"]
        csv.writer(file).writerows([columns, *rows])
    return folder
