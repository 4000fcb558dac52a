"""At the end of a run the middle between its start and its best weights is tried."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from backend.training.fit.checkpoint import CHOSEN, save
from backend.training.fit.loop import _Run
from backend.training.networks import build
from backend.training.networks.keras_file import write_keras
from backend.training.networks.state_file import read_state
from backend.training.recipe import RECIPES, read_recipe


class Judge:
    """Gives one mark, whatever it is shown."""

    def __init__(self, mark: float):
        self._mark = mark

    def mark(self, network, step):
        return self._mark


@pytest.fixture(scope="module")
def recipe():
    return replace(read_recipe(RECIPES / "pixels.toml"), size=64)


@pytest.fixture(scope="module")
def ends(recipe, tmp_path_factory):
    """The file that a run started from, and the networks at its two ends."""
    torch.manual_seed(0)
    start, end = build(recipe).eval(), build(recipe).eval()
    path = tmp_path_factory.mktemp("start") / "pixels.h5"
    write_keras(start, recipe.size, path)
    return path, start, end


@pytest.mark.parametrize(("mark", "kept"), [(0.8, "middle"), (0.6, "end")])
def test_the_middle_is_kept_where_it_is_better(recipe, ends, tmp_path, mark, kept):
    path, start, end = ends
    save(end.state_dict(), tmp_path / CHOSEN)
    run = _Run(recipe, build(recipe), None, None, Judge(mark), path, tmp_path)
    assert run.halfway(0.7) == max(mark, 0.7)
    found = read_state(tmp_path / CHOSEN)
    key = next(name for name, value in end.state_dict().items() if value.ndim == 4)
    first, last = start.state_dict()[key], end.state_dict()[key]
    wanted = (first + last) / 2 if kept == "middle" else last
    np.testing.assert_allclose(found[key], wanted, atol=1e-6)
