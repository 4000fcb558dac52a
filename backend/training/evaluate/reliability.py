"""Whether the probabilities mean what they say: reliability, and calibration on unseen faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from backend.errors import SetupError
from backend.models.calibration import Calibration, Kind
from backend.models.quality import SOFTEST
from backend.training.augment.conditions import CONDITIONS
from backend.training.calibrate import calibrate
from backend.training.evaluate import metrics
from backend.training.evaluate.metrics import Scored, share

if TYPE_CHECKING:
    from backend.training.evaluate.predictions import Judged


def reliability(name: str, scored: Scored) -> list[dict]:
    """Rows {set, low, high, said, happened, faces}, one for each bin of the ECE."""
    rows = []
    for number in range(metrics.BINS):
        members = scored.bins == number
        if members.any():
            said = scored.probability[members]
            rows.append(
                {
                    "set": name,
                    "low": float(said.min()),
                    "high": float(said.max()),
                    "said": float(said.mean()),
                    "happened": float(scored.fake[members].mean()),
                    "faces": int(members.sum()),
                }
            )
    return rows


def _calibrate(judged: Judged, kind: Kind, members: Sequence[int]) -> Calibration:
    return calibrate(
        kind,
        [judged.samples[i] for i in members],
        {name: judged.outputs[name][members] for name in CONDITIONS},
        {name: judged.sharpness[name][members] for name in CONDITIONS},
    )


def strangers(judged: Judged) -> list[dict]:
    """Real faces called Fake by thresholds for which their own source was not there.

    What to expect of a camera that nobody calibrated for. Rows {split, source, kind, condition,
    faces, threshold_fake, real_called_fake}.
    """
    known = [i for i, s in enumerate(judged.samples) if s.split == "val" or not s.fake]
    rows = []
    for split, source in sorted({(s.split, s.source) for s in judged.samples if not s.fake}):
        rest = [i for i in known if judged.samples[i].source != source or judged.samples[i].fake]
        own = [i for i in known if i not in set(rest) and judged.samples[i].split == split]
        kind = judged.samples[own[0]].kind
        try:
            fitted = _calibrate(judged, kind, rest)
        except (SetupError, ValueError):  # too few faces, or a network that has learned nothing
            return []
        groups = np.array([judged.samples[i].group for i in own])
        for name in CONDITIONS:
            sharpness = judged.sharpness[name][own]
            said = fitted.probabilities(fitted.logits(judged.outputs[name][own], sharpness))
            called = (said >= fitted.threshold_fake) & (sharpness >= SOFTEST)
            rate = asdict(share(called, groups))
            rows.append(
                {
                    "split": split, "source": source, "kind": kind, "condition": name,
                    "faces": len(own), "real_called_fake": rate,
                    "threshold_fake": fitted.threshold_fake,
                }
            )  # fmt: skip
    return rows


def held_out(judged: Judged) -> list[dict]:
    """Errors of `val` with a calibration that has not seen it.

    Thresholds are chosen on `val`, so its own rates keep the promise by construction. Here half of
    its groups, with the real faces of `dev`, calibrates the other half and the other way round,
    untouched and under all of `CONDITIONS`.
    Rows {condition, faces, ece, real_called_fake, fake_called_real}.
    """
    val = [i for i, s in enumerate(judged.samples) if s.split == "val"]
    dev = [i for i, s in enumerate(judged.samples) if s.split == "dev" and not s.fake]
    groups = sorted({judged.samples[i].group for i in val})
    first = set(np.random.default_rng(2).permutation(groups)[: len(groups) // 2].tolist())
    halves = [np.array([i for i in val if (judged.samples[i].group in first) == k]) for k in (0, 1)]
    probability = {name: np.zeros(len(judged.samples)) for name in CONDITIONS}
    wrong = {name: np.zeros(len(judged.samples), bool) for name in CONDITIONS}
    fake = np.array([s.fake for s in judged.samples])
    kinds = np.array([s.kind for s in judged.samples])
    for half, other, kind in [
        (*each, kind) for each in (halves, halves[::-1]) for kind in ("image", "video")
    ]:
        own = half[kinds[half] == kind]
        try:
            fitted = _calibrate(judged, kind, [*other, *dev])
        except (SetupError, ValueError):  # too few faces, or a network that has learned nothing
            return []
        for name in CONDITIONS:
            sharpness = judged.sharpness[name][own]
            said = fitted.probabilities(fitted.logits(judged.outputs[name][own], sharpness))
            probability[name][own] = said
            limits = fitted.threshold_real, fitted.threshold_fake
            errs = np.where(fake[own], said <= limits[0], said >= limits[1])
            wrong[name][own] = errs & (sharpness >= SOFTEST)
    rows = []
    for name in CONDITIONS:
        scored = Scored(
            fake[val], probability[name][val], probability[name][val],
            [judged.samples[i].group for i in val],
        )  # fmt: skip
        each, names = np.array(val), np.asarray(scored.groups)
        kinds = {"real_called_fake": ~scored.fake, "fake_called_real": scored.fake}
        rates = {
            kind: asdict(share(wrong[name][each[mask]], names[mask]))
            for kind, mask in kinds.items()
        }
        ece = scored.honesty(np.ones((1, len(val)), np.float32))["ece"][0]
        rows.append({"condition": name, "faces": len(val), "ece": float(ece), **rates})
    return rows
