"""A small data folder to train and to measure on, and recipes small enough to run on it."""

from __future__ import annotations

import csv
import json
import tomllib
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from backend.settings import ROOT
from backend.training.augment.blend import blend
from backend.training.data.index import INDEX, PART, SPLITS, Row
from tests import made_media

RECIPES = ROOT / "backend" / "training" / "recipes"
PICTURES, CLIPS = 4, 2  # real ones of a split, each with a fake of the same group
TIGHT = 200  # px
FRAMES = 6  # of a clip, which lasts a second


def make_folder(folder: Path, image: np.ndarray, landmarks: np.ndarray) -> Path:
    """Fill `folder` with the face given: pictures and clips of it, and fakes made of them.

    Swaps are self-blends, generated faces lack fine detail. The faces of "dev-a" and "dev-b" have
    other methods and sources than those of "train" and "val".
    """
    rng, rows = np.random.default_rng(0), []
    for split in SPLITS:
        unseen = split.startswith("dev")
        place = f"{split} " if unseen else ""
        for number in range(PICTURES + CLIPS):
            real = cv2.convertScaleAbs(image, alpha=rng.uniform(0.7, 1.1))
            if number % 2 == 0:  # cut so tightly that its swap lies over it, pixel by pixel
                real = real[:TIGHT, :TIGHT]
            if number < PICTURES:
                kind, ending, source = "image", "png", f"{place}page"
            else:
                kind, ending, source = "video", "mp4", f"{place}studio"
            if number == 1:
                family, method = "gan", f"{place}generator"
                fake = cv2.bilateralFilter(real, 9, 40, 5)
            else:
                family, method = "swap", f"{place}blend"
                fake = blend(real, landmarks, rng)[0]
            for label, picture in (("real", real), ("fake", fake)):
                name = f"{label}/{split}{number}.{ending}"
                write(folder / name, picture)
                made = (family, method) if label == "fake" else ("none", "none")
                rows.append(row(name, kind, source, f"{split}{number}", split, *made, unseen))
    write_index(folder, rows)
    return folder


def write(path: Path, picture: np.ndarray) -> None:
    """Save a uint8 RGB picture as what the extension says; a clip shows it as a hand films it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".mp4":
        filmed = [made_media.filmed(picture, number) for number in range(FRAMES)]
        made_media.clip_of(path, filmed, fps=FRAMES)
    else:
        Image.fromarray(picture).save(path)


def row(
    file, kind="image", source="page", group="", split="train", family="none", method="none",
    unseen=False, part=(0.0, 0.0, 1.0, 1.0), licence="public domain",
) -> Row:  # fmt: skip
    """A row of the index: of a fake where it names a family."""
    fake, group = family != "none", group or file
    return Row(
        file, fake, kind, family, method, source, group, split, unseen, part, licence
    )  # fmt: skip


def write_index(folder: Path, rows: list[Row]) -> None:
    """Write the table of a data folder."""
    lines = []
    for each in rows:
        fields = asdict(each) | {
            "label": "fake" if each.fake else "real",
            "unseen": "yes" if each.unseen else "no",
            **dict(zip(PART, each.part, strict=True)),
        }
        lines.append({name: fields[name] for name in fields if name not in ("fake", "part")})
    with (folder / INDEX).open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, lines[0])
        table.writeheader()
        table.writerows(lines)


def write_recipe(path: Path, like: str = "face", **changes) -> Path:
    """Write the recipe `like` with small numbers, and others of its fields."""
    small = {"size": 64, "pairs": 2, "steps": 40, "warmup": 1, "choose_every": 10}
    fields = tomllib.loads((RECIPES / f"{like}.toml").read_text()) | small | changes
    mix = fields.pop("mix")
    lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items()]
    shares = [f"{kind} = {json.dumps(share)}" for kind, share in mix.items()]
    path.write_text("\n".join([*lines, "[mix]", *shares]) + "\n")
    return path
