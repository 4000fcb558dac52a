"""Opens the members of a model: each as the scorer that its `input` asks for."""

from __future__ import annotations

from pathlib import Path

from backend.engines import Weights
from backend.engines.registry import open_engine
from backend.errors import SetupError
from backend.models.members import Network
from backend.models.scorer import FaceScorer, Scorer, TrackScorer, WindowScorer

SCORERS = {"face": FaceScorer, "windows": WindowScorer, "track": TrackScorer}


def open_scorer(
    member: Network, folder: Path, cache: Path, engine: str = "auto"
) -> Scorer | TrackScorer:
    """Load one member. Its network is compiled when it is first wanted.

    Args:
        folder: that the member's file is relative to.
        cache: folder for the converted network.
        engine: one of `backend.engines.registry.NAMES`.

    Raises:
        SetupError: it does not load, takes other pictures, or gives other outputs.
    """
    weights = Weights(
        folder / member.file,
        member.sha256,
        member.scale,
        member.offset,
        member.precisions,
        member.input_size,
        pixels=member.input != "track",
    )
    opened = open_engine(engine, weights, cache)
    if opened.columns != member.columns:
        raise SetupError(
            f"The output of {member.file} does not fit its JSON. Expected {member.columns} "
            f"value(s) a face for '{member.output}'. Received: {opened.columns}."
        )
    return SCORERS[member.input](member, opened)
