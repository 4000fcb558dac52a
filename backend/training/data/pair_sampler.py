"""Batches of face crops in pairs: each real face beside a fake of its own, both degraded alike."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import cv2
import numpy as np

from backend.models.crops import crop_face
from backend.records.media import Kind
from backend.training.augment import degrade
from backend.training.augment.blend import blend
from backend.training.augment.regions import EXPRESSIONS, REGIONS
from backend.training.augment.warp import RIGID, change_expression
from backend.training.data.crop_jitter import draw_framing
from backend.training.data.equalise import difference, equal_reach, equal_tone
from backend.training.data.face_cache import CutFace
from backend.training.data.pools import Partners, fakes
from backend.training.recipe import CELL, Recipe

GENERATED = ("gan", "text-to-image")  # families whose faces never were; all others were changed
NEIGHBOURS = 16  # faces of which the most similar is blended in


class PairSampler:
    """Draws training pairs of face crops; every draw depends on the seed and the step alone.

    Kinds of pairs (`mix` of the recipe):
        manipulated: a swapped, driven or edited face beside its own real one.
        generated: a face that never was beside a photograph.
        blend_video, blend_image: a real face and its self-blend.
        cross: a real face and the same with a similar face blended in.
        expression: a real face and the same with another's expression.
        rendered: a real picture and the same drawn anew as a whole, as a driven portrait is.

    Args:
        faces: of the split "train".
        recipe: of the network.
        augment: False gives every face as serving would see it, without losses or framing.
    """

    def __init__(self, faces: Sequence[CutFace], recipe: Recipe, augment: bool = True):
        self.recipe, self.augment = recipe, augment
        real = [face for face in faces if not face.row.fake]
        fake = [face for face in faces if face.row.fake]
        self._partners = Partners(real)
        self._fakes = {
            "manipulated": fakes(f for f in fake if f.row.family not in GENERATED),
            "generated": fakes(f for f in fake if f.row.family in GENERATED),
        }
        # What is blended needs the mesh to lie on the face.
        meshed = [face for face in real if face.record["meshed"]]
        self._blended = Partners(meshed)
        self._kinds = [name for name, share in recipe.mix.items() if share > 0]
        shares = np.array([recipe.mix[name] for name in self._kinds])
        self._edges = np.cumsum(shares / shares.sum())

    def lacking(self) -> list[str]:
        """The kinds of the mix that cannot be drawn from these faces."""
        needs: dict[str, set[Kind]] = {"blend_video": {"video"}, "blend_image": {"image"}}
        blended = self._blended.kinds()

        def can(kind: str) -> bool:
            if kind in self._fakes:
                return bool(self._fakes[kind] and self._partners.kinds())
            return bool(blended & needs.get(kind, blended))

        return [kind for kind in self._kinds if not can(kind)]

    def batch(self, step: int, pairs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
        """Make one batch.

        Returns:
            images: uint8, shape (2 * pairs, size, size, 3), real and fake in turn.
            masks: float32, shape (2 * pairs, size / 16, size / 16), the changed share of each
                cell; NaN where it is not known.
            heads: int64, shape (pairs,), the head that each pair teaches.
            kinds: of each pair.
        """
        recipe = self.recipe
        rng = np.random.default_rng([recipe.seed, step])
        cells = recipe.size // CELL
        images = np.empty((2 * pairs, recipe.size, recipe.size, 3), np.uint8)
        masks = np.zeros((2 * pairs, cells, cells), np.float32)
        # Stratified: every kind appears in every batch in its share, rounded at random.
        kinds = [
            self._kinds[int(np.searchsorted(self._edges, (i + rng.random()) / pairs))]
            for i in range(pairs)
        ]
        for i, kind in enumerate(kinds):
            images[2 * i], images[2 * i + 1], masks[2 * i + 1] = self._pair(kind, rng)
        heads = np.array([min(kind == "generated", len(recipe.heads) - 1) for kind in kinds])
        return images, masks, heads.astype(np.int64), kinds

    @cached_property
    def _redrawer(self):
        from backend.training.augment.redraw import Redrawer  # torch, which not every run needs

        return Redrawer()

    def _pair(self, kind: str, rng) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if kind in self._fakes:
            made = self._fakes[kind].draw(rng)
            real = self._partners.of(made, rng)
            image, box, fake, fake_box = real.image(), real.box, made.image(), made.box
            if laid_over(real, made):
                # One box for both, so that framing says nothing.
                box = fake_box = (box, fake_box)[rng.integers(2)]
                mask = difference(image, fake, real.landmarks)
            else:
                image, box, fake, fake_box = equal_reach(image, box, fake, fake_box, rng)
                if rng.random() < 0.9:
                    image, fake = equal_tone(image, box, fake, fake_box, rng)
                # Which part a method changed cannot be seen; of a generated face it is all.
                whole = 1.0 if kind == "generated" else np.nan
                mask = np.full(fake.shape[:2], whole, np.float32)
        elif kind == "rendered":
            real = self._blended.draw(_kind_of(kind, rng), rng)
            image, fake = self._redrawer.whole(real.image(), rng)
            box = fake_box = real.box
            mask = np.ones(fake.shape[:2], np.float32)
        else:
            real = self._blended.draw(_kind_of(kind, rng), rng)
            image, box = real.image(), real.box
            fake, alpha = self._blend(kind, real, rng)
            fake_box, mask = box, (alpha > 0.1).astype(np.float32)
        intact = rng.random() < self.recipe.untouched
        early = rng.random() < 0.5
        seed = int(rng.integers(1 << 31))
        framing = draw_framing(rng)
        when = None if intact else early
        return (
            self._finish(image, box, framing, when, seed),
            self._finish(fake, fake_box, framing, when, seed),
            self._cells(mask, fake_box, framing),
        )

    def _blend(self, kind: str, real: CutFace, rng) -> tuple[np.ndarray, np.ndarray]:
        image, regions, other, moved = real.image(), tuple(REGIONS), None, None
        if kind == "cross":
            neighbour = self._similar(real, rng, slice(None, None, 9))
            other = (neighbour.image(), neighbour.landmarks)
        elif kind == "expression":
            donor = self._similar(real, rng, RIGID)
            moving, drawn = EXPRESSIONS[rng.integers(len(EXPRESSIONS))]
            regions = (drawn[rng.integers(len(drawn))],)
            moved = change_expression(image, real.landmarks, donor.landmarks, moving, rng)
        redraw = self._redrawer if rng.random() < self.recipe.redraw else None
        return blend(image, real.landmarks, rng, other, moved, regions, redraw)

    def _similar(self, face: CutFace, rng, points) -> CutFace:
        """The most similar of some faces of the same kind of file, by the shape of `points`."""
        choices = [self._blended.draw(face.row.kind, rng) for _ in range(NEIGHBOURS)]
        choices = [c for c in choices if c.row.group != face.row.group] or choices
        shape = _shape(face, points)
        return min(choices, key=lambda c: float(((_shape(c, points) - shape) ** 2).sum()))

    def _finish(self, image, box, framing, early, seed) -> np.ndarray:
        """Degrade and crop; the same numbers for both members of a pair.

        `early` is True for losses before the crop, False for after it, None for none. A picture is
        flipped with its partner, though generated faces have no left and right in common.
        """
        if early and self.augment:  # losses before the crop, as in a clip
            image = degrade.draw(np.random.default_rng(seed), min(image.shape[:2]))(image)
        crop = self._frame(image, box, framing)
        if early is False and self.augment:  # after it, as in a shared cut-out
            crop = degrade.draw(np.random.default_rng(seed), self.recipe.size)(crop)
        return crop

    def _frame(self, image, box, framing) -> np.ndarray:
        """Crop a picture or a mask."""
        size, margin = self.recipe.size, self.recipe.margin
        if not self.augment:
            return crop_face(image, box, margin, size)
        left, top, right, bottom = box
        side = max(right - left, bottom - top)
        x = (left + right) / 2 + framing.shift[0] * side
        y = (top + bottom) / 2 + framing.shift[1] * side
        half = side * framing.scale / 2
        if framing.tilt:
            image = degrade.turn(framing.tilt, (x, y), framing.cubic and image.ndim == 3)(image)
        crop = crop_face(image, (x - half, y - half, x + half, y + half), margin, size)
        left, top, right, bottom = (int(share * size) for share in framing.edge)
        inside = crop[top : size - bottom, left : size - right]
        crop = cv2.copyMakeBorder(inside, top, bottom, left, right, cv2.BORDER_REPLICATE)
        return np.ascontiguousarray(crop[:, ::-1]) if framing.flip else crop

    def _cells(self, mask, box, framing) -> np.ndarray:
        """A mask in px of the picture as shares of cells of the crop."""
        cells = self.recipe.size // CELL
        if np.isnan(mask[0, 0]):
            return np.full((cells, cells), np.nan, np.float32)
        crop = self._frame(mask, box, framing)
        return cv2.resize(crop, (cells, cells), interpolation=cv2.INTER_AREA)


def _kind_of(kind: str, rng) -> Kind:
    if kind == "blend_video" or (kind != "blend_image" and rng.random() < 0.6):
        return "video"
    return "image"


def laid_over(real: CutFace, fake: CutFace) -> bool:
    """Whether a fake lies over its own original, pixel by pixel, as a swap in the same clip."""
    if real.row.group != fake.row.group or real.record["time"] != fake.record["time"]:
        return False
    if real.image().shape != fake.image().shape:
        return False
    reach = np.abs(np.array(real.box) - fake.box).max()
    return bool(reach < 0.1 * (real.box[2] - real.box[0]))


def _shape(face: CutFace, which) -> np.ndarray:
    left, top, right, bottom = face.box
    points = face.landmarks[which] - ((left + right) / 2, (top + bottom) / 2)
    return points / max(right - left, bottom - top)
