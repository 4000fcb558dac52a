"""What a training configuration may hold, and the sentence for what it may not."""

import json

import pytest

from backend.errors import SetupError
from backend.settings import ROOT
from backend.training.recipe import Mix, read_recipe, stages
from backend.training.train import _made_with
from tests.training_data import CONFIG, RECIPE, write_recipe


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"size": 100}, "size: Input should be a multiple of 16"),
        ({"size": "160"}, "size: Input should be a valid integer"),
        ({"pairs": 0}, "pairs: Input should be greater"),
        ({"checkpoint_every": 0}, "checkpoint_every: Input should be greater"),
        ({"start": []}, "start: "),
        ({"average_with": ["../one"]}, "average_with.0: String should match"),
        ({"regions": ["foo"]}, r"regions.0: Input should be 'face'"),
        ({"mix": {"swap": -1}}, "mix: .*every share must be"),
        ({"mix": {"swap": "much"}}, "mix: .*every share must be"),
        ({"mix": dict.fromkeys(Mix.__slots__, 0)}, "mix: .*every share must be"),
        ({"mix": {"surprise": 1}}, "surprise"),
    ],
)
def test_a_wrong_value_of_a_recipe_is_named(changes, sentence, tmp_path):
    with pytest.raises(SetupError, match=rf"wrong.toml cannot be used: .*{sentence}"):
        read_recipe(write_recipe(tmp_path / "wrong.toml", **changes))


def test_a_recipe_with_an_unknown_field_is_refused(tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text("surprise = 1\n" + RECIPE)
    with pytest.raises(SetupError, match="wrong.toml cannot be used"):
        read_recipe(path)


def test_a_name_where_a_list_should_stand_is_refused(tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text(RECIPE.replace('start = ["lite0"]', 'start = "lite0"'))
    with pytest.raises(SetupError, match="start must be a list"):
        read_recipe(path)


def test_only_recipes_of_the_project_are_named_with_their_place(tmp_path):
    assert _made_with(CONFIG).endswith("last stage: backend/training/configs/first.toml")
    assert _made_with(tmp_path / "first.toml") == "python -m backend train first.toml"


def test_the_stages_of_the_committed_weights_come_after_those_they_need():
    facts = json.loads((ROOT / "temp_model.json").read_text())
    last = ROOT / facts["made_with"].rsplit(" ", 1)[1]
    order = [path.stem for path in stages(last)]
    assert f"train {last.relative_to(ROOT)} " in (ROOT / "Makefile").read_text()
    written = {path.stem for path in last.parent.glob("*.toml")} - {"ablations"}
    assert set(order) == written and order[-1] == last.stem
    for number, name in enumerate(order):
        assert set(read_recipe(last.with_name(f"{name}.toml")).needs) <= set(order[:number])


def test_runs_that_need_each_other_are_refused(tmp_path):
    write_recipe(tmp_path / "one.toml", start=["two"])
    write_recipe(tmp_path / "two.toml", manipulated_by=["one"])
    with pytest.raises(SetupError, match="one.toml cannot be used: the run needs itself"):
        stages(tmp_path / "one.toml")
