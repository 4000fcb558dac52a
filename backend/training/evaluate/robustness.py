"""How much worse the members tell faces that were stored again, made smaller or turned darker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np

from backend.models.model_config import ModelConfig
from backend.models.scorer import Scorer
from backend.training.augment.conditions import CONDITIONS
from backend.training.data.face_cache import CutFace
from backend.training.evaluate.heads import head_logits
from backend.training.evaluate.metrics import RESAMPLES, Scored, auc_drop, measure


def robustness(
    scorers: Mapping[str, Scorer],
    config: ModelConfig,
    faces: Sequence[CutFace],
    resamples: int = RESAMPLES,
) -> list[dict]:
    """AUC of single faces under each condition, and the drop from the same faces as they are.

    Args:
        scorers: of the members, by name.
        config: how they are read.
        faces: of one split.
        resamples: of the bootstrap.

    Returns:
        Rows {kind, condition, faces, auc, drop}; none of a kind without both labels.
    """
    rows = []
    for kind in ("video", "image"):
        own = [face for face in faces if face.row.kind == kind]
        if len({face.row.fake for face in own}) < 2:
            continue
        needed = config.readings.of(kind).counted
        asked = {name: scorer for name, scorer in scorers.items() if name in needed}
        before = None
        for condition, change in CONDITIONS.items():
            heads = head_logits(asked, own, change).heads
            logits = config.logits(kind, heads)
            if before is None:
                seen = ~np.isnan(logits)  # the same faces under all conditions
                fake = np.array([face.row.fake for face in own])[seen]
                if len(np.unique(fake)) < 2:  # such as where no window fits into a picture
                    break
            scored = Scored(
                fake,
                logits[seen],
                1 / (1 + np.exp(-logits[seen])),
                [face.row.group for face, each in zip(own, seen, strict=True) if each],
            )
            before = before or scored
            rows.append(
                {
                    "kind": kind,
                    "condition": condition,
                    "faces": len(scored),
                    "auc": asdict(measure(scored, resamples)["auc"]),
                    "drop": asdict(auc_drop(before, scored, resamples)),
                }
            )
    return rows
