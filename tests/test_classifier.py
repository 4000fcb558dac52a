"""The weights and their JSON: they match, load in both engines, and others are refused."""

import hashlib
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from backend.errors import SetupError
from backend.settings import ROOT, load_settings
from backend.vision.classifier import Classifier, read_facts
from tests import media

MODEL = ROOT / "temp_model.h5"


@pytest.fixture
def copy(tmp_path):
    for name in ("temp_model.h5", "temp_model.json"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path / "temp_model.h5"


def rewrite(model, **changes):
    path = model.with_suffix(".json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_the_committed_pair_belongs_together():
    facts = read_facts(MODEL)
    assert 0 < facts.threshold_real < facts.threshold_fake < 1


def test_openvino_and_tensorflow_agree_on_a_real_face(pipeline):
    image = media.astronaut()
    crops = np.stack(
        [
            pipeline.classifier.crop(view, pipeline._detector.detect(view)[0].box)
            for view in (image, image[:, ::-1].copy(), (image * 0.6).astype(np.uint8))
        ]
    )
    settings = load_settings(_env_file=None)
    reference = Classifier(MODEL, settings.cache, "tensorflow").logits(crops)
    assert np.abs(pipeline.classifier.logits(crops) - reference).max() < 1e-3


def test_another_file_than_the_json_names_is_refused(copy):
    copy.write_bytes(copy.read_bytes() + b"x")
    with pytest.raises(SetupError, match="do not belong together"):
        read_facts(copy)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"threshold_real": 0.9, "threshold_fake": 0.2}, "threshold_real must be below"),
        ({"threshold_fake": 1.5}, "threshold_fake"),
        ({"nonsense": 1}, "nonsense"),
        ({"temperature": 0}, "temperature"),
    ],
)
def test_a_wrong_json_is_named(copy, changes, sentence):
    rewrite(copy, **changes)
    with pytest.raises(SetupError, match=sentence):
        read_facts(copy)


def test_a_missing_json_is_named(copy):
    copy.with_suffix(".json").unlink()
    with pytest.raises(SetupError, match="temp_model.json is missing"):
        read_facts(copy)


def test_a_file_that_is_no_model_is_refused_in_one_sentence(copy, tmp_path):
    copy.write_bytes(b"not a model")
    rewrite(copy, sha256=hashlib.sha256(b"not a model").hexdigest())
    with pytest.raises(SetupError, match="cannot be converted: temp_model.h5 does not load"):
        Classifier(copy, tmp_path / "cache")


def test_a_model_of_ones_own_with_a_probability_output_loads(tmp_path):
    # Built in a process of its own: this one stays free of TensorFlow's threads.
    program = (
        "import keras, sys; i = keras.Input((64, 64, 3)); "
        "x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(i)); "
        "keras.Model(i, keras.layers.Dense(1, activation='sigmoid')(x)).save(sys.argv[1])"
    )
    model = tmp_path / "own.h5"
    subprocess.run([sys.executable, "-c", program, str(model)], check=True, capture_output=True)
    model.with_suffix(".json").write_text(
        json.dumps({
            "name": "own", "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
            "input_size": 64, "crop_margin": 0.2, "scale": 1 / 255, "output": "probability",
            "threshold_real": 0.3, "threshold_fake": 0.7,
        })
    )  # fmt: skip
    classifier = Classifier(model, tmp_path / "cache")
    crops = np.stack([classifier.crop(media.astronaut(), (200, 60, 300, 160))] * 2)
    probability = classifier.probabilities(classifier.logits(crops))
    assert probability.shape == (2,) and (probability > 0).all() and (probability < 1).all()
