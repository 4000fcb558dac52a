"""Members and their readings: what counts, what is run, and what each face gets."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from backend.errors import SetupError
from backend.models.calibration import probabilities
from backend.models.classifier import Classifier
from backend.models.crops import VIEWS, crop_face, cut_side, views_of
from backend.models.quality import brightness
from backend.models.windows import windows
from backend.settings import ROOT, load_settings
from tests import made_media
from tests.made_models import (
    describe,
    keras_models,
    member,
    reading,
    rewrite,
    together,
    windows_member,
)

BOX = (174.0, 73.0, 275.0, 174.0)  # of the astronaut
TWO = ["manipulated", "generated"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Small networks; the tests describe them as they need them."""
    return keras_models(
        tmp_path_factory.mktemp("own"),
        """
stack("face", G(), D(2))
stack("pixels", G(), D(1))
stack("softmax", G(), D(2, activation="softmax"))
stack("probability", G(), D(1, activation="sigmoid"))
i = I((64, 64, 3))
x = C(4, 3, strides=8)(i)
save("mask", i, keras.layers.Add()([D(1)(G()(x)), keras.layers.Rescaling(0.0)(
    G()(D(1, name="mask")(x)))]))
""",
    )


@pytest.fixture
def own(folder, tmp_path):
    """Opens one of the networks as a model of its own."""

    def opened(name, **changes):
        (tmp_path / f"{name}.h5").write_bytes((folder / f"{name}.h5").read_bytes())
        model = tmp_path / f"{name}.h5"
        first = reading(weights={changes.get("heads", ["fake"])[0]: 1.0})
        describe(model, [member(model, readings={"video": first, "image": first}, **changes)])
        return Classifier(model, folder / "cache", "openvino")

    return opened


@pytest.fixture
def both(folder):
    """A model of a face network with two heads and one of windows."""
    model = folder / "face.h5"
    own = {
        "video": reading(weights={"manipulated": 1.5}, bias=-0.25),
        "image": reading(weights={"manipulated": 0.5, "generated": 0.0}, bias=0.75, real=0.2),
    }
    members = [
        member(model, heads=TWO, views=2, readings=own),
        windows_member(folder / "pixels.h5", heads=["generated"], reductions=[0.9, 0.5]),
    ]
    return describe(
        model,
        members,
        together(
            "face",
            "pixels",
            video=reading(real=None, fake=0.9, weights={"face": 1.0}),
            image=reading(
                weights={"face": 0.5, "pixels": 2.0}, bias=0.1, odds=[[0, 0.1], [0.5, 4]]
            ),
            small_image=reading(weights={"face": 1.0}),
        ),
    )


@pytest.fixture(scope="module")
def cuts(pipeline):
    """A real face three ways: as it is, mirrored, dark."""
    image = made_media.astronaut()
    views = (image, image[:, ::-1].copy(), (image * 0.6).astype(np.uint8))
    detector = pipeline.faces.detector
    return [pipeline.faces.classifier.cut(view, detector.detect(view)[0].box) for view in views]


# --- the committed weights


def test_the_engines_agree_on_a_real_face(pipeline, cuts):
    cache = load_settings(_env_file=None).cache
    expected = Classifier(ROOT / "temp_model.h5", cache, "tensorflow").judge(cuts)
    engines = [(Classifier(ROOT / "temp_model.h5", cache, "openvino"), 1e-3)]
    if pipeline.faces.classifier.precision != "f32":  # this processor has a faster one
        engines.append((pipeline.faces.classifier, 1.0))
    for engine, most in engines:
        found = engine.judge(cuts)
        assert np.abs(found.logits - expected.logits).max() < most
        assert found.maps.shape == expected.maps.shape
        assert np.abs(found.maps - expected.maps).max() < most


def test_the_map_follows_the_picture_and_not_the_place(pipeline, cuts):
    maps = pipeline.faces.classifier.judge(cuts).maps
    assert maps.ndim == 3 and maps.std(axis=(1, 2)).min() > 0.1
    mirrored = maps[0][:, ::-1]
    assert np.corrcoef(mirrored.ravel(), maps[1].ravel())[0, 1] > 0.2


def test_faces_keep_their_order_in_batches_of_any_size_and_from_several_threads(pipeline, cuts):
    classifier = pipeline.faces.classifier
    each = [classifier.judge([cut]) for cut in cuts]
    alone, maps = (np.concatenate([getattr(s, name) for s in each]) for name in ("logits", "maps"))
    orders = [np.random.default_rng(n).integers(0, len(cuts), 5 + 4 * n) for n in range(6)]
    with ThreadPoolExecutor(3) as pool:
        found = pool.map(lambda order: classifier.judge([cuts[n] for n in order]), orders)
        for order, scores in zip(orders, found, strict=True):
            assert scores.logits == pytest.approx(alone[order], abs=1e-3)
            assert np.abs(scores.maps - maps[order]).max() < 1e-3


# --- how members are read


def test_each_kind_of_file_is_read_from_the_members_in_its_own_way(both):
    classifier = Classifier(both, both.parent / "cache", "openvino")
    image = made_media.astronaut()
    said = {}
    for kind in ("video", "image", "small_image"):
        of_kind = classifier.of(kind)
        cut = of_kind.cut(image, BOX)
        scores = of_kind.judge([cut])
        votes = {name: float(own[0]) for name, own in scores.votes.items()}
        said[kind] = float(scores.logits[0]), votes
        assert scores.seconds.keys() == votes.keys()
    (clip, own), (picture, both_vote), (small, of_small) = said.values()
    assert own.keys() == of_small.keys() == {"face"} and both_vote.keys() == {"face", "pixels"}
    head, pixels = (both_vote["face"] - 0.75) / 0.5, both_vote["pixels"]
    assert min(abs(head), abs(pixels)) > 1e-3
    assert clip == own["face"] == pytest.approx(1.5 * head - 0.25, abs=1e-5)
    assert picture == pytest.approx(0.5 * both_vote["face"] + 2 * pixels + 0.1, abs=1e-9)
    assert small == of_small["face"] == pytest.approx(0.5 * head + 0.75, abs=1e-5)
    cards = [classifier.of(kind).card for kind in said]
    assert [card.threshold_real for card in cards] == [None, 0.3, 0.3]
    assert [card.odds for card in cards] == [(), ((0, 0.1), (0.5, 4)), ()]
    face, pixels = classifier.of("image").voters
    assert (face.weight, pixels.weight) == (0.2, 0.8) and face.card.threshold_real == 0.2


def test_members_that_disagree_come_nearer_to_no_answer(both):
    classifier = Classifier(both, both.parent / "cache", "openvino")
    cuts = [classifier.cut(made_media.astronaut(), box) for box in (BOX, (180, 60, 300, 180))]
    sure = classifier.judge(cuts)

    def doubt(json):
        json["ensembles"][0]["readings"]["image"]["doubt"] = 0.5

    rewrite(both, doubt)
    unsure = Classifier(both, both.parent / "cache", "openvino").judge(cuts)
    face, pixels = sure.votes["face"], sure.votes["pixels"]
    spread = np.abs(face - pixels) * np.sqrt(0.2 * 0.8)
    assert spread.min() > 1e-3
    assert unsure.logits - 0.1 == pytest.approx((sure.logits - 0.1) / (1 + 0.5 * spread))


@pytest.mark.parametrize(
    ("kind", "size", "windows"),
    [("image", (64, 900), True), ("image", (63, 900), False), ("video", (900, 900), False)],
)
def test_windows_are_looked_at_in_pictures_that_they_fit_into(both, kind, size, windows):
    classifier = Classifier(both, both.parent / "cache", "openvino").of_file(kind, *size)
    image = made_media.astronaut(size[1], size[0])
    cut = classifier.cut(image, (10, 10, 60, 60))
    assert classifier.needs_finest is windows
    assert set(cut.parts) == ({"face", "pixels"} if windows else {"face"})
    assert np.isfinite(classifier.logits([cut])).all()


def test_a_face_is_cut_with_its_windows_of_the_whole_picture_and_turned_upright(both):
    classifier = Classifier(both, both.parent / "cache", "openvino")
    image = made_media.astronaut()
    cut = classifier.cut(image, BOX)
    assert np.array_equal(cut.parts["pixels"], windows(image, BOX, 64, (0.9, 0.5)))
    lying = np.ascontiguousarray(np.rot90(image, -1))
    side = len(image)
    left, top, right, bottom = BOX
    turned = classifier.cut(lying, (side - bottom, left, side - top, right), 90.0)
    for upright, other in ((cut.crop, turned.crop), *zip(cut.parts["pixels"],
                           turned.parts["pixels"], strict=True)):  # fmt: skip
        # To within a px, which windows are cut to.
        assert np.corrcoef(upright.ravel(), other.ravel())[0, 1] > 0.9
        assert np.corrcoef(np.rot90(upright).ravel(), other.ravel())[0, 1] < 0.7


def test_the_windows_of_a_face_count_the_same(both):
    classifier = Classifier(both, both.parent / "cache", "openvino")
    cut = classifier.cut(made_media.astronaut(), BOX)
    scorer = classifier._scorers["pixels"]
    first, second = cut.parts["pixels"]
    each = [scorer.judge([part[None]]).logits[0, 0] for part in (first, second)]
    assert abs(each[0] - each[1]) > 1e-3
    found = scorer.judge([first[None], np.stack([first, second])]).logits[:, 0]
    assert found == pytest.approx([each[0], np.mean(each)], abs=1e-5)


def test_what_clips_do_not_need_is_compiled_when_a_picture_first_wants_it(both):
    classifier = Classifier(both, both.parent / "cache", "openvino")
    face, pixels = (scorer.engine._engine for scorer in classifier._scorers.values())
    clips = classifier.of("video")
    clips.judge([clips.cut(made_media.astronaut(), BOX)])
    assert face._queue is not None and pixels._queue is None
    classifier.judge([classifier.cut(made_media.astronaut(), BOX)])
    assert pixels._queue is not None


def test_cuts_for_another_reading_are_refused(both):
    classifier = Classifier(both, both.parent / "cache", "openvino")
    clips = classifier.of("video")
    with pytest.raises(ValueError, match="a part for the member 'pixels'"):
        classifier.judge([clips.cut(made_media.astronaut(), BOX)])
    with pytest.raises(ValueError, match="Expected a picture of 64 px"):
        classifier.cut(made_media.astronaut(60, 60), (10, 10, 50, 50))
    assert classifier.judge([]).logits.shape == (0,)


def test_the_profile_chooses_the_thresholds(both):
    strict = {"real": 0.1, "fake": 0.99}

    def stricter(json):
        json["ensembles"][0]["readings"]["image"]["thresholds"].update(strict=strict)

    rewrite(both, stricter)
    cards = [
        Classifier(both, both.parent / "cache", "openvino", profile).card
        for profile in ("strict", "balanced")
    ]
    assert [(c.profile, c.threshold_fake) for c in cards] == [("strict", 0.99), ("balanced", 0.7)]


@pytest.mark.parametrize(
    ("name", "changes"),
    [("softmax", {"output": "softmax"}), ("probability", {"output": "probability"})],
)
def test_the_probability_of_ones_own_model_is_told_as_it_is(own, name, changes):
    classifier = own(name, **changes)
    cuts = [classifier.cut(made_media.astronaut(), box) for box in (BOX, (180, 60, 300, 180))]
    scores = classifier.judge(cuts)
    score = classifier._face.engine.infer(np.stack([cut.crop for cut in cuts])).score
    assert probabilities(scores.logits) == pytest.approx(score[:, -1], abs=1e-3)
    assert scores.maps.mean(axis=(1, 2)) == pytest.approx(scores.logits, abs=1e-3)


def test_a_network_with_other_outputs_than_its_json_says_is_refused(own):
    with pytest.raises(SetupError, match=r"Expected 1 value\(s\) a face for 'logits'. Received: 2"):
        own("face")


def test_a_heat_map_begins_where_masks_of_real_faces_end(own):
    cut = own("mask", mask_floor=0.0).cut(made_media.astronaut(), BOX)
    plain, raised = (own("mask", mask_floor=floor).judge([cut]).maps for floor in (0.0, 0.5))
    assert plain.shape == (1, 8, 8) and plain - 0.5 == pytest.approx(raised, abs=1e-6)


# --- the crops of faces


def test_each_view_counts_the_same_and_shows_what_it_should(own):
    once, many = own("face", heads=TWO), own("face", heads=TWO, views=len(VIEWS))
    picture = made_media.astronaut()
    cut = many.cut(picture, BOX)
    stack = cut.parts["face"][None]
    assert stack.shape[1] == cut_side(64, len(VIEWS))
    views = views_of(stack, 64, len(VIEWS))
    judge = once._face.judge
    each = np.concatenate([judge(view).logits for view in views])
    assert np.ptp(each, axis=0).max() > 1e-3
    found = many._face.judge(stack)
    assert found.logits[0] == pytest.approx(each.mean(axis=0), abs=1e-4)
    assert np.abs(found.maps - judge(views[0]).maps).max() < 1e-4
    assert many._face.judge(stack, views=1).logits == pytest.approx(each[:1], abs=1e-4)
    left, top, right, bottom = BOX
    for (wider, mirrored), view in zip(VIEWS, views, strict=True):
        more = (wider - 1) / 2 * np.array((left - right, top - bottom, right - left, bottom - top))
        expected = crop_face(picture, tuple(np.array(BOX) + more), 0.2, 64)
        seen = view[0, :, ::-1] if mirrored else view[0]
        assert np.abs(seen.astype(int) - expected).mean() < 10
    with pytest.raises(ValueError, match="Expected cuts of shape"):
        many._face.judge(views[0])


def test_a_dark_face_is_brightened_before_it_is_judged_and_a_bright_one_is_not(own):
    served, plain = own("face", heads=TWO, dim=70), own("face", heads=TWO)
    bright = plain.cut(made_media.astronaut(), BOX).crop[None]
    dark = (bright * 0.4).astype(np.uint8)
    light = brightness(dark[0])
    assert light < 60 < 80 < brightness(bright[0])
    lit = np.clip(dark * (70 / light) + 0.5, 0, 255).astype(np.uint8)

    def said(classifier, crops):
        return classifier._face.judge(crops).logits

    assert said(served, dark) == pytest.approx(said(plain, lit), abs=0.01)
    assert np.abs(said(served, dark) - said(plain, dark)).max() > 0.05
    assert np.array_equal(said(served, bright), said(plain, bright))
