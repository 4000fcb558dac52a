"""The voice network in PyTorch and in Keras, and by the engine that serves it: the same logits."""

import hashlib
import json

import numpy as np
import pytest

from backend.audio.classifier import VoiceClassifier
from backend.audio.windows import BANDS, FRAMES, SAMPLES, features
from backend.engines import Weights
from backend.engines.registry import open_engine
from backend.errors import SetupError
from backend.settings import ROOT
from backend.training.networks.keras_file import write_keras


def test_the_served_file_is_the_network_that_was_trained(tmp_path):
    import torch

    from backend.training.networks.voice import VoiceNetwork

    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    loud = rng.uniform(0.05, 1, (6, 1)) * np.abs(np.sin(np.arange(SAMPLES) / 3000))
    values = torch.from_numpy(features((loud * rng.normal(size=(6, SAMPLES))).astype(np.float32)))
    network = VoiceNetwork(0.0)
    with torch.no_grad():
        for weight in network.parameters():  # norms and places too, which begin with ones and zeros
            weight.add_(torch.randn_like(weight) / 20)
        for _ in range(3):
            network.train()(values)  # moves the statistics of batch norm
        logits = network.eval()(values).numpy()
    assert float(logits.max() - logits.min()) > 1e-3  # it sees the windows
    path = tmp_path / "voice.h5"
    write_keras(network, FRAMES, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    engine = open_engine("openvino", Weights(path, digest, precisions=("f32",), pixels=False),
                         tmp_path)  # fmt: skip
    # Weights are rounded to float16 on disk.
    assert engine.infer(values.numpy())[0][:, 0] == pytest.approx(logits, abs=0.01)


def test_a_network_of_another_input_is_refused_in_one_sentence(tmp_path):
    import keras

    path = tmp_path / "voice.h5"
    taken = keras.Input((896,))
    keras.Model(taken, keras.layers.Dense(1)(taken)).save(path)
    described = json.loads((ROOT / "models" / "voice.json").read_text())
    described["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".json").write_text(json.dumps(described))
    with pytest.raises(SetupError, match=f"voice.h5 does not take .* {FRAMES} x {BANDS} x 2"):
        VoiceClassifier(path, tmp_path)
