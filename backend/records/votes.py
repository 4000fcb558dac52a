"""The frozen records of how each model of an ensemble votes."""

from __future__ import annotations

from dataclasses import dataclass

from backend.records.results import ModelCard, Prediction


@dataclass(frozen=True, slots=True)
class Voter:
    """A member that is asked.

    Attributes:
        card: of the member by itself: its own thresholds and odds.
        weight: its share in the answer, 0 to 1; 0 of one that is only shown.
    """

    card: ModelCard
    weight: float


@dataclass(frozen=True, slots=True)
class Vote:
    """What one member says of a file by itself.

    Attributes:
        name: of the member.
        sha256: hex digest of its weights.
        probability_fake: calibrated, 0 to 1; None where nothing could be judged.
        prediction: by the member's own thresholds.
        weight: as that of the voter.
        milliseconds: wall time of its passes for this file.
    """

    name: str
    sha256: str
    probability_fake: float | None
    prediction: Prediction
    weight: float
    milliseconds: float
