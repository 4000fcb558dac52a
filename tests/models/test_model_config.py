"""The JSON beside the weights: what is wrong in it is named in a sentence."""

import json
import shutil

import pytest

from backend.errors import SetupError
from backend.models.model_config import FaceNetwork, read_config
from backend.settings import ROOT
from tests.made_models import describe, member, reading, rewrite, sha256, windows_member

BOTH = {"weights": {"face.fake": 1, "pixels.fake": 2}}


@pytest.fixture
def model(tmp_path):
    """A model of two members, whose weights are never loaded."""
    path, pixels = tmp_path / "own.h5", tmp_path / "more" / "pixels.h5"
    path.write_bytes(b"weights")
    pixels.parent.mkdir()
    pixels.write_bytes(b"other weights")
    members = [member(path), windows_member(pixels, file="more/pixels.h5")]
    return describe(path, members, image=reading(**BOTH), small_image=reading())


def test_the_committed_files_belong_together():
    config = read_config(ROOT / "temp_model.h5")
    assert config.members[0].file == "temp_model.h5"
    assert isinstance(config.members[0], FaceNetwork)


def test_what_a_model_may_leave_out_has_a_default(model):
    config = read_config(model)
    face, pixels = config.members
    assert (face.views, face.dim, face.mask_floor) == (1, 0, None)
    assert pixels.precisions == ("f32",) and len(pixels.reductions) == 3
    assert config.readings.of("small_image") == config.readings.of("video")


def test_one_reading_serves_all_pictures_where_no_member_looks_at_windows(model):
    describe(model)
    readings = read_config(model).readings
    assert readings.of("small_image") is readings.of("image")


def test_the_digest_is_the_files_own_or_tells_of_each_of_several(model):
    several = read_config(model).sha256
    pixels = model.parent / "more" / "pixels.h5"
    pixels.write_bytes(b"trained anew")
    rewrite(model, lambda json: json["members"][1].update(sha256=sha256(pixels)))
    assert read_config(model).sha256 != several
    describe(model)
    assert read_config(model).sha256 == sha256(model)


@pytest.mark.parametrize("name", ["own.h5", "more/pixels.h5"])
def test_another_file_than_the_json_names_is_refused(model, name):
    (model.parent / name).write_bytes(b"others")
    with pytest.raises(SetupError, match=f"{name} and own.json do not belong together"):
        read_config(model)


@pytest.mark.parametrize("name", ["own.h5", "own.json", "more/pixels.h5"])
def test_a_missing_file_is_named(model, name):
    (model.parent / name).unlink()
    with pytest.raises(SetupError, match=f"incomplete: {name} is missing"):
        read_config(model)


def test_weights_that_their_json_does_not_list_are_refused(model, tmp_path):
    shutil.copy(model, tmp_path / "copy.h5")
    shutil.copy(model.with_suffix(".json"), tmp_path / "copy.json")
    with pytest.raises(SetupError, match=r"copy.json lists no member with the file copy.h5"):
        read_config(tmp_path / "copy.h5")


def both(described):
    return described["members"]


def balanced(described):
    return described["readings"]["video"]["thresholds"]["balanced"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda j: j.update(nonsense=1), "nonsense"),
        (lambda j: j.pop("members"), "members: Field required"),
        (lambda j: both(j)[0].update(file="../own.h5"), "expected a path below"),
        (lambda j: both(j)[0].update(input="sound"), "input|tag"),
        (lambda j: both(j)[1].update(margin=0.3), "margin"),
        (lambda j: both(j)[1].update(name="face"), "two members have the same name"),
        (lambda j: both(j)[0].update(heads=["fake", "fake"]), "two heads have the same name"),
        (lambda j: both(j)[0].update(heads=[]), "heads"),
        (lambda j: both(j)[0].update(output="softmax", heads=["a", "b"]), "has one head"),
        (lambda j: both(j)[0].update(views=99), "views"),
        (lambda j: j.update(members=both(j)[1:]), 'one member must have the input "face"'),
        (lambda j: balanced(j).update(real=0.8), "real must be below fake"),
        (lambda j: balanced(j).update(fake=1.5), "balanced.fake"),
        (lambda j: j["readings"]["video"]["thresholds"].pop("strict"), "strict: Field required"),
        (lambda j: j["readings"]["video"]["weights"].update({"face.fake": -1}), "greater"),
        (lambda j: j["readings"]["video"]["weights"].update({"face.fake": 0}), "above 0"),
        (lambda j: j["readings"]["video"]["weights"].update({"face.real": 1}), "face.real, which"),
        (lambda j: j["readings"]["video"]["weights"].update({"pixels.fake": 1}), "without windows"),
        (lambda j: j["readings"].pop("small_image"), "small_image must do without windows"),
        (lambda j: j["readings"]["image"].update(odds=[[0.1, 2]]), "begin at 0 and rise"),
        (lambda j: j["readings"]["image"].update(odds=[[0, 2], [0, 3]]), "begin at 0 and rise"),
        (lambda j: j["readings"]["image"].update(odds=[[0, 0]]), "greater than 0"),
    ],
)
def test_a_wrong_json_is_named(model, change, sentence):
    rewrite(model, change)
    with pytest.raises(SetupError, match=sentence) as refused:
        read_config(model)
    assert "\n" not in str(refused.value)


def test_a_kind_of_file_may_never_be_called_real(model):
    rewrite(model, lambda j: balanced(j).update(real=None))
    thresholds = read_config(model).readings.video.thresholds
    assert thresholds.balanced.real is None and thresholds.strict.real == 0.3


def test_facts_tell_apart_what_answers_otherwise(model):
    facts = read_config(model).facts
    json.dumps(facts)
    rewrite(model, lambda j: j.update(name="else", made_with="else"))
    rewrite(model, lambda j: both(j)[0].update(mask_floor=1, precisions=["f32", "bf16"]))
    assert read_config(model).facts == facts
    rewrite(model, lambda j: balanced(j).update(fake=0.71))
    assert read_config(model).facts != facts
