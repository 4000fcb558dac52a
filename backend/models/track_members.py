"""The members of a model that judge how a face changes from moment to moment of a clip."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np

from backend.models.members import Kind
from backend.models.model_config import own_logits
from backend.models.scorer import TrackScorer, by_head


class TrackMembers:
    """Those that are asked of one kind of file. Safe to share by threads.

    Args:
        scorers: by the members' names.
        kind: of the files.
    """

    def __init__(self, scorers: Mapping[str, TrackScorer], kind: Kind):
        self._scorers, self._kind = scorers, kind

    def __bool__(self) -> bool:
        return bool(self._scorers)

    def undecided(self, count: int) -> dict[str, np.ndarray]:
        """Member -> its votes on so many faces before their tracks are known, float64."""
        return {name: np.zeros(count) for name in self._scorers}

    def judge(self, features: Sequence[np.ndarray]) -> tuple[dict[str, float], dict[str, float]]:
        """Judge one track.

        Args:
            features: of `Classifier.judge`, of its faces in order of time.

        Returns:
            (member -> its calibrated logit, without those that want more moments;
            member -> wall time of its pass, s).
        """
        votes, seconds = {}, {}
        for name, scorer in self._scorers.items():
            began = time.perf_counter()
            logits = scorer.judge(features)
            seconds[name] = time.perf_counter() - began
            if logits is not None:
                heads = by_head(scorer.member, logits[None])
                votes[name] = float(own_logits(scorer.member, self._kind, heads)[0])
        return votes, seconds
