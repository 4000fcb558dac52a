"""The temporal network: the same in NumPy, in Keras and served; what it says of stillness."""

import hashlib

import numpy as np
import pytest

from backend.engines import Weights
from backend.engines.registry import open_engine
from backend.training.networks.temporal import bounded, keras_model, variation

SHAPE = 8, 7, 7, 4


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    rng = np.random.default_rng(0)
    usual, weights = rng.uniform(0.2, 1, 8), rng.normal(0, 1, 8)
    path = tmp_path_factory.mktemp("temporal") / "temporal.h5"
    keras_model(SHAPE, usual, weights, 0.3).save(path)
    return path, usual, weights


def test_what_is_served_is_what_was_fitted(network):
    path, usual, weights = network
    tracks = np.random.default_rng(1).normal(0, 1, (3, *SHAPE)).astype(np.float32)
    tracks[2] = tracks[2, :1]  # the same moment again and again
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    engine = open_engine("openvino", Weights(path, digest, pixels=False), path.parent)
    found = engine.infer(tracks).score[:, 0]
    assert found == pytest.approx(bounded(variation(tracks), usual) @ weights + 0.3, abs=1e-4)
    assert found[2] == pytest.approx(0.3, abs=1e-4)  # a picture that stands still varies not at all
    assert abs(found[0] - found[1]) > 1e-3
