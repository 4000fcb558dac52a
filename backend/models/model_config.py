"""What stands beside the weights, in the model's JSON: its networks and how they are read."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from backend.engines import Precision
from backend.errors import SetupError
from backend.models.calibration import Reading
from backend.models.crops import VIEWS
from backend.models.windows import REDUCTIONS

Name = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]
Kind = Literal["video", "image", "small_image"]
"""Kinds of files that have a reading each. A small image is one that no window fits into."""

# Fields of a member that say nothing about its answers.
ASIDE = {"file", "mask_floor", "precisions"}


class Network(BaseModel):
    """One network of the model: its file, what it is fed, and what it gives.

    Attributes:
        name: of the member, for the readings.
        file: Keras HDF5, beside the JSON or below it.
        sha256: hex digest of that file.
        input_size: side of the input, px.
        scale, offset: the network is fed `pixel * scale + offset`, of pixels 0 to 255; 1 and 0
            where it scales itself.
        output: "logits" (a column for each head, positive for fake), or for one head "probability"
            (one column, of fake) or "softmax" (two columns: real, fake).
        heads: what each logit speaks of, such as "manipulated"; "fake" where it is all fakes.
        precisions: what the engine may compute in: those whose accuracy was measured to be as good
            as that of f32.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    file: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    input_size: int = Field(ge=32, le=1024)
    scale: float = 1.0
    offset: float = 0.0
    output: Literal["logits", "probability", "softmax"] = "logits"
    heads: tuple[Name, ...] = Field(min_length=1)
    precisions: tuple[Precision, ...] = ("f32",)

    @field_validator("file")
    @classmethod
    def _beside(cls, file: str) -> str:
        path = PurePosixPath(file)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError("expected a path below the folder of the JSON")
        return file

    @model_validator(mode="after")
    def _has_its_heads(self):
        if len(set(self.heads)) != len(self.heads):
            raise ValueError("two heads have the same name")
        if self.output != "logits" and len(self.heads) != 1:
            raise ValueError(f'a network with the output "{self.output}" has one head')
        return self

    @property
    def columns(self) -> int:
        """Values a face that the network gives."""
        return 2 if self.output == "softmax" else len(self.heads)


class FaceNetwork(Network):
    """A member that looks at the crop of a face.

    Attributes:
        margin: share of the face box that the crop is wider, see
            `backend.models.crops.crop_square`.
        dim: mean grey level up to which darker faces are brightened before they are judged; 0:
            none is.
        views: of each face, the first of `backend.models.crops.VIEWS`; their mean counts.
        mask_floor: where the heat map of a network with a layer "mask" begins, in that layer's
            logits; None where the heat map is the class-activation map.
    """

    input: Literal["face"]
    margin: float = Field(ge=0, le=2)
    dim: float = Field(default=0.0, ge=0, le=255)
    views: int = Field(default=1, ge=1, le=len(VIEWS))
    mask_floor: float | None = None


class WindowNetwork(Network):
    """A member that looks at windows of a picture around a face, at the picture's own resolution.

    It is for pictures alone: compression leaves nothing of what it looks for in clips.

    Attributes:
        reductions: what the picture is made smaller by before each window is cut, see
            `backend.models.windows`; the mean over the windows counts.
    """

    input: Literal["windows"]
    reductions: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(REDUCTIONS, min_length=1)


Member = Annotated[FaceNetwork | WindowNetwork, Field(discriminator="input")]


class Readings(BaseModel):
    """The reading of each kind of file.

    Attributes:
        video: of the frames of clips.
        image: of pictures.
        small_image: of pictures that no window fits into; None where no member looks at windows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    video: Reading
    image: Reading
    small_image: Reading | None = None

    def of(self, kind: Kind) -> Reading:
        """The reading of a kind of file."""
        return getattr(self, kind) or self.image


class ModelConfig(BaseModel):
    """`temp_model.json`: what serving must know about the weights beside it.

    Attributes:
        name: shown with every answer.
        made_with: the command that made the weights, for people.
        members: the networks; the crop of the first that looks at faces is what the quality of a
            face is measured on.
        readings: how their outputs become answers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    made_with: str = ""
    members: tuple[Member, ...]
    readings: Readings

    @model_validator(mode="after")
    def _fits_together(self):
        inputs = {member.name: member.input for member in self.members}
        if len(inputs) != len(self.members):
            raise ValueError("two members have the same name")
        if "face" not in inputs.values():
            raise ValueError('one member must have the input "face"')
        heads = {f"{member.name}.{head}" for member in self.members for head in member.heads}
        for kind in ("video", "image", "small_image"):
            weights = self.readings.of(kind).weights
            if unknown := sorted(weights.keys() - heads):
                raise ValueError(f"readings.{kind} weighs {unknown[0]}, which no member has")
            windows = any(w and inputs[name.partition(".")[0]] == "windows"
                          for name, w in weights.items())  # fmt: skip
            if windows and kind != "image":
                raise ValueError(f"readings.{kind} must do without windows: they are for images")
        return self

    @cached_property
    def sha256(self) -> str:
        """Hex digest of the weights: of the one file, or of the digests of several, in order."""
        digests = [member.sha256 for member in self.members]
        return digests[0] if len(digests) == 1 else _digest("".join(digests))

    @property
    def facts(self) -> dict:
        """All that the answers rest on, ready for JSON: models with the same facts answer alike."""
        members = [member.model_dump(mode="json", exclude=ASIDE) for member in self.members]
        readings = self.readings.model_dump(mode="json")
        return {"sha256": self.sha256, "members": members, "readings": readings}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def read_config(model: Path) -> ModelConfig:
    """Read and check the JSON beside the weights, and the weights of all members.

    Args:
        model: path of the weights, e.g. `temp_model.h5`, the file of one of the members.

    Raises:
        SetupError: a file is missing, or they do not belong together.
    """
    described = model.with_suffix(".json")
    for path in (model, described):
        if not path.is_file():
            raise SetupError(f"The model is incomplete: {path.name} is missing.")
    try:
        config = ModelConfig.model_validate_json(described.read_bytes())
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "the file"
        raise SetupError(f"{described.name} is wrong: {field}: {first['msg']}.") from None
    paths = {member.name: model.parent / member.file for member in config.members}
    if model not in paths.values():
        raise SetupError(f"{described.name} lists no member with the file {model.name}.")
    for member in config.members:
        path = paths[member.name]
        if not path.is_file():
            raise SetupError(f"The model is incomplete: {member.file} is missing.")
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != member.sha256:
            raise SetupError(
                f"{member.file} and {described.name} do not belong together: "
                f"Expected SHA-256 {member.sha256}. Received: {digest}."
            )
    return config
