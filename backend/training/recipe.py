"""What a training run is told: the fields of its TOML file, each checked before anything begins."""

from __future__ import annotations

import dataclasses
import math
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from backend.errors import SetupError
from backend.training.augment.regions import REGIONS

CELL = 16  # px of the crop that one cell of a mask stands for


@dataclasses.dataclass(frozen=True, slots=True)
class Mix:
    """How many of a batch's pairs are of each kind (relative weights).

    Attributes:
        swap: a DFDC face and the swap made from the same clip.
        blend_video: a DFDC face and its self-blend.
        blend_still: a still and its self-blend.
        cross: a real face and the same with a similar face blended in.
        expression: a real face and the same with another's expression.
        generated: a still and a fully generated face.
    """

    swap: float = 0.28
    blend_video: float = 0.16
    blend_still: float = 0.24
    cross: float = 0.08
    expression: float = 0.0
    generated: float = 0.24


def _shared(mix: Mix) -> Mix:
    shares = [getattr(mix, kind) for kind in Mix.__slots__]
    numbers = all(isinstance(share, int | float) and 0 <= share < math.inf for share in shares)
    if not numbers or not any(shares):
        raise ValueError("every share must be a number of 0 or above, and one above 0")
    return mix


IMAGENET = ("lite0",)  # `start` of a run that begins from no other

Count = Annotated[int, Field(ge=1)]
From0 = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Run = Annotated[str, Field(pattern=r"^\w[\w.-]*$")]  # names a folder
Dropped = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True, slots=True, config=ConfigDict(strict=True, extra="forbid"))
class Recipe:
    """One training configuration; those fields that have no default are explained in
    `configs/first.toml`.

    Attributes:
        leave_out: sources that are not trained on.
        regions: of the face that are blended, keys of `backend.training.augment.regions.REGIONS`.
        average_with: finished runs; the mean of them and this one is kept.
        manipulated_by: finished runs whose mean is the network for faces that were changed in part;
            this run's stands beside it. Empty: this run's stands alone.
        until: the step to stop at, where a next stage goes on; 0: the last of `steps`.
        redraw: share of the blends whose inner face is drawn anew, see
            `backend.training.augment.redraw`.
    """

    name: str
    size: Annotated[int, Field(ge=32, le=1024, multiple_of=CELL)]
    margin: Annotated[float, Field(ge=0, le=2)]
    steps: Annotated[int, Field(ge=0)]
    pairs: Count
    warmup: Annotated[int, Field(ge=0)]
    learning_rate: Annotated[float, Field(gt=0)]
    weight_decay: From0
    label_smoothing: Dropped
    ema: Share
    dropout: Dropped
    drop_path: Dropped
    mask_weight: From0
    sam: From0
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    checkpoint_every: Count
    untouched: Share
    start: Annotated[tuple[Run, ...], Field(min_length=1)]
    mix: Annotated[Mix, AfterValidator(_shared)]
    leave_out: tuple[str, ...] = ()
    regions: Annotated[tuple[Literal[tuple(REGIONS)], ...], Field(min_length=1)] = tuple(REGIONS)
    average_with: tuple[Run, ...] = ()
    manipulated_by: tuple[Run, ...] = ()
    until: Annotated[int, Field(ge=0)] = 0
    redraw: Share = 0.0

    @property
    def needs(self) -> tuple[str, ...]:
        """The finished runs that this one begins from, is averaged with or stands beside."""
        begun = () if self.start == IMAGENET else self.start
        return tuple(dict.fromkeys((*begun, *self.average_with, *self.manipulated_by)))

    @property
    def last(self) -> int:
        """The step that a run ends with: `until`, or else all `steps` of its schedule."""
        return self.until or self.steps


def read_recipe(path: Path) -> Recipe:
    """Read a configuration.

    Raises:
        SetupError: it is missing, is not TOML, or has a missing, an unknown or a wrong field.
    """
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # of UTF-8 or of TOML
        raise _unusable(path.name, error) from None
    return to_recipe(fields, path.name)


def stages(
    config: Path, finished: Callable[[Path], bool] = lambda path: False
) -> dict[Path, Recipe]:
    """The recipes of the runs that one needs and that lie beside it, and itself.

    Args:
        finished: says of a configuration whether its run is needed no more, nor those behind it.

    Returns:
        Configuration -> recipe, in the order of training: none comes before one that it needs.

    Raises:
        SetupError: one cannot be used, or a run needs itself.
    """
    found: dict[Path, Recipe] = {}

    def visit(path: Path, after: tuple[Path, ...] = ()) -> None:
        if path in after:
            raise _unusable(path.name, "the run needs itself")
        if path not in found:
            recipe = read_recipe(path)
            for name in recipe.needs:
                beside = path.with_name(f"{name}.toml")
                if beside.is_file() and not finished(beside):
                    visit(beside, (*after, path))
            found[path] = recipe

    visit(config)
    return found


def to_recipe(fields: dict, place: str) -> Recipe:
    """Build a recipe.

    Args:
        place: names where the fields stand.

    Raises:
        SetupError: a field is missing, unknown or wrong.
    """
    try:
        for name in ("start", "average_with", "manipulated_by", "leave_out", "regions"):
            if isinstance(fields.get(name), str):
                raise TypeError(f'{name} must be a list, such as ["{fields[name]}"]')
        lists = {k: tuple(v) for k, v in fields.items() if isinstance(v, list)}
        return Recipe(**{**fields, **lists, "mix": Mix(**fields.get("mix", {}))})
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise _unusable(place, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except TypeError as error:
        raise _unusable(place, error) from None


def _unusable(place: str, why: object) -> SetupError:
    return SetupError(f"The training configuration {place} cannot be used: {why}.")
