"""What a network is trained by: the fields of its recipe, each checked before anything begins."""

from __future__ import annotations

import math
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from backend.errors import SetupError

RECIPES = Path(__file__).with_name("recipes")  # one file a network
MEMBERS = ("face", "pixels")  # that the model is made of, in the order of its JSON
CELL = 16  # px of the input that one cell of a mask stands for
SAMPLERS = ("face", "windows")
KINDS = {
    "face": (
        "manipulated", "generated", "blend_video", "blend_image", "cross", "expression", "rendered",
    ),
    "windows": ("window",),
}  # fmt: skip

Count = Annotated[int, Field(ge=1)]
From0 = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Dropped = Annotated[float, Field(ge=0, lt=1)]


def _shared(mix: dict[str, float]) -> dict[str, float]:
    if not any(mix.values()) or not all(0 <= share < math.inf for share in mix.values()):
        raise ValueError("every share must be a number of 0 or above, and one above 0")
    return mix


@dataclass(frozen=True, slots=True, config=ConfigDict(strict=True, extra="forbid"))
class Recipe:
    """One training recipe; the files in `recipes/` say what each field does, with its value."""

    name: Name
    network: Name
    sampler: Literal[SAMPLERS]
    heads: Annotated[tuple[Name, ...], Field(min_length=1, max_length=2)]
    size: Annotated[int, Field(ge=32, le=1024, multiple_of=CELL)]
    margin: Annotated[float, Field(ge=0, le=1)]
    start: Literal["imagenet", "committed", "random"]
    steps: Count
    pairs: Count
    warmup: Annotated[int, Field(ge=0)]
    learning_rate: Annotated[float, Field(gt=0)]
    weight_decay: From0
    label_smoothing: Dropped
    ema: Share
    dropout: Dropped
    drop_path: Dropped
    mask_weight: From0
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    choose_every: Count
    untouched: Share
    redraw: Share
    mix: Annotated[dict[str, float], AfterValidator(_shared)]
    teacher: From0 = 0.0
    small: Count | None = None

    def __post_init__(self):
        if unknown := set(self.mix) - set(KINDS[self.sampler]):
            raise ValueError(
                f"mix: {', '.join(sorted(unknown))} is no kind of pair; there are "
                f"{', '.join(KINDS[self.sampler])}"
            )

    def fields(self) -> dict:
        """All fields, as plain values."""
        return asdict(self)


def read_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        SetupError: it is missing, is not TOML, or has a missing, an unknown or a wrong field.
    """
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
        lists = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
        mix = {kind: float(share) for kind, share in fields.get("mix", {}).items()}
        return Recipe(**{**fields, **lists, "mix": mix})
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except (OSError, ValueError, TypeError, AttributeError) as error:  # of UTF-8, TOML or a field
        why = str(error)
    raise SetupError(f"The training recipe {path.name} cannot be used: {why}.")
