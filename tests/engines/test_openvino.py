"""The engines run one network alike; the converted one is kept, and what is wrong is said."""

import re
from pathlib import Path

import numpy as np
import openvino as ov
import pytest

from backend.engines import Weights
from backend.engines.openvino import converted_path, has_bf16
from backend.engines.registry import open_engine
from backend.engines.tensorflow import EXACT
from backend.errors import SetupError
from backend.settings import ROOT, load_settings
from tests.made_models import keras_models, sha256

MODEL = ROOT / "temp_model.h5"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Small models: what their names say is odd about them."""
    return keras_models(
        tmp_path_factory.mktemp("models"),
        """
i = I((64, 64, 3))
x = C(4, 3, strides=8)(i)
save("mask", i, keras.layers.Add()([D(2)(G()(x)), keras.layers.Rescaling(0.0)(
    G()(D(1, name="mask")(x)))]))
stack("sigmoid", G(), keras.layers.Dropout(0.3), D(1, activation="sigmoid"))
stack("flat", keras.layers.Flatten(), D(1))
save("large", i := I((128, 128, 3)), D(1)(G()(i)))
save("grey", i := I((64, 64, 1)), D(1)(G()(i)))
save("two", [i := I((64, 64, 3)), k := I((64, 64, 3))], D(1)(G()(keras.layers.Add()([i, k]))))
save("any", i := I((None, None, 3)), D(3)(G()(C(4, 3)(i))))
""",
    )


def weights(models: Path, name: str, **facts) -> Weights:
    path = models / f"{name}.h5"
    return Weights(path, sha256(path), size=64, **facts)


@pytest.fixture(scope="module")
def crops():
    return np.random.default_rng(1).integers(0, 256, (5, 64, 64, 3), np.uint8)


@pytest.mark.parametrize(
    ("name", "columns", "map_shape"),
    [("mask", 2, (8, 8, 1)), ("sigmoid", 1, (8, 8, 1)), ("any", 3, (62, 62, 3)), ("flat", 1, None)],
)
def test_openvino_and_tensorflow_agree(models, crops, name, columns, map_shape):
    found = []
    for engine in ("openvino", "tensorflow"):
        opened = open_engine(engine, weights(models, name, scale=1 / 255), models / "cache")
        assert opened.columns == columns and opened.precision == "f32"
        found.append(opened.infer(crops))
    for each in found:
        assert each.score.shape == (5, columns)
        assert each.map is None if map_shape is None else each.map.shape == (5, *map_shape)
        assert (each.features is None) == (name != "mask")
    for ours, theirs in zip(*found, strict=True):
        assert theirs is None or np.abs(ours - theirs).max() < 1e-4


def test_a_class_activation_map_has_the_logit_as_its_mean(models, crops):
    score, located, _ = open_engine(
        "openvino", weights(models, "sigmoid", scale=1 / 255), models / "cache"
    ).infer(crops)
    logits = np.log(score / (1 - score))[:, 0]
    assert located[..., 0].mean(axis=(1, 2)) == pytest.approx(logits, abs=1e-3)


@pytest.mark.parametrize(
    ("engine", "name", "sentence"),
    [
        ("openvino", "large", "Expected from its JSON: 64 x 64 x 3. Received: 128 x 128 x 3"),
        ("tensorflow", "large", "Expected from its JSON: 64 x 64 x 3. Received: 128 x 128 x 3"),
        ("tensorflow", "grey", "Received: 64 x 64 x 1"),
        ("tensorflow", "two", "must take one picture. Received: 2 inputs"),
    ],
)
def test_a_network_that_takes_other_pictures_is_refused(models, engine, name, sentence):
    with pytest.raises(SetupError, match=re.escape(sentence)):
        open_engine(engine, weights(models, name), models / "cache")


def test_a_file_that_is_no_model_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "no.h5").write_bytes(b"not a model")
    with pytest.raises(SetupError, match="cannot be converted: no.h5 does not load"):
        open_engine("openvino", weights(tmp_path, "no"), tmp_path / "cache")


def test_a_cache_that_nothing_can_be_written_to_is_named(models):
    with pytest.raises(SetupError, match="/proc/none.*DEEPFAKE_CACHE"):
        open_engine("openvino", weights(models, "flat"), Path("/proc/none"))


def test_a_conversion_that_lost_a_part_is_made_anew(models, crops, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    flat, cache = weights(models, "flat"), models / "cache"
    before, *_ = open_engine("openvino", flat, cache).infer(crops)
    converted_path(flat, cache).with_suffix(".bin").unlink()
    after, *_ = open_engine("openvino", flat, cache).infer(crops)
    assert np.array_equal(before, after)
    assert not (tmp_path / "intel").exists()  # the converter was kept from reporting its use


@pytest.mark.skipif(not has_bf16(), reason="this processor computes in float32 alone")
def test_in_bf16_the_first_convolutions_are_computed_in_float32_all_the_same(pipeline):
    cache, member = load_settings(_env_file=None).cache, pipeline.faces.classifier.config.members[0]
    converted = converted_path(Weights(MODEL, member.sha256), cache)
    options = {"INFERENCE_PRECISION_HINT": "bf16"}
    network = ov.Core().compile_model(converted, "CPU", options).get_runtime_model()
    layers = [layer.get_rt_info() for layer in network.get_ordered_ops()]
    found = [
        layer["runtimePrecision"].astype(str)
        for layer in layers
        if layer["layerType"].astype(str) == "Convolution"
    ]
    assert found[0] == "f32" and found[-1] == "bf16"
    assert found.count("f32") == EXACT < found.count("bf16")


def test_auto_takes_bf16_only_where_the_processor_has_it_and_the_weights_allow_it(models):
    fastest = "bf16" if "bf16" in Path("/proc/cpuinfo").read_text() else "f32"
    for precisions, expected in ((("f32",), "f32"), (("f32", "bf16"), fastest)):
        opened = open_engine(
            "auto", weights(models, "flat", precisions=precisions), models / "cache"
        )
        assert opened.precision == expected


def test_a_precision_whose_accuracy_was_not_measured_is_not_offered(models):
    with pytest.raises(SetupError, match="openvino-bf16 is not offered"):
        open_engine("openvino-bf16", weights(models, "flat"), models / "cache")
