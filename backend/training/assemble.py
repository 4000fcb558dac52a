"""What the JSON of a model says of trained networks, before and after they are measured."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from backend.models.members import FaceNetwork, Member, Readings, TrackNetwork, WindowNetwork
from backend.models.model_file import Ensemble, ModelFile
from backend.models.quality import DIM
from backend.training.readings import unread
from backend.training.recipe import Recipe

VIEWS = 2  # of each face: as it is, and wider and mirrored
TRAINED_ON = "The files of `train`, see docs/measurements/sources.md."
LICENCE = "Research and other non-commercial use, see docs/WEIGHTS_LICENSE.md."


def member_of(recipe: Recipe, weights: Path, file: str) -> Member:
    """What the JSON says of a network, before anything is measured.

    Args:
        recipe: that it was trained by.
        weights: Keras HDF5.
        file: what these are called, relative to the model.
    """
    fields = {
        "name": recipe.name,
        "file": file,
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "input": recipe.sampler,
        "input_size": recipe.size,
        "heads": recipe.heads,
        "readings": {"image": unread(dict.fromkeys(recipe.heads, 1.0))},
        "trained_on": TRAINED_ON,
        "licence": LICENCE,
    }
    if recipe.sampler == "windows":
        return WindowNetwork(**fields)
    floor = 0.0 if recipe.mask_weight else None
    return FaceNetwork(**fields, margin=recipe.margin, dim=DIM, views=VIEWS, mask_floor=floor)


def temporal_member(model: Path, path: Path, moments: int, face: Member) -> TrackNetwork:
    """What the JSON says of the temporal network, before anything is measured.

    Args:
        model: the weights of the first member.
        path: of the temporal network's.
        moments: that it takes.
        face: the network whose features it takes.
    """
    return TrackNetwork(
        name=path.stem,
        file=str(path.relative_to(model.parent)),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        input="track",
        input_size=face.input_size,
        heads=("fake",),
        readings=Readings(video=unread({"fake": 1.0})),
        moments=moments,
        trained_on=TRAINED_ON,
        licence=LICENCE,
    )


def model_of(members: Sequence[Member], ensembles: Sequence[Ensemble]) -> ModelFile:
    """What the JSON says; the first ensemble is the default, where there is one."""
    default = ensembles[0].members if ensembles else (members[0].name,)
    return ModelFile(
        name="-".join(default),
        made_with="make model DATA=folder",
        members=tuple(members),
        default=default,
        ensembles=tuple(ensembles),
    )


def to_json(found: ModelFile) -> bytes:
    """As it stands on disk."""
    return (json.dumps(found.model_dump(mode="json"), indent=2) + "\n").encode()
