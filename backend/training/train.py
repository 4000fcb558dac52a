"""From a data folder to `temp_model.h5` and its JSON: fit each member, calibrate, put in place."""

from __future__ import annotations

import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path

from backend.errors import SetupError
from backend.memory import keep_memory
from backend.models.model_file import PAIRS, SETS, VOICE, read_model, read_pairs
from backend.models.registry import open_scorer
from backend.training.assemble import member_of, model_of, temporal_member, to_json
from backend.training.calibration import ENGINE, Calibration
from backend.training.data.face_cache import FaceCache, face_cache
from backend.training.data.face_finder import MOMENTS
from backend.training.data.index import read_index
from backend.training.fit.loop import check, fit
from backend.training.fit.temporal import fit_temporal
from backend.training.output_paths import prepare, put
from backend.training.recalibrate import recalibrate
from backend.training.recipe import MEMBERS, RECIPES, Recipe, read_recipe

TEMPORAL = "temporal"  # made of what the first sees, where there are clips enough
MOST_LOST = 0.05  # share of the rows that may give no face


def train(data: Path, runs: Path, model: Path, recipes: Path = RECIPES) -> None:
    """Train all members, or go on with what was interrupted; calibrate; put the model in place.

    Args:
        data: folder with an `index.csv`, see docs/training.md.
        runs: folder for the faces found, checkpoints and logs; `runs/<recipe>` a network.
        model: where the weights of the first member go, e.g. `temp_model.h5`. The JSON goes beside
            it and the other members into `models/`.
        recipes: folder with one TOML file a member.

    Raises:
        SetupError: a recipe, the data or a checkpoint cannot be used, too many files have no face,
            or nothing can be written to `model`.
    """
    keep_memory()
    files = {name: model if name == MEMBERS[0] else model.parent / "models" / f"{name}.h5"
             for name in MEMBERS}  # fmt: skip
    for path in files.values():
        prepare(path)
    chosen = {name: read_recipe(recipes / f"{name}.toml") for name in MEMBERS}
    rows = read_index(data)
    faces = face_cache(data, rows, runs / "cache")
    tell_lost(faces, len(rows))
    for recipe in chosen.values():
        check(recipe, faces)
    trained = {}
    for name, recipe in chosen.items():
        open_faces = partial(face_cache, data, rows, runs / "cache")
        network = fit(recipe, faces, open_faces, files[name], runs / name)
        trained[name] = runs / name / f"{name}.h5"
        from backend.training.networks.keras_file import write_keras  # torch after fit's settings

        write_keras(network, recipe.size, trained[name])
    with tempfile.TemporaryDirectory() as place:
        trial = Path(place) / model.name
        paths = {name: trial.parent / path.relative_to(model.parent)
                 for name, path in files.items()}  # fmt: skip
        for name, path in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(trained[name], path)
        members = [
            member_of(chosen[name], paths[name], str(paths[name].relative_to(trial.parent)))
            for name in MEMBERS
        ]
        scorer = open_scorer(members[0], trial.parent, trial.parent, ENGINE)
        temporal = trial.parent / "models" / f"{TEMPORAL}.h5"
        if fit_temporal(faces.of("train"), scorer, temporal):
            members.append(temporal_member(trial, temporal, MOMENTS, members[0]))
            files[TEMPORAL], paths[TEMPORAL] = model.parent / "models" / temporal.name, temporal
        calibration = Calibration(members, faces, data, rows, trial)
        found = model_of(calibration.members, [calibration.together(paths)])
        for name, path in paths.items():
            put(files[name], path.read_bytes())
        # The JSON last: serving refuses the moment between by the hashes.
        put(model.with_suffix(".json"), to_json(found))


def train_member(data: Path, runs: Path, model: Path, recipe: Recipe) -> None:
    """Train one more network, put it beside the model as a pair of files, and calibrate.

    Args:
        data, runs, model: see `train`. The pair is `models/NAME.h5` and `models/NAME.json` beside
            the model; who learns from a teacher learns from the model.
        recipe: of a network that looks at faces; its name is the member's.

    Raises:
        SetupError: see `train`; the model is not there, or uses the name otherwise.
    """
    keep_memory()
    path = model.parent / PAIRS / f"{recipe.name}.h5"
    prepare(path)
    pairs = {member.name for member in read_pairs(model)}
    taken = {member.name for member in read_model(model).members} - pairs
    if recipe.name in {*taken, *SETS, VOICE}:
        raise SetupError(
            f"The model has another use for the name '{recipe.name}'. Give the recipe another one."
        )
    rows = read_index(data)
    faces = face_cache(data, rows, runs / "cache")
    tell_lost(faces, len(rows))
    check(recipe, faces)
    open_faces = partial(face_cache, data, rows, runs / "cache")
    network = fit(recipe, faces, open_faces, path, runs / recipe.name, teacher=model)
    from backend.training.networks.keras_file import write_keras  # torch after fit's settings

    trained = runs / recipe.name / path.name
    write_keras(network, recipe.size, trained)
    member = member_of(recipe, trained, f"{PAIRS}/{path.name}")
    recalibrate(data, runs, model, newcomer=(member, trained))


def tell_lost(faces: FaceCache, rows: int) -> None:
    """Say how many rows gave no face, and why.

    Raises:
        SetupError: they are too many to be a matter of chance.
    """
    reasons = ", ".join(f"{reason} {count}" for reason, count in faces.reasons().most_common())
    if faces.lost:
        print(f"{len(faces.lost)} of {rows} rows gave no face: {reasons}.", file=sys.stderr)
    if len(faces.lost) > MOST_LOST * rows:
        raise SetupError(
            f"{len(faces.lost)} of {rows} rows of the training data gave no face ({reasons}): more "
            f"than {MOST_LOST:.0%}. See that the files are whole and the index is right."
        )
