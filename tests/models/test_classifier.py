"""The weights and their JSON: they match, load in both engines, and others are refused."""

import hashlib
import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import openvino as ov
import pytest

from backend.engines import Weights
from backend.engines.openvino import branches_of, converted_path, has_bf16
from backend.engines.registry import open_engine
from backend.engines.tensorflow import EXACT
from backend.errors import SetupError
from backend.models.classifier import Classifier
from backend.models.crops import LOOKS, cut_side, looks_at
from backend.models.model_config import read_facts
from backend.models.quality import brightness, sharpness
from backend.settings import ROOT, load_settings
from tests import made_media

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


@pytest.fixture(scope="module")
def crops(pipeline):
    """A real face three ways: as it is, mirrored, dark."""
    image = made_media.astronaut()
    views = (image, image[:, ::-1].copy(), (image * 0.6).astype(np.uint8))
    classifier, detector = pipeline.faces.classifier, pipeline.faces.detector
    return np.stack([classifier.cut(view, detector.detect(view)[0].box) for view in views])


def test_openvino_and_tensorflow_agree_on_a_real_face(pipeline, crops):
    settings = load_settings(_env_file=None)
    expected = Classifier(MODEL, settings.cache, "tensorflow").judge(crops)
    engines = [(Classifier(MODEL, settings.cache, "openvino"), 1e-3)]
    if pipeline.faces.classifier.precision != "f32":  # this processor has a faster one
        engines.append((pipeline.faces.classifier, 1.0))
    for engine, most in engines:
        for ours, theirs in zip(engine.judge(crops)[:2], expected[:2], strict=True):
            assert ours.shape == theirs.shape
            assert np.abs(ours - theirs).max() < most


@pytest.mark.skipif(not has_bf16(), reason="this processor computes in float32 alone")
def test_in_bf16_the_first_convolutions_are_computed_in_float32_all_the_same(pipeline):
    settings, facts = load_settings(_env_file=None), pipeline.faces.classifier.facts
    converted = converted_path(Weights(MODEL, facts.sha256), settings.cache)
    options = {"INFERENCE_PRECISION_HINT": "bf16"}
    branches = branches_of(converted)
    assert branches
    for branch in branches:
        network = ov.Core().compile_model(branch, "CPU", options).get_runtime_model()
        layers = [layer.get_rt_info() for layer in network.get_ordered_ops()]
        found = [
            layer["runtimePrecision"].astype(str)
            for layer in layers
            if layer["layerType"].astype(str) == "Convolution"
        ]
        assert found[0] == "f32" and found[-1] == "bf16"
        assert found.count("f32") == EXACT < found.count("bf16")


def test_the_map_follows_the_picture_and_not_the_place(pipeline, crops):
    maps = pipeline.faces.classifier.judge(crops).maps
    assert maps.ndim == 3 and maps.std(axis=(1, 2)).min() > 0.1
    mirrored = maps[0][:, ::-1]
    assert np.corrcoef(mirrored.ravel(), maps[1].ravel())[0, 1] > 0.2


def test_another_file_than_the_json_names_is_refused(copy):
    copy.write_bytes(copy.read_bytes() + b"x")
    with pytest.raises(SetupError, match="do not belong together"):
        read_facts(copy)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"threshold_real": 0.9, "threshold_fake": 0.2}, "threshold_real must be below"),
        ({"threshold_fake": 1.5}, "threshold_fake"),
        ({"output": "heads", "heads": []}, "heads must be given"),
        ({"heads": [[1, 1], [-0.5, 1]]}, "heads.1.0: Input should be greater"),
        ({"heads": [[0, 0], [0, 0]]}, "use one"),
        ({"clips": {"threshold_real": 0.9, "threshold_fake": 0.2}}, "clips: Value error, thres"),
        ({"looks": 1}, "more looks than pictures"),
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


HEADS = {
    # output: (last layers, the engine it is tried in, whether they give a class-activation map)
    "probability": ("G(), D(1, activation='sigmoid')", "openvino", True),
    "softmax": ("G(), keras.layers.Dropout(0.3), D(2, activation='softmax')", "tensorflow", True),
    "logit": ("keras.layers.Flatten(), D(1)", "tensorflow", False),
    "heads": ("G(), D(2)", "openvino", True),
}


TWO_HEADS = {
    "heads": [[1, 0.5], [0, 2]],
    "shift": 0.25,
    "half_sharp": 50,
    "clips": {
        "heads": [[1, 1], [0, 0]],
        "temperature": 2,
        "threshold_real": 0.1,
        "threshold_fake": 0.8,
    },
}


@pytest.fixture(scope="module")
def models_of_ones_own(tmp_path_factory):
    """A small Keras model for each of HEADS, and one of two branches, with their JSON."""
    folder = tmp_path_factory.mktemp("models")
    # Built in a process of its own: this one stays free of TensorFlow's threads.
    program = (
        "import keras, sys; G, D = keras.layers.GlobalAveragePooling2D, keras.layers.Dense\n"
        "def save(name, *head): keras.Sequential([keras.Input((64, 64, 3)), "
        "keras.layers.Conv2D(4, 3, strides=8), *head]).save(f'{sys.argv[1]}/{name}.h5')\n"
    ) + "\n".join(f"save('{output}', {head})" for output, (head, _, _) in HEADS.items())
    program += (
        "\ni = keras.Input((64, 64, 3))"
        "\nscores = [D(1)(G()(keras.layers.Conv2D(4, 3, strides=8)(i))) for _ in range(2)]"
        "\nkeras.Model(i, keras.layers.Concatenate()(scores)).save(f'{sys.argv[1]}/branches.h5')"
    )
    subprocess.run([sys.executable, "-c", program, str(folder)], check=True, capture_output=True)
    for model in folder.glob("*.h5"):
        model.with_suffix(".json").write_text(
            json.dumps({
                "name": "own", "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
                "input_size": 64, "crop_margin": 0.2, "scale": 1 / 255,
                "threshold_real": 0.3, "threshold_fake": 0.7,
            } | ({"output": model.stem} if model.stem not in ("heads", "branches")
                 else {"output": "heads", **TWO_HEADS}))
        )  # fmt: skip
    return folder


@pytest.mark.parametrize("output", HEADS)
def test_a_model_of_ones_own_loads(models_of_ones_own, output, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    _, engine, has_map = HEADS[output]
    model = models_of_ones_own / f"{output}.h5"
    classifier = Classifier(model, models_of_ones_own / "cache", engine)
    boxes = ((200, 60, 300, 160), (180, 60, 300, 180))
    crops = np.stack([classifier.cut(made_media.astronaut(), box) for box in boxes])
    logits, maps, _ = classifier.judge(crops)
    probability = classifier.probabilities(logits)
    assert probability.shape == (2,) and (probability > 0).all() and (probability < 1).all()
    assert (maps is not None) == has_map
    if has_map:
        assert maps.mean(axis=(1, 2)) == pytest.approx(logits, abs=1e-3)
    assert not (tmp_path / "intel").exists()  # the converter was kept from reporting its use


ODD = {
    # inputs: what is said of them, None where the model can be used
    "[I((128, 128, 3))]": "Expected from its JSON: 64 x 64 x 3. Received: 128 x 128 x 3",
    "[I((64, 64, 1))]": "Received: 64 x 64 x 1",
    "[I((64, 64, 3)), I((64, 64, 3))]": "must take one picture. Received: 2 inputs",
    "[I((None, None, 3))]": None,
}


@pytest.fixture(scope="module")
def models_with_odd_inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd")
    program = (
        "import keras, sys; I, C = keras.Input, keras.layers.Conv2D\n"
        "def save(name, inputs):\n"
        "    x = keras.layers.Concatenate()([C(4, 3, strides=8)(i) for i in inputs * 2])\n"
        "    y = keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(x))\n"
        "    keras.Model(inputs, y).save(f'{sys.argv[1]}/{name}.h5')\n"
    ) + "\n".join(f"save({number}, {inputs})" for number, inputs in enumerate(ODD))
    subprocess.run([sys.executable, "-c", program, str(folder)], check=True, capture_output=True)
    for model in folder.glob("*.h5"):
        facts = {
            "name": "own", "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
            "input_size": 64, "crop_margin": 0.2, "threshold_real": 0.3, "threshold_fake": 0.7,
        }  # fmt: skip
        model.with_suffix(".json").write_text(json.dumps(facts))
    return folder


@pytest.mark.parametrize("engine", ("openvino", "tensorflow"))
@pytest.mark.parametrize("number", range(len(ODD)))
def test_models_that_take_other_pictures_are_refused_and_free_sizes_are_filled(
    models_with_odd_inputs, number, engine
):
    sentence = list(ODD.values())[number]
    model, cache = models_with_odd_inputs / f"{number}.h5", models_with_odd_inputs / "cache"
    if sentence:
        with pytest.raises(SetupError, match=sentence):
            Classifier(model, cache, engine)
        return
    classifier = Classifier(model, cache, engine)
    assert classifier.logits(np.zeros((2, 64, 64, 3), np.uint8)).shape == (2,)


def test_pictures_and_clips_are_read_from_the_same_heads_in_their_own_way(models_of_ones_own):
    classifier = Classifier(models_of_ones_own / "heads.h5", models_of_ones_own / "cache")
    crops = classifier.crop(made_media.astronaut(), (200, 60, 300, 160))[None]
    [heads] = classifier.outputs(crops)[0]
    clips = classifier.of("video")
    assert heads.shape == (1, 2) and classifier.of("image") is classifier
    own = sharpness(crops[0])
    for sharp, share in ((0, 0), (50, 0.5), (1e6, 1), (own, own**2 / (own**2 + 50**2))):
        said = classifier.calibration.joined(heads, sharp)
        expected = heads @ (1 - 0.5 * share, 2 * share) + 0.25 * share
        assert said == pytest.approx(expected, abs=1e-4)
    assert classifier.logits(crops) == pytest.approx(said, abs=1e-4)
    assert clips.logits(crops) == pytest.approx(heads[:, 0], abs=1e-5)
    assert clips.probabilities(heads[:, 0]) == pytest.approx(
        1 / (1 + np.exp(-heads[:, 0] / 2)), abs=1e-4
    )
    assert (clips.card.threshold_fake, classifier.card.threshold_fake) == (0.8, 0.7)


def test_a_branch_that_does_not_count_is_not_run(models_of_ones_own):
    model, cache = models_of_ones_own / "branches.h5", models_of_ones_own / "cache"
    crops = np.stack(
        [made_media.astronaut()[60:124, 200:264], made_media.astronaut()[80:144, 190:254]]
    )
    found = {}
    for engine in ("openvino", "tensorflow"):
        classifier = Classifier(model, cache, engine)
        both = found[engine] = classifier.outputs(crops)[0]
        clips = classifier.of("video").outputs(crops)[0]
        assert np.abs(both).min() > 1e-4 and not clips[..., 1].any()
        assert clips[..., 0] == pytest.approx(both[..., 0], abs=1e-5)
    assert found["openvino"] == pytest.approx(found["tensorflow"], abs=1e-4)
    sha256 = read_facts(model).sha256
    branches_of(converted_path(Weights(model, sha256), cache))[1].with_suffix(".bin").unlink()
    again = Classifier(model, cache, "openvino").outputs(crops)[0]  # converted anew
    assert again == pytest.approx(found["openvino"], abs=1e-5)


def test_faces_keep_their_order_in_batches_of_any_size_and_from_several_threads(pipeline, crops):
    classifier = pipeline.faces.classifier
    each = [classifier.judge(crop[None]) for crop in crops]
    alone, maps, _ = (np.concatenate(outputs) for outputs in zip(*each, strict=True))
    orders = [np.random.default_rng(n).integers(0, len(crops), 5 + 4 * n) for n in range(6)]
    with ThreadPoolExecutor(3) as pool:
        for order, found in zip(
            orders, pool.map(lambda o: classifier.judge(crops[o]), orders), strict=True
        ):
            assert found[0] == pytest.approx(alone[order], abs=1e-3)
            assert np.abs(found[1] - maps[order]).max() < 1e-3


def test_each_look_counts_the_same_and_shows_what_it_should(copy, pipeline):
    cache, picture = load_settings(_env_file=None).cache, made_media.astronaut()
    box = pipeline.faces.detector.detect(picture)[0].box
    rewrite(copy, looks=1, clips=None)
    once = Classifier(copy, cache)
    rewrite(copy, looks=len(LOOKS))
    many, size = Classifier(copy, cache), once.facts.input_size
    cut = many.cut(picture, box)[None]
    looks = looks_at(cut, size, len(LOOKS))
    assert len(cut[0]) == cut_side(size, len(LOOKS))
    outputs, _ = many.outputs(cut)
    for place, look in enumerate(looks):
        assert np.abs(outputs[:, place] - once.outputs(look)[0][:, 0]).max() < 1e-3
    judged = many.judge(cut)
    assert np.abs(judged.maps - once.judge(looks[0]).maps).max() < 1e-3
    assert judged.sharpness == pytest.approx(once.judge(looks[0]).sharpness)
    assert judged.logits == pytest.approx(
        many.calibration.joined(outputs.mean(axis=1), judged.sharpness), abs=1e-3
    )
    left, top, right, bottom = box
    for (wider, mirrored), look in zip(LOOKS, looks, strict=True):
        more = (wider - 1) / 2 * np.array((left - right, top - bottom, right - left, bottom - top))
        expected = once.crop(picture, tuple(np.array(box) + more))
        seen = look[0, :, ::-1] if mirrored else look[0]
        assert np.abs(seen.astype(int) - expected).mean() < 3
    with pytest.raises(ValueError, match="Expected cuts of"):
        many.judge(looks[0])


def test_a_dark_face_is_brightened_before_it_is_judged_and_a_bright_one_is_not(copy, crops):
    cache, bright = load_settings(_env_file=None).cache, crops[:1]
    served = Classifier(copy, cache, "openvino")
    rewrite(copy, dim=0)
    plain = Classifier(copy, cache, "openvino")
    dark = (bright * 0.4).astype(np.uint8)
    light = brightness(plain.view(dark[0]))
    assert light < 60 < 80 < brightness(plain.view(bright[0]))
    lit = np.clip(dark * (served.facts.dim / light) + 0.5, 0, 255).astype(np.uint8)
    judged, _ = served.outputs(dark)
    assert judged == pytest.approx(plain.outputs(lit)[0], abs=0.05)
    assert np.abs(judged - plain.outputs(dark)[0]).max() > 0.2
    assert served.outputs(bright)[0] == pytest.approx(plain.outputs(bright)[0], abs=1e-4)


def test_auto_takes_bf16_only_where_the_processor_has_it_and_the_weights_allow_it(pipeline):
    facts, cache = pipeline.faces.classifier.facts, load_settings(_env_file=None).cache
    for precisions, expected in ((("f32",), "f32"), (("f32", "bf16"), fastest_here())):
        weights = Weights(MODEL, facts.sha256, precisions=precisions)
        assert open_engine("auto", weights, cache).precision == expected


def fastest_here() -> str:
    return "bf16" if "bf16" in Path("/proc/cpuinfo").read_text() else "f32"


def test_a_precision_whose_accuracy_was_not_measured_is_not_offered(copy, tmp_path):
    rewrite(copy, precisions=["f32"])
    with pytest.raises(SetupError, match="openvino-bf16 is not offered"):
        Classifier(copy, tmp_path / "cache", "openvino-bf16")
