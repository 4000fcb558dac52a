"""What the networks are fed: pairs of their own that differ in what shall be learned alone."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from backend.training.augment import degrade
from backend.training.augment.blend import SEAMLESS, blend
from backend.training.augment.regions import REGIONS, region_mask
from backend.training.data.equalise import equal_reach
from backend.training.data.pair_sampler import PairSampler
from backend.training.recipe import KINDS, RECIPES, read_recipe
from tests import made_media

FACE = replace(read_recipe(RECIPES / "face.toml"), size=96, redraw=0.0)


def only(**mix):
    return replace(FACE, mix=mix)


def test_batches_are_balanced_paired_and_depend_on_the_step_alone(faces):
    make = lambda: PairSampler(faces.of("train"), FACE)  # noqa: E731
    images, masks, heads, kinds = make().batch(5, 32)
    again, *_ = make().batch(5, 32)
    other, *_ = make().batch(6, 32)
    assert images.shape == (64, 96, 96, 3) and masks.shape == (64, 6, 6)
    assert set(kinds) == set(KINDS["face"]) and not make().lacking()
    assert [head == 1 for head in heads] == [kind == "generated" for kind in kinds]
    assert not masks[::2].any(), "a real face has no changed area"
    assert all(np.isnan(mask).all() or mask.max() > 0.1 for mask in masks[1::2])
    assert np.array_equal(images, again) and not np.array_equal(images, other)


def test_a_fake_stands_beside_the_real_face_of_its_group(faces):
    sampler = PairSampler(faces.of("train"), only(manipulated=1.0), augment=False)
    images, _, _, _ = sampler.batch(0, 24)
    apart = np.abs(images[::2].astype(int) - images[1::2]).mean((1, 2, 3))
    brightness = images.mean((1, 2, 3)).reshape(24, 2)  # each group has its own
    assert (np.abs(np.diff(brightness)) < 12).all() and (apart > 0.02).all()


def test_kinds_that_cannot_be_drawn_are_named(faces):
    train = faces.of("train")
    pictures = [face for face in train if face.row.kind == "image"]
    swaps = [face for face in pictures if face.row.family in ("none", "swap")]
    assert PairSampler(pictures, FACE).lacking() == ["blend_video"]
    assert PairSampler(swaps, FACE).lacking() == ["generated", "blend_video"]
    fakes = [face for face in train if face.row.fake]
    assert set(PairSampler(fakes, FACE).lacking()) == set(KINDS["face"])


@pytest.mark.parametrize("region", REGIONS)
def test_every_region_lies_on_the_face(face, region):
    image, landmarks = face
    mask = region_mask(landmarks, image.shape[:2], region)
    left, top = landmarks.min(0) - 2
    right, bottom = landmarks.max(0) + 2
    rows, columns = np.nonzero(mask)
    assert 0.0005 < mask.mean() < 0.6
    assert left <= columns.min() and columns.max() <= right
    assert top <= rows.min() and rows.max() <= bottom


def test_a_blend_changes_the_inside_of_its_mask_or_the_outside(face, monkeypatch):
    monkeypatch.setitem(SEAMLESS, "self", 0.0)  # leaks a little out of its mask
    image, landmarks = face
    outside = []
    for seed in range(20):
        blended, alpha = blend(image, landmarks, np.random.default_rng(seed))
        changed = np.abs(blended.astype(int) - image).max(2) > 0
        assert changed.any() and alpha.max() <= 1 and alpha.min() >= 0
        outside.append(changed[alpha == 0].mean())
    assert 5 <= np.count_nonzero(outside) <= 15


def test_poisson_blending_leaves_no_step_at_the_seam(face, monkeypatch):
    image, landmarks = face
    other = np.ascontiguousarray(image[..., ::-1]), landmarks  # another skin
    steps = {}
    for share in (0.0, 1.0):
        monkeypatch.setitem(SEAMLESS, "other", share)
        steps[share] = []
        for seed in range(6):
            rng = np.random.default_rng(seed)
            blended, alpha = blend(image, landmarks, rng, other, regions=("face",))
            change = np.abs(blended.astype(int) - image).max(2)
            inside = np.uint8(alpha > 0.5)
            rim = inside - cv2.erode(inside, np.ones((5, 5)))
            steps[share].append(change[rim > 0].mean() / change[inside > 0].mean())
        if share:  # OpenCV solves for the box around it, and a little leaks out
            assert change[inside == 0].mean() < 0.5 < 5 < change[inside > 0].mean()
    assert np.mean(steps[1.0]) < 0.6 * np.mean(steps[0.0]), steps


def test_both_members_of_a_pair_lose_the_same(face):
    image = face[0]
    for seed in range(8):
        first = degrade.draw(np.random.default_rng(seed), 300)(image)
        second = degrade.draw(np.random.default_rng(seed), 300)(image)
        assert np.array_equal(first, second)
    assert np.abs(degrade.h264(40)(image).astype(int) - image).mean() > 1


def test_a_picture_is_turned_anticlockwise_about_the_middle_of_the_pixel_given():
    picture = np.zeros((41, 61), np.float32)
    picture[20, 40] = 1.0  # ten px to the right of (30.5, 20.5), the middle of its pixel
    for cubic in (False, True):
        turned = degrade.turn(90, (30.5, 20.5), cubic)(picture)
        assert turned[10, 30] == pytest.approx(1, abs=1e-3) and turned.sum() < 1.01


def test_masks_are_turned_with_their_pictures(faces, monkeypatch):
    """A patch at the mouth of one face: what differs lies in the cells of the mask."""
    (real,) = (f for f in faces.of("train") if f.row.file == "real/train0.png")
    image, (x, y) = real.image().copy(), real.landmarks[61].astype(int)  # a corner of the mouth
    image[y - 12 : y + 12, x - 12 : x + 12] += 100

    class Patched(type(real)):
        __slots__ = ()

        def image(self):
            return image

    fake = Patched(replace(real.row, fake=True, family="swap"), real.record, real.shard)
    recipe = replace(only(manipulated=1.0), size=192, untouched=1.0)
    images, masks, _, _ = PairSampler([real, fake], recipe).batch(0, 64)
    apart = cv2.absdiff(images[1::2], images[::2]).max(3).reshape(64, 12, 16, 12, 16)
    changed, mask = apart.max((2, 4)), masks[1::2]
    assert (mask.max((1, 2)) > 0.5).all() and not changed[mask == 0].any()
    assert len({image.tobytes() for image in mask}) == 64


def test_a_frame_predicted_from_moved_ones_stays_where_it_was():
    picture = cv2.resize(made_media.astronaut()[:256, 96:352], (160, 160))
    alone, predicted = (degrade.h264(36, motion=way)(picture) for way in (None, (2.0, -1.0)))
    assert np.abs(alone.astype(int) - predicted).max() > 20
    for coded in (alone, predicted):
        off = {x: np.abs(np.roll(coded, x, 1).astype(int) - picture).mean() for x in (-2, 0, 2)}
        assert min(off, key=off.get) == 0


def test_both_faces_of_a_generated_pair_are_resampled_to_one_size():
    picture = made_media.astronaut()
    boxes = (180, 60, 280, 160), (170, 50, 290, 170)
    _, one, _, other = equal_reach(picture, boxes[0], picture, boxes[1], np.random.default_rng(0))
    sizes = [box[2] - box[0] for box in (one, other)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.01) and sizes[0] <= 95


def test_another_camera_passes_detail_by_its_gains_and_leaves_the_brightness():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 200  # half a cycle a px, across
    gains = np.array([0.0, 0, -1, -1.5, -2])
    across = degrade.respond(gains, np.zeros(5))(stripes)
    down = degrade.respond(np.zeros(5), gains)(stripes)
    inner = across[8:-8, 8:-8].astype(float)
    assert inner.max() - inner.min() == pytest.approx(200 * np.exp(-2), abs=2)
    assert inner.mean() == pytest.approx(100, abs=1)
    assert np.abs(down.astype(int) - stripes).max() <= 1
