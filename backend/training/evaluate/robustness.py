"""Errors under what a picture may have gone through, and for each real source by itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from backend.training.augment import degrade
from backend.training.calibrate import CONDITIONS
from backend.training.data.index import Sample
from backend.training.evaluate.metrics import auc_drop, measure, share

if TYPE_CHECKING:
    from backend.training.evaluate.predictions import Judged

UNTOUCHED = "as it is"
_NEUTRAL = np.zeros(3)
GRID: dict[str, degrade.Change] = {
    "JPEG 90": degrade.jpeg(90),
    "JPEG 70": degrade.jpeg(70),
    "JPEG 50": degrade.jpeg(50),
    "JPEG 30": CONDITIONS["JPEG 30"],
    "H.264 CRF 23": degrade.h264(23),
    "H.264 CRF 32": CONDITIONS["H.264 CRF 32"],
    "H.264 CRF 40": degrade.h264(40),
    "half size": CONDITIONS["half size"],
    "quarter size": CONDITIONS["quarter size"],
    "blur, sigma 1.5 px": degrade.blur(1.5),
    "noise, sigma 8": degrade.noise(8, seed=0),
    "half as bright": degrade.tone(0.5, 0, 1.0, 1.0, _NEUTRAL),
    "brighter by 40 %": degrade.tone(1.4, 0, 1.0, 1.0, _NEUTRAL),
}
TURNED = {"turned by 15°": 15.0, "turned by 30°": 30.0}  # about the face, see `degrade.turn`


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


def grid(judged: Judged, resamples: int) -> list[dict]:
    """Rows {set, condition, faces, auc, drop, real_called_fake, fake_called_real} of `val`.

    `drop` is the AUC of the same faces untouched less that under the condition, in pairs.
    """
    rows = []
    for archive in ("dfdc.tar", "stills.tar"):
        own = np.array([s.split == "val" and s.archive == archive for s in judged.samples])
        if not own.any():
            continue
        for name in judged.outputs:
            members = np.flatnonzero(own & judged.known(name))
            before, after = judged.scored(members), judged.scored(members, name)
            both = before.labels == 2
            rows.append(
                {
                    "set": f"val {archive.removesuffix('.tar')}",
                    "condition": name,
                    "faces": len(members),
                    "auc": asdict(measure(after, resamples)["auc"]) if both else None,
                    "drop": asdict(auc_drop(before, after, resamples)) if both else None,
                    **judged.rates(after),
                }
            )
    return rows


def real_faces(judged: Judged) -> list[dict]:
    """Rows {split, source, condition, faces, groups, called_fake} of each real source by itself."""
    rows = []
    samples = judged.samples
    for split, source in sorted({(s.split, s.source) for s in samples if not s.fake}, reverse=True):
        own = np.array([(s.split, s.source, s.fake) == (split, source, False) for s in samples])
        for name in CONDITIONS:
            members = np.flatnonzero(own & judged.known(name))
            scored = judged.scored(members, name)
            rate = share(scored.called_fake, scored.groups)
            rows.append(
                {
                    "split": split,
                    "source": source,
                    "condition": name,
                    "faces": len(members),
                    "groups": len(set(scored.groups)),
                    "called_fake": None if rate is None else asdict(rate),
                }
            )
    return rows
