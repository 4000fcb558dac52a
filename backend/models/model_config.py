"""What stands beside the weights, in the model's JSON: how the network is fed and read."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from backend.engines import Precision
from backend.errors import SetupError
from backend.models.calibration import Calibration


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
