"""Errors under what a picture may have gone through, and for each real source by itself."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from backend.training.augment.conditions import CONDITIONS
from backend.training.evaluate.metrics import auc_drop, measure, share
from backend.training.evaluate.predictions import Judged


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
