"""How the heads of made sequences move: side by side, crossing, leaving, jumping."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from backend.training.measure.face_sequences import MOMENTS, STEP

SIZE, FACE = (1280, 720), 110  # px of a frame and of a face

Walk = Callable[[int], tuple[float, float] | None]  # moment -> middle of a head, px; None: away


def _still(rng: np.random.Generator) -> list[Walk]:
    return [lambda _, x=x: (x, 360.0) for x in (220.0, 640.0, 1060.0)]


def _crossing(rng: np.random.Generator) -> list[Walk]:
    speed, height = rng.uniform(25, 75, 2), rng.uniform(300, 420, 2)
    return [
        lambda n: (_bounced(150 + speed[0] * n), height[0]),
        lambda n: (_bounced(1130 + speed[1] * n), height[1]),
    ]


def _wandering(rng: np.random.Generator) -> list[Walk]:
    speed, phase = rng.uniform(0.1, 0.3, 3), rng.uniform(0, 6.3, 3)
    return [
        lambda n, s=s, p=p: (640 + 480 * np.sin(p + s * n), 360 + 150 * np.cos(p + 1.3 * s * n))
        for s, p in zip(speed, phase, strict=True)
    ]


def _leaving(rng: np.random.Generator) -> list[Walk]:
    start, away = rng.integers(6, 14, 3), rng.integers(3, 12, 3)
    homes = np.array((220.0, 640.0, 1060.0))
    later = rng.permutation(homes)

    def walk(person: int) -> Walk:
        gone, back = start[person], start[person] + away[person]
        return lambda n: (
            None if gone <= n < back else ((homes if n < gone else later)[person], 360.0)
        )

    return [walk(person) for person in range(3)]


def _jumping(rng: np.random.Generator) -> list[Walk]:
    """As filmed once a second: up to two sizes of the face from one moment to the next."""

    def walk(low: float, high: float) -> Walk:
        x = [rng.uniform(low, high)]
        for _ in range(MOMENTS):
            x.append(float(np.clip(x[-1] + rng.uniform(-2, 2) * FACE, low, high)))
        return lambda n: (x[n], 360.0)

    return [walk(130, 480), walk(780, 1150)]


def _bounced(x: float) -> float:
    """Between the edges, to and fro."""
    span = 1280 - 300
    x = (x - 150) % (2 * span)
    return 150 + min(x, 2 * span - x)


# Name -> what draws the walks of a cast, and the seconds between two moments.
KINDS: dict[str, tuple[Callable[[np.random.Generator], list[Walk]], float]] = {
    "side by side": (_still, STEP),
    "two who cross": (_crossing, STEP),
    "three who wander": (_wandering, STEP),
    "leaving and coming back elsewhere": (_leaving, STEP),
    "one picture a second": (_jumping, 1.0),
}
