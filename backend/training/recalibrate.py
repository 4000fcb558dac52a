"""Calibrates the members that are there anew, each by itself and together: `calibrate DATA`."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from backend.errors import SetupError
from backend.models.members import Member
from backend.models.model_file import Ensemble, read_model, read_pairs
from backend.training.assemble import to_json
from backend.training.calibration import Calibration
from backend.training.data.face_cache import face_cache
from backend.training.data.index import read_index
from backend.training.output_paths import put


def recalibrate(
    data: Path,
    runs: Path,
    model: Path,
    ensembles: Sequence[str] = (),
    default: str | None = None,
    newcomer: tuple[Member, Path] | None = None,
) -> str:
    """Fit all readings on a data folder, and write them into the JSON files of the members.

    The sets are those that the JSON has, all members together, and those that are asked for. Where
    one cannot be fitted, all stays as it was.

    Args:
        data: folder with an `index.csv`, see docs/training.md.
        runs: folder for the faces found.
        model: the weights of the first member.
        ensembles: more sets to calibrate, each names with commas between.
        default: the set that becomes the default; None leaves it.
        newcomer: a member to put into `models/` as a pair of files, and its weights.

    Returns:
        What was found, a line a set.

    Raises:
        SetupError: a member, a set or the data cannot be used.
    """
    found, pairs = read_model(model), {member.name for member in read_pairs(model)}
    weights = {member.name: model.parent / member.file for member in found.members}
    members = {member.name: member for member in found.members}
    if newcomer:
        name = newcomer[0].name
        members[name], weights[name] = newcomer
        pairs.add(name)
    names = list(members)
    first = _names(default, names) if default else found.usual
    wanted = [first, tuple(names), *(each.members for each in found.complete)]
    wanted += [_names(each, names) for each in ensembles]
    rows = read_index(data)
    faces = face_cache(data, rows, runs / "cache")
    with tempfile.TemporaryDirectory() as place:
        trial = Path(place) / model.name
        for member in members.values():
            path = trial.parent / member.file
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(weights[member.name], path)
        calibration = Calibration(list(members.values()), faces, data, rows, trial)
        sets = dict.fromkeys(each for each in wanted if len(each) > 1)
        calibrated = [calibration.together(each) for each in sets]
    new = found.model_copy(
        update={
            "name": "-".join(first),
            "members": tuple(m for m in calibration.members if m.name not in pairs),
            "default": first,
            "ensembles": tuple(calibrated),
        }
    )
    for member in calibration.members:
        if member.name in pairs:
            _put_pair(member, weights[member.name], model.parent / member.file)
    put(model.with_suffix(".json"), to_json(new))
    return "\n".join(_line(each) for each in calibrated)


def _put_pair(member: Member, weights: Path, path: Path) -> None:
    """Write what is new of a member that has a JSON of its own."""
    described = path.with_suffix(".json")
    if weights != path:
        put(path, weights.read_bytes())
        own = member.model_dump(mode="json", exclude={"name", "file"})
    else:
        own = json.loads(described.read_bytes())
        own["readings"] = member.readings.model_dump(mode="json")
    put(described, (json.dumps(own, indent=2) + "\n").encode())


def _names(told: str, known: Sequence[str]) -> tuple[str, ...]:
    """The names of a set, in the order of the members."""
    named = {name.strip() for name in told.split(",")}
    if unknown := sorted(named - set(known)):
        raise SetupError(f"There is no member '{unknown[0]}'; there are {', '.join(known)}.")
    return tuple(name for name in known if name in named)


def _line(ensemble: Ensemble) -> str:
    parts = []
    for kind, reading in ensemble.readings:
        if reading:
            weights = ", ".join(f"{name} {weight:.3f}" for name, weight in reading.weights.items())
            parts.append(f"{kind}: {weights}, doubt {reading.doubt:g}")
    return f"{','.join(ensemble.members)}: {'; '.join(parts)}"
