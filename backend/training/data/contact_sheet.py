"""What the network is fed, as a picture: `python -m backend.training.data.contact_sheet DATA`.

Only faces that may be shown are on it: the London Set stands for the real faces that are trained
on, and is itself never trained on; the generated ones are from training.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from backend.cli.exit_codes import answered
from backend.training.data.index import load
from backend.training.data.pair_sampler import PairSource
from backend.training.evaluate.failures import SHOWABLE
from backend.training.recipe import Mix, read_recipe

CONFIG = Path(__file__).parent.parent / "configs" / "twentyfirst.toml"
COLUMNS, ROWS = 4, 5  # pairs
MIX = Mix(swap=0, blend_video=0, blend_still=0.5, cross=0.12, expression=0.08, generated=0.3)


def main() -> None:
    """Write the sheet: real, fake and changed cells of each pair."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder that holds faces/")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="holds the found faces")
    parser.add_argument("--out", type=Path, default=Path("docs/contact_sheet.jpg"))
    args = parser.parse_args()
    recipe = read_recipe(CONFIG)
    dataset = load(args.data, args.runs / "cache", ("train", "dev"))
    shown = [replace(s, split="train") for s in dataset.samples if s.licence in SHOWABLE]
    source = PairSource(
        shown,
        MIX,
        recipe.size,
        recipe.margin,
        recipe.seed,
        recipe.untouched,
        redraw=recipe.redraw,
    )
    images, _, masks, kinds = source.batch(0, COLUMNS * ROWS)
    tiles = []
    for index, kind in enumerate(kinds):
        real, fake = images[2 * index], images[2 * index + 1]
        cells = cv2.resize(masks[2 * index + 1], fake.shape[:2], interpolation=cv2.INTER_NEAREST)
        cells = cv2.cvtColor(np.uint8(255 * cells), cv2.COLOR_GRAY2RGB)
        tile = np.hstack([real, fake, cells])
        tile[:16] = 255
        name = kind.replace("_still", "")
        cv2.putText(
            tile, f"real | {name} | mask", (4, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0)
        )
        tiles.append(cv2.copyMakeBorder(tile, 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=(255,) * 3))
    sheet = np.vstack([np.hstack(tiles[i : i + COLUMNS]) for i in range(0, len(tiles), COLUMNS)])
    _, data = cv2.imencode(".jpg", sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    args.out.write_bytes(data.tobytes())


if __name__ == "__main__":
    sys.exit(answered(main))
