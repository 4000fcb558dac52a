"""`temp_model.json` and the file pairs in `models/`: reads and checks them, and chooses members."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from backend.errors import SetupError
from backend.models.members import KINDS, Member, Name, Readings
from backend.models.model_config import ModelConfig, alone

PAIRS = "models"  # folder beside the model: NAME.h5 and NAME.json are a member
VOICE = "voice"  # the pair there that is no member: see `backend.audio.classifier`
SETS = ("default", "all")  # what can be chosen beside names

CALIBRATE = "python -m backend calibrate DATA --ensemble"


class Ensemble(BaseModel):
    """Members that were calibrated together.

    Attributes:
        members: their names.
        readings: of their calibrated logits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    members: Annotated[tuple[Name, ...], Field(min_length=2)]
    readings: Readings


class ModelFile(BaseModel):
    """The JSON beside the weights, and the members that were found beside those it lists.

    Attributes:
        name: shown with every answer.
        made_with: the command that made the weights, for people.
        members: the networks.
        default: names of those that are asked unless others are chosen; empty for the first alone.
        ensembles: sets of members that were calibrated together.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    made_with: str = ""
    members: Annotated[tuple[Member, ...], Field(min_length=1)]
    default: tuple[Name, ...] = ()
    ensembles: tuple[Ensemble, ...] = ()

    @model_validator(mode="after")
    def _fits_together(self):
        names = [member.name for member in self.members]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two members have the same name: {name}")
            if name in SETS:
                raise ValueError(f"no member may be called {name}")
        if len({frozenset(each.members) for each in self.ensembles}) < len(self.ensembles):
            raise ValueError("two ensembles have the same members")
        for ensemble in self.complete:
            self._check(ensemble)
        sets = [{name} for name in names] + [set(each.members) for each in self.complete]
        if set(self.usual) not in sets:
            raise ValueError("default must name one member, or the members of an ensemble")
        return self

    def _check(self, ensemble: Ensemble) -> None:
        told = f"the ensemble of {' and '.join(ensemble.members)}"
        if not (ensemble.readings.video and ensemble.readings.image):
            raise ValueError(f"{told} needs readings for video and image")
        able = [member for member in self.members if member.name in ensemble.members]
        for kind in KINDS:
            known = {member.name for member in able if member.reading(kind)}
            if unknown := sorted(ensemble.readings.of(kind).weights.keys() - known):
                raise ValueError(
                    f"{told}: readings.{kind} weighs {unknown[0]}, which cannot judge these"
                )

    @property
    def complete(self) -> tuple[Ensemble, ...]:
        """The sets whose members are all there: a pair in `models/` may be taken away."""
        there = {member.name for member in self.members}
        return tuple(each for each in self.ensembles if there.issuperset(each.members))

    @property
    def usual(self) -> tuple[str, ...]:
        """Names of the members of the default set."""
        return self.default or (self.members[0].name,)

    def choose(self, chosen: str = "default") -> ModelConfig:
        """The members to ask.

        Of those that are chosen the largest set that was calibrated together decides; where several
        are as large, the default one. The others are guests: a weight that nobody fitted would be
        made up.

        Args:
            chosen: "default", "all" or names with commas between.

        Raises:
            SetupError: there is no such member, no such set was calibrated, or it cannot judge
                both clips and pictures.
        """
        names = {"default": list(self.usual), "all": [member.name for member in self.members]}
        wanted = names.get(chosen) or [name.strip() for name in chosen.split(",")]
        known = {member.name: member for member in self.members}
        if unknown := [name for name in wanted if name not in known]:
            raise SetupError(
                f"DEEPFAKE_ENSEMBLE: there is no member '{unknown[0]}'. "
                f"Expected default, all, or names of {', '.join(known)}."
            )
        sets = {frozenset(each.members): each.readings for each in self.complete}
        sets |= {frozenset([name]): alone(known[name]) for name in wanted}
        able = [members for members in sets if members <= set(wanted)]
        largest = [members for members in able if len(members) == max(map(len, able))]
        usual = frozenset(self.usual)
        if len(largest) > 1 and usual not in largest:
            raise SetupError(
                f"DEEPFAKE_ENSEMBLE: {', '.join(wanted)} were not calibrated together. Run "
                f"{CALIBRATE} {','.join(wanted)}, or choose default, all, or one of them."
            )
        deciding = usual if usual in largest else largest[0]
        readings = sets[deciding]
        if not (readings.video and readings.image):
            kind = "pictures" if readings.video else "clips"
            raise SetupError(
                f"DEEPFAKE_ENSEMBLE: {', '.join(sorted(deciding))} cannot judge {kind} alone. "
                "Expected other members beside it."
            )
        members = tuple(member for member in self.members if member.name in deciding)
        return ModelConfig(
            name=self.name if deciding == usual else "-".join(m.name for m in members),
            members=members,
            readings=readings,
            guests=tuple(m for m in self.members if m.name in wanted and m not in members),
            idle=tuple(m for m in self.members if m.name not in wanted),
            made_with=self.made_with,
        )


def read_config(model: Path, chosen: str = "default") -> ModelConfig:
    """Read and check a model, and choose its members; see `read_model` and `ModelFile.choose`."""
    return read_model(model).choose(chosen)


def read_model(model: Path) -> ModelFile:
    """Read and check the JSON beside the weights, the pairs in `models/`, and all weights.

    Args:
        model: path of the weights, e.g. `temp_model.h5`, the file of one of the members.

    Raises:
        SetupError: a file is missing, or they do not belong together.
    """
    path = model.with_suffix(".json")
    for each in (model, path):
        if not each.is_file():
            raise SetupError(f"The model is incomplete: {each.name} is missing.")
    listed, pairs = _object(path), read_pairs(model)
    if isinstance(listed.get("members"), list):
        listed["members"] += [member.model_dump() for member in pairs]
    found = _valid(TypeAdapter(ModelFile), listed, path.name)
    if model not in {model.parent / member.file for member in found.members}:
        raise SetupError(f"{path.name} lists no member with the file {model.name}.")
    paired = {member.name for member in pairs}
    for member in found.members:
        by = f"{PAIRS}/{member.name}.json" if member.name in paired else path.name
        _check_weights(member, model.parent, by)
    return found


def read_pairs(model: Path) -> list[Member]:
    """The members that others put beside a model: `models/NAME.json` of what is in `NAME.h5`.

    Raises:
        SetupError: one is wrong.
    """
    found = []
    for path in sorted((model.parent / PAIRS).glob("*.json")):
        if path.stem == VOICE:
            continue
        told, own = f"{PAIRS}/{path.name}", _object(path)
        if named := sorted({"name", "file"} & own.keys()):
            raise SetupError(f"{told} is wrong: {named[0]}: the name of the file says it.")
        own |= {"name": path.stem, "file": f"{PAIRS}/{path.stem}.h5"}
        found.append(_valid(TypeAdapter(Member), own, told))
    return found


def _object(path: Path) -> dict:
    try:
        found = json.loads(path.read_bytes())
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise SetupError(f"{path.name} is wrong: it holds no JSON object.")
    return found


def _valid(adapter: TypeAdapter, found: dict, told: str):
    try:
        return adapter.validate_python(found)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "the file"
        raise SetupError(f"{told} is wrong: {field}: {first['msg']}.") from None


def _check_weights(member: Member, folder: Path, described: str) -> None:
    path = folder / member.file
    if not path.is_file():
        raise SetupError(f"The model is incomplete: {member.file} is missing.")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != member.sha256:
        raise SetupError(
            f"{member.file} and {described} do not belong together: "
            f"Expected SHA-256 {member.sha256}. Received: {digest}."
        )
