"""How logits of heads, or of members, become one calibrated logit and an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

DIGITS = 4  # of a probability
Probability = Annotated[float, Field(gt=0, lt=1)]
Weight = Annotated[float, Field(ge=0)]
Odds = tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(gt=0)]]


class Thresholds(BaseModel):
    """Calibrated probabilities between which no side is taken.

    Attributes:
        real: at or below it the answer is Real; None where files of a kind are never called Real.
        fake: at or above it the answer is Fake.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    real: Probability | None
    fake: Probability

    @model_validator(mode="after")
    def _ordered(self):
        if self.real is not None and self.real >= self.fake:
            raise ValueError("real must be below fake")
        return self


class Profiles(BaseModel):
    """The thresholds of each profile, from the one that calls fewest real faces Fake."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    strict: Thresholds
    balanced: Thresholds
    sensitive: Thresholds


class Reading(BaseModel):
    """How several logits are read together for one kind of file.

    A member's own reading is of its heads, that of an ensemble of its members' calibrated logits.
    The calibrated logit of a face is their sum, each times its weight, plus the bias (Platt, 1999).
    No weight is negative: what speaks for a fake never speaks against it.

    Attributes:
        weights: name of a head or a member -> weight.
        bias: of the calibrated logit.
        doubt: how much what the parts disagree by takes of their sum: it is divided by 1 + `doubt`
            times the spread of their logits, so that the answer comes nearer to none.
        thresholds: of each profile.
        odds: (probability, fakes for each real face), measured on methods and sources that training
            has not seen: the odds hold from that probability up to that of the next. Empty where
            they were not measured.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: dict[str, Weight]
    bias: float = 0.0
    doubt: Weight = 0.0
    thresholds: Profiles
    odds: tuple[Odds, ...] = ()

    @field_validator("weights")
    @classmethod
    def _counts(cls, weights: dict[str, float]) -> dict[str, float]:
        if not any(weights.values()):
            raise ValueError("one weight must be above 0")
        return weights

    @field_validator("odds")
    @classmethod
    def _rise_from_zero(cls, odds: tuple[Odds, ...]) -> tuple[Odds, ...]:
        edges = [edge for edge, _ in odds]
        if odds and (edges[0] != 0 or sorted(set(edges)) != edges):
            raise ValueError("the probabilities must begin at 0 and rise")
        return odds

    @property
    def counted(self) -> dict[str, float]:
        """The weights above 0."""
        return {name: weight for name, weight in self.weights.items() if weight}

    @property
    def undoubted(self) -> Reading:
        """The same without what disagreement takes."""
        return self.model_copy(update={"doubt": 0.0})

    def logits(self, parts: Mapping[str, np.ndarray]) -> np.ndarray:
        """The calibrated logits of faces.

        Args:
            parts: name -> logits, shape (N,) or one number; all that have a weight above 0.

        Returns:
            float64, of that shape, positive for manipulated.
        """
        counted = self.counted
        columns = np.stack([np.asarray(parts[name], np.float64) for name in counted], axis=-1)
        weights = np.array(list(counted.values()))
        if not self.doubt:
            return columns @ weights + self.bias
        return columns @ weights / (1 + self.doubt * spread(columns, weights)) + self.bias


def spread(columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """By how many logits parts disagree: their weighted standard deviation, shape (...).

    Args:
        columns: logits, shape (..., P).
        weights: of the parts, shape (P,).
    """
    shares = weights / weights.sum()
    middle = columns @ shares
    return np.sqrt((columns - middle[..., None]) ** 2 @ shares)


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Calibrated probability of manipulation, float64, shape of the calibrated `logits`.

    With four digits, as it is told: whoever compares it with a threshold finds the same.
    """
    return np.round(1 / (1 + np.exp(-np.asarray(logits, np.float64))), DIGITS)
