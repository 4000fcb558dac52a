"""What a model says of labelled faces: scores under each condition, and what follows from them."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from backend.models.calibration import Kind
from backend.models.classifier import Classifier
from backend.models.quality import DARKEST, SOFTEST, brightness, sharpness
from backend.training.augment import degrade
from backend.training.augment.conditions import CONDITIONS, GRID, TURNED, UNTOUCHED
from backend.training.data.index import Sample
from backend.training.evaluate import metrics
from backend.training.evaluate.metrics import Scored, share

Change = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is judged.

    Attributes:
        grid: faces of `val` for the conditions of the robustness grid; None for all.
        complete: judge all of `val` and all real faces under each of `CONDITIONS`, as the
            calibration does; otherwise those of `grid` alone.
        resamples: of the bootstrap.
        pairs: training pairs for the shortcut checks.
    """

    grid: int | None = 600
    complete: bool = True
    resamples: int = metrics.RESAMPLES
    pairs: int = 1600


QUICK = Effort(120, False, 200, 96)
FULL = Effort(None, True, metrics.RESAMPLES, 1600)


def score(
    classifier: Classifier,
    samples: Sequence[Sample],
    change: Change | None = None,
    tilt: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Judge each sample, also those that serving would refuse as too blurred or too dark.

    Args:
        change: applied to each picture before it is cropped.
        tilt: degrees by which each picture is turned about its face then.

    Returns:
        (float32, shape (len(samples), L, K): what the network says, see `Classifier.outputs`;
        float32, shape (len(samples),): sharpness of the crops, see
        `backend.models.quality.sharpness`, 0 for those that are too dark. Serving refuses what
        lies below `SOFTEST`).
    """
    shape = len(samples), classifier.calibration.looks, max(1, len(classifier.facts.heads))
    outputs, sharp = np.zeros(shape, np.float32), np.zeros(len(samples), np.float32)
    for start in range(0, len(samples), 64):
        cuts = []
        for sample in samples[start : start + 64]:
            image = change(sample.image()) if change else sample.image()
            if tilt:
                left, top, right, bottom = sample.box
                middle = (left + right) / 2, (top + bottom) / 2
                image = degrade.turn(tilt, middle, cubic=True)(image)
            cuts.append(classifier.cut(image, sample.box))
        outputs[start : start + 64] = classifier.outputs(np.stack(cuts))[0]
        sharp[start : start + 64] = [
            0.0 if brightness(view) < DARKEST else sharpness(view)
            for view in map(classifier.view, cuts)
        ]
        print(f"\rjudging {min(start + 64, len(samples))}/{len(samples)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    return outputs, sharp


@dataclass(frozen=True)
class Judged:
    """The faces of `val` and `dev` and what the network says of them.

    Attributes:
        samples: N of them.
        outputs: condition -> float (N, L, K), NaN where a face was not judged under it.
        sharpness: condition -> float (N,), of the crops; NaN as above.
    """

    classifier: Classifier
    samples: Sequence[Sample]
    outputs: dict[str, np.ndarray]
    sharpness: dict[str, np.ndarray]

    def known(self, condition: str) -> np.ndarray:
        """bool (N,): which faces were judged under a condition."""
        return ~np.isnan(self.sharpness[condition])

    def scored(
        self,
        members: np.ndarray,
        condition: str = UNTOUCHED,
        kind: Kind | None = None,
    ) -> Scored:
        """The faces at `members` (indices) under a condition.

        Args:
            kind: of files that serving takes the faces from; None for that of each sample.
        """
        chosen = [self.samples[i] for i in members]
        kinds = np.array([kind or s.kind for s in chosen])
        sharpness = self.sharpness[condition][members]
        ranks, fake_from, real_to = np.zeros((3, len(chosen)))
        for each in np.unique(kinds):
            own, how = kinds == each, self.classifier.of(each).calibration
            raw = how.logits(self.outputs[condition][members][own], sharpness[own])
            ranks[own] = how.calibrated(raw)
            fake_from[own], real_to[own] = how.threshold_fake, how.threshold_real
        return Scored(
            np.array([s.fake for s in chosen], bool),
            ranks,
            1 / (1 + np.exp(-ranks)),
            [s.group for s in chosen],
            fake_from,
            real_to,
            sharpness < SOFTEST,
        )

    def rates(self, scored: Scored) -> dict[str, dict | None]:
        """Shares with each verdict."""
        groups = np.asarray(scored.groups)
        called_fake, called_real = scored.called_fake, scored.called_real
        real = ~scored.fake
        found = {
            "real_called_fake": share(called_fake[real], groups[real]),
            "fake_called_real": share(called_real[scored.fake], groups[scored.fake]),
            "real_called_real": share(called_real[real], groups[real]),
            "fake_called_fake": share(called_fake[scored.fake], groups[scored.fake]),
            "inconclusive": share(~called_fake & ~called_real, groups),
        }
        return {name: None if rate is None else asdict(rate) for name, rate in found.items()}


def judge(classifier: Classifier, samples: Sequence[Sample], effort: Effort) -> Judged:
    """Judge `samples` (of `val` and `dev`) untouched and under each condition of the grid."""
    drawn = set(draw([s.split == "val" for s in samples], samples, effort.grid))
    if effort.complete:
        known = {i for i, s in enumerate(samples) if s.split == "val" or not s.fake}
    else:
        dev = draw([s.split == "dev" for s in samples], samples, effort.grid)
        known = drawn | {i for i in dev if not samples[i].fake}
    outputs, sharp = {}, {}
    outputs[UNTOUCHED], sharp[UNTOUCHED] = score(classifier, samples)
    for name in (*GRID, *TURNED):
        members = sorted(drawn | known if name in CONDITIONS else drawn)
        outputs[name] = np.full_like(outputs[UNTOUCHED], np.nan)
        sharp[name] = np.full(len(samples), np.nan, np.float32)
        change, tilt = GRID.get(name), TURNED.get(name, 0.0)
        found = score(classifier, [samples[i] for i in members], change, tilt)
        outputs[name][members], sharp[name][members] = found
    return Judged(classifier, samples, outputs, sharp)


def draw(allowed: Sequence[bool], samples: Sequence[Sample], count: int | None) -> list[int]:
    """A seeded choice: half of it whole DFDC pairs, half other faces, sources in equal numbers.

    Args:
        allowed: which samples may be drawn.
        count: how many at most; None for all.

    Returns:
        Indices, rising.
    """
    candidates = [i for i, good in enumerate(allowed) if good]
    if count is None or count >= len(candidates):
        return candidates
    rng = np.random.default_rng(1)
    pools: dict[tuple, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for i in candidates:
        sample = samples[i]
        video = sample.archive == "dfdc.tar"
        pools[video, None if video else (sample.source, sample.fake)][sample.group].append(i)
    chosen: list[int] = []
    for video in (True, False):
        queues = [
            [pools[key][group] for group in rng.permutation(sorted(pools[key]))]
            for key in sorted(pools, key=str)
            if key[0] == video
        ]
        part: list[int] = []
        while any(queues) and len(part) < count // 2:
            for queue in queues:
                part += queue.pop() if queue else []
        chosen += part
    return sorted(chosen)
