"""How the outputs of a network become a probability and an answer."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from backend.models.crops import LOOKS

DIGITS = 4  # of a probability
# Of `backend.models.quality.sharpness`, see docs/measurements/reading.md: with a lower one fewer
# fakes are told for sure, with a higher one the softer pictures of unseen generators are missed.
HALF_SHARP = 80.0
Kind = Literal["image", "video"]
Probability = Annotated[float, Field(gt=0, lt=1)]
Weight = Annotated[float, Field(ge=0)]


class Calibration(BaseModel):
    """How the outputs of a network become a probability and an answer.

    The logit of a face is the sum of the outputs, each with its weight, and the weights depend on
    how sharp the face is: what tells generated pictures from photographs is lost in a soft face
    and must not count there (after Fierrez-Aguilar et al., "Discriminative multimodal biometric
    authentication based on quality measures", Pattern Recognition 38, 2005). No weight is negative:
    what speaks for a fake never speaks against it.

    Attributes:
        heads: the weights of each output in a soft and in a sharp face; both are 0 where it is not
            used. Empty where the network has one output, which is the logit then.
        shift: what is added to the logit of a sharp face.
        half_sharp: the `backend.models.quality.sharpness` of a face halfway between the two.
        temperature, bias: calibrated logit = logit / temperature + bias (Guo et al., 2017).
        looks: how many looks at a face its outputs are the mean of, in the order of
            `backend.models.crops.looks_at`; in clips of many moments one look is enough, see
            `backend.analysis.face_scores`.
        threshold_real, threshold_fake: of the calibrated probability.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    heads: tuple[tuple[Weight, Weight], ...] = ()
    shift: float = 0.0
    half_sharp: float = Field(HALF_SHARP, gt=0)
    looks: int = Field(1, ge=1, le=len(LOOKS))
    temperature: float = Field(1.0, gt=0)
    bias: float = 0.0
    threshold_real: Probability
    threshold_fake: Probability

    @model_validator(mode="after")
    def _ordered(self):
        if self.threshold_real >= self.threshold_fake:
            raise ValueError("threshold_real must be below threshold_fake")
        return self

    @property
    def needed(self) -> int | None:
        """How many outputs are needed, the first ones; None where the network has one output."""
        counted = [number for number, weights in enumerate(self.heads, 1) if any(weights)]
        return max(counted, default=None)

    def logits(self, outputs: np.ndarray, sharpness: np.ndarray) -> np.ndarray:
        """One logit a face from all outputs of its looks: (N, L, K) to (N,), L at least `looks`."""
        return self.joined(self.averaged(outputs), sharpness)

    def averaged(self, outputs: np.ndarray) -> np.ndarray:
        """The mean of the looks that count: (N, L, K) to (N, K)."""
        return outputs[:, : self.looks].mean(axis=1)

    def joined(self, outputs: np.ndarray, sharpness: np.ndarray) -> np.ndarray:
        """One logit from all outputs.

        Args:
            outputs: float, shape (..., K).
            sharpness: of the faces, 0 or above, shape (...) or one that broadcasts to it.

        Returns:
            Shape (...), the dtype of `outputs`.
        """
        if not self.heads:
            return outputs[..., 0]
        share = self.share_of_sharp(sharpness).astype(outputs.dtype)[..., None]
        soft, sharp = np.array(self.heads, outputs.dtype).T
        weighed = outputs * (soft + share * (sharp - soft))
        return weighed.sum(axis=-1) + share[..., 0] * outputs.dtype.type(self.shift)

    def share_of_sharp(self, sharpness: np.ndarray) -> np.ndarray:
        """How much a face counts as sharp: 0 to 1, float64, shape of `sharpness`."""
        squared = np.square(np.asarray(sharpness, np.float64))
        return squared / (squared + self.half_sharp**2)

    def is_soft(self, sharpness: float) -> bool:
        """Whether a face is so soft that its outputs count otherwise than in a sharp one."""
        differ = any(soft != sharp for soft, sharp in self.heads)
        return differ and sharpness < self.half_sharp

    def calibrated(self, logits: np.ndarray) -> np.ndarray:
        """Logits that are honest about their doubt, float64 of the same shape."""
        return np.asarray(logits, np.float64) / self.temperature + self.bias

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Calibrated probability of manipulation, float64, shape of `logits`.

        With four digits, as it is told: whoever compares it with a threshold finds the same.
        """
        return np.round(1 / (1 + np.exp(-self.calibrated(logits))), DIGITS)
