"""Each small network in PyTorch and in Keras: the same logits, and weights that go both ways."""

from dataclasses import replace

import numpy as np
import pytest

from backend.engines.tensorflow import load_keras
from backend.errors import SetupError
from backend.training.recipe import RECIPES, read_recipe


@pytest.mark.parametrize("name", ["meso4", "meso_inception4", "xception"])
def test_the_keras_file_is_the_network_that_was_trained(name, tmp_path):
    import torch

    from backend.training.networks import build
    from backend.training.networks.keras_file import read_keras, write_keras

    size = 64
    torch.manual_seed(0)
    recipe = replace(read_recipe(RECIPES / f"{name}.toml"), size=size, dropout=0.0)
    network = build(recipe)
    pictures = np.random.default_rng(0).integers(0, 256, (4, size, size, 3), np.uint8)
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2)
    with torch.no_grad():
        for _ in range(3):
            network.train()(images)  # moves the statistics of batch norm
        logits = network.eval()(images)[0].numpy()
    assert np.ptp(logits, axis=0).min() > 1e-4  # it sees the pictures
    path = tmp_path / f"{name}.h5"
    write_keras(network, size, path)
    found = load_keras(path)(pictures.astype(np.float32), training=False).numpy()
    assert found == pytest.approx(logits, abs=1e-4)
    again = build(recipe).eval()
    read_keras(again, path)
    with torch.no_grad():
        assert again(images)[0].numpy() == pytest.approx(logits, abs=1e-5)
    with pytest.raises(SetupError, match="cannot start from"):
        read_keras(build(replace(recipe, network="efficientnet_b0")), path)
