"""Batches of pairs: each real face beside a fake of its own kind, both degraded alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property

import cv2
import numpy as np

from backend.models.crops import crop_face
from backend.training.augment import degrade
from backend.training.augment.blend import blend
from backend.training.augment.regions import EXPRESSIONS, REGIONS
from backend.training.augment.warp import RIGID, change_expression
from backend.training.data.crop_jitter import draw_framing
from backend.training.data.equalise import difference, equal_reach, equal_tone
from backend.training.data.index import Sample
from backend.training.recipe import CELL, Mix


class PairSource:
    """Draws training pairs; every draw depends on the seed and the step alone.

    Args:
        samples: of the `train` split.
        mix: see `Mix`.
        size: input side of the network, px.
        margin: see `crop_square`.
        seed: of the whole run.
        untouched: share of the pairs that lose nothing, as a first-hand picture.
        augment: False gives every face as serving would see it, without losses or framing.
        regions: of the face that are blended, keys of `backend.training.augment.regions.REGIONS`.
        redraw: share of the blends whose inner face `backend.training.augment.redraw` draws anew.
    """

    def __init__(
        self,
        samples: list[Sample],
        mix: Mix,
        size: int,
        margin: float,
        seed: int,
        untouched: float = 0.0,
        augment: bool = True,
        regions: tuple[str, ...] = tuple(REGIONS),
        redraw: float = 0.0,
    ):
        self.size, self.margin, self.seed = size, margin, seed
        self.untouched, self.augment, self.regions = untouched, augment, regions
        self.redraw = redraw
        self._kinds = [name for name in Mix.__slots__ if getattr(mix, name) > 0]
        shares = np.array([getattr(mix, name) for name in self._kinds])
        self._shares = shares / shares.sum()
        groups: dict[str, dict[bool, Sample]] = defaultdict(dict)
        self._stills: dict[str, list[Sample]] = defaultdict(list)
        self._generated: dict[str, list[Sample]] = defaultdict(list)
        for sample in samples:
            if sample.archive == "dfdc.tar":
                groups[sample.group][sample.fake] = sample
            else:
                (self._generated if sample.fake else self._stills)[sample.source].append(sample)
        self._pairs = [pair for pair in groups.values() if len(pair) == 2]
        self._video = [pair[False] for pair in groups.values() if False in pair]

    def batch(self, step: int, pairs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
        """Make one batch.

        Returns:
            images: uint8, shape (2 * pairs, size, size, 3), real and fake in turn.
            labels: float32, shape (2 * pairs,), 1 for fake.
            masks: float32, shape (2 * pairs, size / 16, size / 16), the changed share of each cell.
            kinds: the kind of each pair.
        """
        rng = np.random.default_rng([self.seed, step])
        cells = self.size // CELL
        images = np.empty((2 * pairs, self.size, self.size, 3), np.uint8)
        masks = np.zeros((2 * pairs, cells, cells), np.float32)
        # Stratified: every kind appears in every batch in its share, rounded at random.
        edges = np.cumsum(self._shares)
        kinds = [
            self._kinds[int(np.searchsorted(edges, (i + rng.random()) / pairs))]
            for i in range(pairs)
        ]
        for i, kind in enumerate(kinds):
            images[2 * i], images[2 * i + 1], masks[2 * i + 1] = self._pair(kind, rng)
        return images, np.tile(np.array([0, 1], np.float32), pairs), masks, kinds

    @cached_property
    def _redrawer(self):
        from backend.training.augment.redraw import (
            Redrawer,  # torch, which not every run needs here
        )

        return Redrawer()

    def _still(self, rng) -> Sample:
        """A real still, sources drawn by the root of their size, so that small ones are seen."""
        return _balanced(self._stills, rng)

    def _pair(self, kind: str, rng) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if kind == "swap":
            pair = self._pairs[rng.integers(len(self._pairs))]
            # The swap is laid over its original: one box for both, so that framing says nothing.
            image, fake = pair[False].image(), pair[True].image()
            box = fake_box = pair[bool(rng.integers(2))].box
            mask = difference(image, fake, pair[False].landmarks)
        elif kind == "generated":
            sample, other = self._still(rng), _balanced(self._generated, rng)
            image, fake = sample.image(), other.image()
            box, fake_box = sample.box, other.box
            image, box, fake, fake_box = equal_reach(image, box, fake, fake_box, rng)
            if rng.random() < 0.9:
                image, fake = equal_tone(image, box, fake, fake_box, rng)
            mask = np.ones(fake.shape[:2], np.float32)
        else:
            video = kind == "blend_video"
            if kind in ("cross", "expression") and self._video:
                video = rng.random() < 0.5
            sample = self._video[rng.integers(len(self._video))] if video else self._still(rng)
            image, box = sample.image(), sample.box
            other = moved = None
            regions = self.regions
            if kind == "cross":
                neighbour = self._similar(sample, video, rng, slice(None, None, 9))
                other = (neighbour.image(), neighbour.landmarks)
            elif kind == "expression":
                donor = self._similar(sample, video, rng, RIGID)
                moving, drawn = EXPRESSIONS[rng.integers(len(EXPRESSIONS))]
                drawn = [name for name in drawn if name in regions] or regions
                regions = (drawn[rng.integers(len(drawn))],)
                moved = change_expression(image, sample.landmarks, donor.landmarks, moving, rng)
            redraw = self._redrawer if self.redraw and rng.random() < self.redraw else None
            fake, alpha = blend(image, sample.landmarks, rng, other, moved, regions, redraw)
            mask = (alpha > 0.1).astype(np.float32)
            fake_box = box
        intact = rng.random() < self.untouched
        early = rng.random() < 0.5
        seed = int(rng.integers(1 << 31))
        framing = draw_framing(rng)
        when = None if intact else early
        return (
            self._finish(image, box, framing, when, seed),
            self._finish(fake, fake_box, framing, when, seed),
            self._cells(mask, fake_box, framing),
        )

    def _similar(self, sample: Sample, video: bool, rng, points) -> Sample:
        """The most similar of sixteen random faces of the same kind, by the shape of `points`."""
        pool = self._video if video else self._stills[sample.source]
        choices = [pool[i] for i in rng.integers(0, len(pool), 16)]
        choices = [c for c in choices if c.group != sample.group] or choices
        shape = _shape(sample, points)
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
            crop = degrade.draw(np.random.default_rng(seed), self.size)(crop)
        return crop

    def _frame(self, image, box, framing) -> np.ndarray:
        """Crop a picture or a mask."""
        if not self.augment:
            return crop_face(image, box, self.margin, self.size)
        left, top, right, bottom = box
        side = max(right - left, bottom - top)
        x = (left + right) / 2 + framing.shift[0] * side
        y = (top + bottom) / 2 + framing.shift[1] * side
        half = side * framing.scale / 2
        if framing.tilt:
            image = degrade.turn(framing.tilt, (x, y), framing.cubic and image.ndim == 3)(image)
        crop = crop_face(image, (x - half, y - half, x + half, y + half), self.margin, self.size)
        left, top, right, bottom = (int(share * self.size) for share in framing.edge)
        inside = crop[top : self.size - bottom, left : self.size - right]
        crop = cv2.copyMakeBorder(inside, top, bottom, left, right, cv2.BORDER_REPLICATE)
        return np.ascontiguousarray(crop[:, ::-1]) if framing.flip else crop

    def _cells(self, mask, box, framing) -> np.ndarray:
        """A mask in px of the picture as shares of cells of the crop."""
        cells = self.size // CELL
        crop = self._frame(mask, box, framing)
        return cv2.resize(crop, (cells, cells), interpolation=cv2.INTER_AREA)


def _balanced(sources: dict[str, list[Sample]], rng) -> Sample:
    names = sorted(sources)
    weights = np.sqrt([len(sources[name]) for name in names])
    pool = sources[names[rng.choice(len(names), p=weights / weights.sum())]]
    return pool[rng.integers(len(pool))]


def _shape(sample: Sample, which) -> np.ndarray:
    left, top, right, bottom = sample.box
    points = sample.landmarks[which] - ((left + right) / 2, (top + bottom) / 2)
    return points / max(right - left, bottom - top)


def without_pictures(mix: Mix, samples: Iterable[Sample]) -> list[str]:
    """The kinds that have a share and cannot be drawn, by what `PairSource` makes each of."""
    labels = defaultdict(set)  # of each clip, and of all stills
    for sample in samples:
        video = sample.archive == "dfdc.tar"
        labels[sample.group if video else None].add(sample.fake)
    stills = labels.pop(None, set())
    has = {
        "swap": any(len(both) == 2 for both in labels.values()),
        "blend_video": any(False in both for both in labels.values()),
        "generated": stills == {False, True},
    }
    real = False in stills  # all other kinds change a real still, if not always
    return [kind for kind in Mix.__slots__ if getattr(mix, kind) > 0 and not has.get(kind, real)]
