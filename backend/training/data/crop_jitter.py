"""How the faces of a training pair are cut out: flipped, shifted, nearer or farther, turned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Framing:
    """How a face is cut out: the detector's own uncertainty, and more.

    Attributes:
        flip: left and right are exchanged.
        scale: of the box.
        shift: of the box, in sides of it.
        edge: share of the crop at the left, top, right and bottom that lies outside the picture,
            where its edge is repeated. Some sources cut so tightly that many have such edges;
            drawn for all sources, they stop meaning anything.
        tilt: degrees that the picture is turned by about the face; without it, what tells fakes
            is lost in pictures that were turned after they were taken or made.
        cubic: how it is resampled then, else linearly, as masks always are.
    """

    flip: bool
    scale: float
    shift: np.ndarray
    edge: np.ndarray
    tilt: float
    cubic: bool


def draw_framing(rng: np.random.Generator) -> Framing:
    """One framing, for both members of a pair."""
    # From nearer and from farther, as the several looks at a face; else as the detector errs.
    scales = rng.uniform(0.8, 1.0), rng.uniform(1.0, 1.25), float(np.exp(rng.normal(0, 0.06)))
    return Framing(
        rng.random() < 0.5,
        scales[rng.choice(3, p=(0.3, 0.2, 0.5))],
        rng.normal(0, 0.025, 2),
        rng.uniform(0, 0.12, 4) * (rng.random(4) < 0.5) * (rng.random() < 0.4),
        float(np.clip(rng.normal(0, 14), -45, 45)) if rng.random() < 0.4 else 0.0,
        bool(rng.integers(2)),
    )
