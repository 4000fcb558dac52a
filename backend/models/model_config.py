"""What stands beside the weights: how the network is fed, and how its outputs become an answer."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from backend.engines import Precision
from backend.errors import SetupError
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


class ModelFacts(Calibration):
    """`temp_model.json`: what serving must know about the weights beside it.

    The fields of `Calibration` hold for pictures, and for clips where `clips` says nothing else.

    Attributes:
        name: shown with every answer.
        sha256: hex digest of the weights file.
        input_size: side of the input in px.
        crop_margin: of the face box, see `backend.models.crops.crop_square`.
        dim: mean grey level up to which darker faces are brightened before they are judged; 0:
            none is.
        scale, offset: the network is fed `pixel * scale + offset`; 1 and 0 where it scales itself.
        output: "logit" (one, positive for fake), "probability" (one, of fake), "softmax"
            (real, fake) or "heads" (several logits, each positive for its kind of fake; where the
            last layer concatenates them, those that do not count are not computed).
        clips: how the frames of clips are read. A network can know generated pictures from
            photographs by what video has as well; then that output is left out for clips.
        mask_floor: where the heat map of a network with a layer "mask" begins, in that layer's
            logits; None where the heat map is the class-activation map.
        precisions: what the engine may compute in: those whose AUC on `val` and on `dev` was
            measured to be within 0.002 of f32, see `backend.training.measure.engines`.
        made_with: the command and data that made the weights, for people.
    """

    name: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    input_size: int = Field(ge=32, le=1024)
    crop_margin: float = Field(ge=0, le=2)
    dim: float = Field(default=0.0, ge=0, le=255)
    scale: float = 1.0
    offset: float = 0.0
    output: Literal["logit", "probability", "softmax", "heads"] = "logit"
    clips: Calibration | None = None
    mask_floor: float | None = None
    precisions: tuple[Precision, ...] = ("f32",)
    made_with: str = ""

    @model_validator(mode="after")
    def _weighed(self):
        for each in (self, self.clips or self):
            if bool(each.heads) != (self.output == "heads"):
                raise ValueError('heads must be given where output is "heads", and only there')
            unused = each.heads and not any(map(sum, each.heads))
            if len(each.heads) != len(self.heads) or unused:
                raise ValueError("clips and pictures must name the same heads, and use one")
            if each.looks > self.looks:  # what judges both takes the looks of pictures
                raise ValueError("clips must not take more looks than pictures")
        return self


def read_facts(model: Path) -> ModelFacts:
    """Read and check the JSON beside the weights.

    Args:
        model: path of the weights, e.g. `temp_model.h5`.

    Raises:
        SetupError: one of the two files is missing, or they do not belong together.
    """
    described = model.with_suffix(".json")
    for path in (model, described):
        if not path.is_file():
            raise SetupError(f"The model is incomplete: {path.name} is missing.")
    try:
        facts = ModelFacts.model_validate_json(described.read_bytes())
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "the file"
        raise SetupError(f"{described.name} is wrong: {field}: {first['msg']}.") from None
    with model.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != facts.sha256:
        raise SetupError(
            f"{model.name} and {described.name} do not belong together: "
            f"Expected SHA-256 {facts.sha256}. Received: {digest}."
        )
    return facts
