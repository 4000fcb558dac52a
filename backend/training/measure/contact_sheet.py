"""What each network is fed, as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from backend.errors import SetupError
from backend.training.data.face_cache import FaceCache
from backend.training.fit.loop import sampler_of
from backend.training.recipe import MEMBERS, RECIPES, Recipe, read_recipe

COLUMNS, ROWS = 4, 3  # pairs of each recipe
HEAD = 16  # px


def draw(faces: FaceCache, licences: Sequence[str], into: Path) -> None:
    """Write the sheet: pairs of each recipe, real and fake, and where known what was changed.

    Args:
        faces: of all splits.
        licences: of the faces that may be shown, as the index states them; nobody else is.
        into: JPEG.

    Raises:
        SetupError: no recipe can be drawn from such faces.
    """
    shown = [
        replace(face, row=replace(face.row, split="train"))
        for face in faces.faces
        if face.row.licence in licences
    ]
    recipes = [read_recipe(RECIPES / f"{name}.toml") for name in MEMBERS]
    parts = [part for recipe in recipes if (part := _pairs(recipe, shown)) is not None]
    if not parts:
        raise SetupError(
            "No pairs can be shown: name the licences of faces that may be, with --licence."
        )
    width = max(part.shape[1] for part in parts)
    fill = cv2.BORDER_CONSTANT
    parts = [
        cv2.copyMakeBorder(part, 0, 0, 0, width - part.shape[1], fill, value=(255,) * 3)
        for part in parts
    ]
    _, data = cv2.imencode(".jpg", np.vstack(parts)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    into.write_bytes(data.tobytes())


def _pairs(recipe: Recipe, faces: Sequence) -> np.ndarray | None:
    """The pairs of one recipe, uint8 RGB; without the kinds that cannot be drawn."""
    lacking = sampler_of(recipe, faces).lacking()
    mix = {kind: share for kind, share in recipe.mix.items() if kind not in lacking}
    if not any(mix.values()):
        return None
    images, masks, _, kinds = sampler_of(replace(recipe, mix=mix), faces).batch(0, COLUMNS * ROWS)
    tiles = []
    for index, kind in enumerate(kinds):
        tile, mask = [images[2 * index], images[2 * index + 1]], masks[2 * index + 1]
        if recipe.mask_weight:
            cells = np.uint8(225 * np.nan_to_num(mask, nan=0.5))
            cells = cv2.resize(cells, images.shape[1:3], interpolation=cv2.INTER_NEAREST)
            tile.append(cv2.cvtColor(cells, cv2.COLOR_GRAY2RGB))
        tile = np.hstack(tile)
        tile[:HEAD] = 255
        text = f"{recipe.name}: real | {kind}{' | changed' if recipe.mask_weight else ''}"
        cv2.putText(tile, text, (4, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0))
        tiles.append(cv2.copyMakeBorder(tile, 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=(255,) * 3))
    return np.vstack([np.hstack(tiles[i : i + COLUMNS]) for i in range(0, len(tiles), COLUMNS)])
