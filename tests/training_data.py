"""A data folder like the real one, made of the astronaut, and recipes small enough to run on it."""

from __future__ import annotations

import csv
import io
import json
import tarfile
import tomllib
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from backend.settings import ROOT
from backend.training.augment.blend import blend

CONFIG = ROOT / "backend" / "training" / "configs" / "first.toml"
RECIPE = CONFIG.read_text()


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


def write_recipe(path, **changes):
    """Write the first recipe with small numbers, and others of its fields."""
    changes = {"size": 64, "pairs": 2, "steps": 40, "warmup": 1, "checkpoint_every": 7} | changes
    fields = tomllib.loads(RECIPE)
    mix = changes.pop("mix", fields.pop("mix"))
    lines = [f"{name} = {json.dumps(value)}" for name, value in (fields | changes).items()]
    shares = [f"{kind} = {json.dumps(share)}" for kind, share in mix.items()]
    path.write_text("\n".join([*lines, "[mix]", *shares]) + "\n")
    return path
