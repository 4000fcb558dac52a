"""The JSON beside the weights: who is asked; what is wrong is named in a sentence."""

import json
import shutil

import pytest

from backend.errors import SetupError
from backend.models.members import FaceNetwork
from backend.models.model_file import read_config, read_model
from backend.settings import ROOT
from tests.made_models import (
    describe,
    member,
    reading,
    rewrite,
    sha256,
    together,
    windows_member,
)

OWN = {"video": reading(), "image": reading()}


def weights(folder, name):
    path = folder / f"{name}.h5"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(name.encode())
    return path


@pytest.fixture
def model(tmp_path):
    """A model of two members that were calibrated together, whose weights are never loaded."""
    path, pixels = weights(tmp_path, "own"), weights(tmp_path / "more", "pixels")
    members = [member(path), windows_member(pixels, file="more/pixels.h5")]
    alone = reading(weights={"face": 1.0})
    return describe(path, members, together("face", "pixels", video=alone, small_image=alone))


@pytest.fixture
def pair(model):
    """A file pair that somebody put beside it; the function that changes its JSON."""
    path = weights(model.parent / "models", "mine")
    described = member(path, name=None, file=None)

    def write(**changes):
        kept = {name: value for name, value in (described | changes).items() if value is not None}
        path.with_suffix(".json").write_text(json.dumps(kept))

    write()
    return write


def names(members):
    return [each.name for each in members]


def test_the_committed_files_belong_together():
    config = read_config(ROOT / "temp_model.h5")
    assert config.members[0].file == "temp_model.h5"
    assert isinstance(config.members[0], FaceNetwork)
    read_config(ROOT / "temp_model.h5", "all")


def test_what_a_model_may_leave_out_has_a_default(model):
    config = read_config(model)
    face, pixels = config.members
    assert (face.views, face.dim, face.mask_floor) == (1, 0, None)
    assert pixels.precisions == ("f32",) and len(pixels.reductions) == 3
    assert config.readings.of("small_image") == config.readings.of("video")


def test_one_member_alone_is_read_as_it_says(model):
    own = {"video": reading(fake=0.9, bias=3.0), "image": reading(odds=[[0, 2]])}
    describe(model, [member(model, readings=own)])
    config = read_config(model)
    assert config.readings.video.thresholds.balanced.fake == 0.9
    assert config.readings.image.odds == ((0, 2),) and config.readings.video.bias == 0
    assert config.readings.of("small_image") is config.readings.of("image")
    assert config.logits("video", {"face.fake": [1.0]}) == [4.0]


def test_the_digest_is_the_files_own_or_tells_of_each_of_several(model):
    several = read_config(model).sha256
    pixels = model.parent / "more" / "pixels.h5"
    pixels.write_bytes(b"trained anew")
    rewrite(model, lambda json: json["members"][1].update(sha256=sha256(pixels)))
    assert read_config(model).sha256 != several
    describe(model)
    assert read_config(model).sha256 == sha256(model)


# --- which members are asked


def test_those_calibrated_together_decide_and_the_others_are_shown(model, pair):
    chosen = {
        "default": (["face", "pixels"], [], ["mine"]),
        "all": (["face", "pixels"], ["mine"], []),
        "mine, pixels,face": (["face", "pixels"], ["mine"], []),
        "pixels,face": (["face", "pixels"], [], ["mine"]),
        "mine": (["mine"], [], ["face", "pixels"]),
        "face": (["face"], [], ["pixels", "mine"]),
    }
    for told, expected in chosen.items():
        config = read_config(model, told)
        assert tuple(map(names, (config.members, config.guests, config.idle))) == expected, told
    config = read_config(model, "all")
    assert names(config.asked("video")) == ["face", "mine"]
    assert names(config.asked("image")) == ["face", "pixels", "mine"]
    assert config.sha256 == read_config(model).sha256 != read_config(model, "mine").sha256


def test_a_set_that_was_calibrated_decides_as_a_whole(model, pair):
    own = reading(weights={"mine": 1.0})
    three = together("face", "pixels", "mine", video=own, small_image=own)
    rewrite(model, lambda j: j["ensembles"].append(three))
    assert read_config(model, "all").readings.video.weights == {"mine": 1.0}
    assert names(read_config(model).members) == ["face", "pixels"]


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ("nobody", "there is no member 'nobody'. Expected default, all, or names of face, pixels"),
        ("face,mine", "face, mine were not calibrated together. Run .* calibrate .* face,mine"),
        ("pixels", "pixels cannot judge clips alone"),
    ],
)
def test_what_cannot_be_chosen_is_told(model, pair, chosen, sentence):
    with pytest.raises(SetupError, match=sentence):
        read_config(model, chosen)


# --- what is wrong


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


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"sha256": "0" * 64}, "models/mine.h5 and models/mine.json do not belong together"),
        ({"readings": None}, "models/mine.json is wrong: face.readings: Field required"),
        ({"input": "sound"}, "models/mine.json is wrong: .*input"),
        ({"name": "mine"}, "models/mine.json is wrong: name: the name of the file says it"),
        ({"readings": {"video": reading(weights={"other": 1})}}, "weighs other, which is no head"),
    ],
)
def test_a_wrong_pair_is_named(model, pair, changes, sentence):
    pair(**changes)
    with pytest.raises(SetupError, match=sentence):
        read_model(model)


def test_half_a_pair_and_a_pair_of_a_name_that_is_taken_are_refused(model, pair):
    (model.parent / "models" / "mine.h5").rename(model.parent / "models" / "face.h5")
    with pytest.raises(SetupError, match="incomplete: models/mine.h5 is missing"):
        read_model(model)
    (model.parent / "models" / "mine.json").rename(model.parent / "models" / "face.json")
    with pytest.raises(SetupError, match="two members have the same name: face"):
        read_model(model)


def both(described):
    return described["members"]


def balanced(described):
    return described["members"][0]["readings"]["video"]["thresholds"]["balanced"]


def image(described):
    return described["ensembles"][0]["readings"]["image"]


def video(described):
    return described["ensembles"][0]["readings"]["video"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda j: j.update(nonsense=1), "nonsense"),
        (lambda j: j.pop("members"), "members: Field required"),
        (lambda j: both(j)[0].update(file="../own.h5"), "expected a path below"),
        (lambda j: both(j)[0].update(input="sound"), "input|tag"),
        (lambda j: both(j)[1].update(margin=0.3), "margin"),
        (lambda j: both(j)[1].update(name="face"), "two members have the same name"),
        (lambda j: both(j)[1].update(name="all"), "no member may be called all"),
        (lambda j: both(j)[0].update(heads=["fake", "fake"]), "two heads have the same name"),
        (lambda j: both(j)[0].update(heads=[]), "heads"),
        (lambda j: both(j)[0].update(output="softmax", heads=["a", "b"]), "has one head"),
        (lambda j: both(j)[0].update(views=99), "views"),
        (lambda j: both(j)[0].update(readings={}), "none for clips and none for pictures"),
        (lambda j: both(j)[1].update(readings=OWN), "windows are for pictures"),
        (lambda j: j.update(members=both(j)[1:]), "default must name one member, or"),
        (lambda j: j.update(default=["pixels", "mine"]), "default must name one member, or"),
        (lambda j: j["ensembles"].append(j["ensembles"][0]), "two ensembles have the same members"),
        (lambda j: j["ensembles"][0]["readings"].pop("image"), "needs readings for video and"),
        (lambda j: balanced(j).update(real=0.8), "real must be below fake"),
        (lambda j: balanced(j).update(fake=1.5), "balanced.fake"),
        (lambda j: video(j)["thresholds"].pop("strict"), "strict: Field required"),
        (lambda j: video(j)["weights"].update(face=-1), "greater"),
        (lambda j: video(j)["weights"].update(face=0), "above 0"),
        (lambda j: video(j)["weights"].update(mine=1), "video weighs mine, which cannot judge"),
        (lambda j: video(j)["weights"].update(pixels=1), "video weighs pixels, which cannot judge"),
        (lambda j: j["ensembles"][0]["readings"].pop("small_image"), "small_image weighs pixels"),
        (lambda j: image(j).update(doubt=-1), "doubt"),
        (lambda j: image(j).update(odds=[[0.1, 2]]), "begin at 0 and rise"),
        (lambda j: image(j).update(odds=[[0, 2], [0, 3]]), "begin at 0 and rise"),
        (lambda j: image(j).update(odds=[[0, 0]]), "greater than 0"),
    ],
)
def test_a_wrong_json_is_named(model, change, sentence):
    rewrite(model, change)
    with pytest.raises(SetupError, match=sentence) as refused:
        read_config(model)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_a_json_that_is_none_is_refused(model, content):
    model.with_suffix(".json").write_text(content)
    with pytest.raises(SetupError, match="own.json is wrong: it holds no JSON object"):
        read_config(model)


def test_a_kind_of_file_may_never_be_called_real(model):
    rewrite(model, lambda j: video(j)["thresholds"]["balanced"].update(real=None))
    thresholds = read_config(model).readings.video.thresholds
    assert thresholds.balanced.real is None and thresholds.strict.real == 0.3


def test_facts_tell_apart_what_answers_otherwise(model, pair):
    facts = read_config(model).facts
    json.dumps(facts)
    rewrite(model, lambda j: j.update(name="else", made_with="else"))
    rewrite(model, lambda j: both(j)[0].update(mask_floor=1, precisions=["f32", "bf16"]))
    assert read_config(model).facts == read_config(model, "all").facts == facts
    rewrite(model, lambda j: image(j)["thresholds"]["balanced"].update(fake=0.71))
    assert read_config(model).facts != facts
