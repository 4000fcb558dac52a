"""What a training recipe may hold, and the sentence for what it may not."""

import pytest

from backend.errors import SetupError
from backend.training.recipe import RECIPES, read_recipe
from tests.training_data import write_recipe


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"size": 100}, "size: Input should be a multiple of 16"),
        ({"size": "160"}, "size: Input should be a valid integer"),
        ({"pairs": 0}, "pairs: Input should be greater"),
        ({"choose_every": 0}, "choose_every: Input should be greater"),
        ({"start": "elsewhere"}, "start: "),
        ({"sampler": "ears"}, "sampler: "),
        ({"heads": []}, "heads: "),
        ({"mix": {"cross": -1}}, "mix: .*every share must be"),
        ({"mix": {"cross": "much"}}, "much"),
        ({"mix": {"cross": 0, "generated": 0}}, "mix: .*every share must be"),
        ({"mix": {"window": 1}}, "window is no kind of pair"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_wrong_value_is_named(changes, sentence, tmp_path):
    with pytest.raises(SetupError, match=rf"wrong.toml cannot be used: .*{sentence}"):
        read_recipe(write_recipe(tmp_path / "wrong.toml", **changes))


def test_a_file_that_is_no_recipe_is_refused(tmp_path):
    path = tmp_path / "wrong.toml"
    for content in (b"\xff", b"steps", b"steps = 1\n"):
        path.write_bytes(content)
        with pytest.raises(SetupError, match="wrong.toml cannot be used"):
            read_recipe(path)


def test_the_recipes_of_the_model_can_be_read():
    paths = [path for path in RECIPES.glob("*.toml") if path.stem != "voice"]  # has its own fields
    found = {path.stem: read_recipe(path) for path in paths}
    assert {name: recipe.name for name, recipe in found.items()} == {n: n for n in found}
    assert set(found) == {"face", "meso4", "meso_inception4", "pixels", "xception"}
