"""The networks that can be members of a model: each one's file, input, output and own readings."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from backend.engines import Precision
from backend.models.calibration import Reading
from backend.models.crops import VIEWS
from backend.models.windows import REDUCTIONS

Name = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]
Kind = Literal["video", "image", "small_image"]
"""Kinds of files that have a reading each. A small image is one that no window fits into."""
KINDS: tuple[Kind, ...] = get_args(Kind)


class Readings(BaseModel):
    """The reading of each kind of file; None where files of a kind cannot be judged.

    Attributes:
        video: of the frames of clips.
        image: of pictures.
        small_image: of pictures that no window fits into; None where they are read as others are.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    video: Reading | None = None
    image: Reading | None = None
    small_image: Reading | None = None

    def of(self, kind: Kind) -> Reading | None:
        """The reading of a kind of file."""
        return self.small_image or self.image if kind == "small_image" else getattr(self, kind)

    def known(self) -> dict[Kind, Reading]:
        """Those that there are."""
        return {kind: own for kind in KINDS if (own := self.of(kind))}


class Network(BaseModel):
    """One network: its file, what it is fed, what it gives, and how that is read.

    Attributes:
        name: of the member.
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
        readings: of its heads, as if it judged alone.
        trained_on: what it learned from, for people.
        licence: of the weights, for people.
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
    readings: Readings
    trained_on: str = ""
    licence: str = ""

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

    @model_validator(mode="after")
    def _reads_its_heads(self):
        own = self.readings.known()
        if not own:
            raise ValueError("readings has none for clips and none for pictures")
        for kind, reading in own.items():
            if unknown := sorted(reading.weights.keys() - set(self.heads)):
                raise ValueError(f"readings.{kind} weighs {unknown[0]}, which is no head of it")
        return self

    def reading(self, kind: Kind) -> Reading | None:
        """How its heads are read for files of a kind; None where it cannot judge them."""
        return self.readings.of(kind)

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

    @model_validator(mode="after")
    def _is_for_pictures(self):
        if self.readings.video or self.readings.small_image:
            raise ValueError("windows are for pictures: readings must hold image alone")
        return self

    def reading(self, kind: Kind) -> Reading | None:
        """See `Network.reading`."""
        return self.readings.image if kind == "image" else None


class TrackNetwork(Network):
    """A member that looks at how a face changes over a clip, in the features of the face network.

    Attributes:
        moments: of a track that it looks at, spread over all of them.
    """

    input: Literal["track"]
    moments: int = Field(ge=3, le=64)

    @model_validator(mode="after")
    def _is_for_clips(self):
        if self.readings.image or self.readings.small_image:
            raise ValueError("tracks are in clips: readings must hold video alone")
        return self

    def reading(self, kind: Kind) -> Reading | None:
        """See `Network.reading`."""
        return self.readings.video if kind == "video" else None


Member = Annotated[FaceNetwork | WindowNetwork | TrackNetwork, Field(discriminator="input")]
