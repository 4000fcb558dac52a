"""The network that is trained: the same in both libraries, and what moves each of its heads."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from backend.errors import SetupError
from backend.training.fit.step import OTHERS, train_step
from backend.training.recipe import RECIPES, read_recipe


def test_the_keras_file_is_the_network_that_was_trained(face, tmp_path):
    """The start from ImageNet weights goes through both; every kind of layer takes part."""
    import torch

    from backend.engines.tensorflow import load_keras
    from backend.training.networks.efficientnet_b0 import EfficientNetB0
    from backend.training.networks.imagenet import load_lite0
    from backend.training.networks.keras_file import read_keras, write_keras

    torch.manual_seed(0)
    network = EfficientNetB0(heads=2)
    load_lite0(network)
    for gate in (block.gate for block in network.blocks):
        torch.nn.init.normal_(gate.expand.weight, std=0.1)
    torch.nn.init.normal_(network.logits.weight, std=0.03)
    crop = cv2.resize(face[0], (96, 96))[None]
    with torch.no_grad():
        images = torch.from_numpy(crop).permute(0, 3, 1, 2)
        network.train()(torch.cat([images, images.flip(3)]))  # moves the statistics of batch norm
        logits, masks = network.eval()(images)
    assert abs(logits[0, 0] - logits[0, 1]) > 1e-3
    assert masks.shape == (1, 6, 6)
    write_keras(network, 96, tmp_path / "model.h5")
    found = load_keras(tmp_path / "model.h5")(crop.astype(np.float32), training=False)
    assert logits.numpy() == pytest.approx(found.numpy(), abs=1e-4)
    again = EfficientNetB0(heads=2).eval()
    read_keras(again, tmp_path / "model.h5")  # training goes on from the file
    with torch.no_grad():
        assert again(images)[0].numpy() == pytest.approx(logits.numpy(), abs=1e-6)
    with pytest.raises(SetupError, match="cannot start from none.h5"):
        read_keras(again, tmp_path / "none.h5")


def test_a_head_learns_most_from_the_partners_of_its_own_fakes():
    torch = pytest.importorskip("torch")

    class Logits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.logits = torch.nn.Parameter(torch.zeros(4, 2))

        def forward(self, images):
            return self.logits, torch.zeros(4, 1, 1)

    recipe = replace(read_recipe(RECIPES / "face.toml"), mask_weight=0.0, label_smoothing=0.0)
    network, heads = Logits(), torch.tensor([0, 1])  # a swap and a generated face
    optimizer = torch.optim.SGD(network.parameters(), lr=0.0)
    train_step(network, optimizer, torch.zeros(4), torch.zeros(4, 1, 1), heads, recipe)
    pull = network.logits.grad
    assert pull[3, 0] == pull[1, 1] == 0  # a fake says nothing to the other head
    for head, own, other in ((0, 0, 2), (1, 2, 0)):
        assert float(pull[other, head] / pull[own, head]) == pytest.approx(OTHERS)
        real = pull[0, head] + pull[2, head]
        assert float(real) == pytest.approx(-float(pull[2 * head + 1, head]))
