"""Expressions that training transfers: the face moves where it should and nowhere else."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from backend.faces.detector import FaceDetector
from backend.faces.mesh import FaceMesh
from backend.training.augment.blend import blend
from backend.training.augment.regions import EXPRESSIONS, LIPS, REGIONS
from backend.training.augment.warp import RIGID, change_expression, warp
from backend.training.data.face_cache import CutFace
from backend.training.data.face_finder import RECORD
from backend.training.data.pair_sampler import PairSampler
from backend.training.recipe import RECIPES, read_recipe
from tests import made_media
from tests.training_data import row


@pytest.fixture(scope="module")
def face():
    image = cv2.resize(made_media.astronaut()[40:210, 140:310], (340, 340))  # the face fills it
    return image, landmarks_of(image)


def landmarks_of(image):
    return FaceMesh().landmarks(image, FaceDetector().detect(image)[0])[0]


def test_the_mouth_moves_as_the_other_face_has_it_and_the_rest_stays(face):
    image, landmarks = face
    donor = landmarks.copy()
    donor[LIPS] += (0, 5)
    donor = donor * 1.3 + 20  # another size and place, the same person
    moved, points = change_expression(image, landmarks, donor, LIPS, np.random.default_rng(0))
    asked = (points - landmarks)[LIPS, 1].mean()
    seen = (landmarks_of(moved) - landmarks)[LIPS, 1].mean()
    assert asked > 1.5 and 0.5 * asked < seen < 1.5 * asked
    assert np.abs(points - landmarks)[RIGID].max() == 0
    left, top, right, bottom = *landmarks.min(0), *landmarks.max(0)
    changed = np.abs(moved.astype(int) - image).max(axis=2) > 8
    assert changed[int(top) : int(bottom), int(left) : int(right)].any()
    assert not changed[: int(top) - 10].any() and not changed[:, : int(left) - 10].any()


def test_a_face_can_be_laid_on_the_shape_of_another(face):
    image, landmarks = face
    middle = landmarks.mean(0)
    wider = (middle + (landmarks - middle) * (1.08, 1)).astype(np.float32)
    seen = landmarks_of(warp(image, landmarks, wider))
    assert np.abs(seen - wider).mean() < 0.6 * np.abs(landmarks - wider).mean()


def test_pairs_with_another_expression_are_of_the_same_face(face):
    image, landmarks = face
    for moving, regions in EXPRESSIONS:
        assert set(regions) <= set(REGIONS) and set(moving).isdisjoint(RIGID[:15])
    record = np.zeros((), RECORD)
    record["height"], record["width"] = image.shape[:2]
    record["box"] = (*landmarks.min(0), *landmarks.max(0))
    record["landmarks"], record["meshed"] = landmarks, True
    own = CutFace(row("a.png"), record, image.ravel())
    recipe = read_recipe(RECIPES / "face.toml")
    recipe = replace(recipe, size=96, margin=0.1, mix={"expression": 1.0}, redraw=0.0)
    images, masks, _, kinds = PairSampler([own], recipe, augment=False).batch(0, 12)
    assert set(kinds) == {"expression"}
    real, fake = images[::2].astype(int), images[1::2].astype(int)
    change = np.abs(real - fake).mean(axis=(1, 2, 3))
    assert (real == real[0]).all() and (change > 0.02).all() and (change < 45).all()
    assert (masks[::2] == 0).all() and (masks[1::2].max(axis=(1, 2)) > 0.4).all()


def test_the_mask_holds_where_the_mouth_was_and_where_it_is(face):
    image, landmarks = face
    lower = landmarks.copy()
    lower[LIPS] += (0, 8)
    moved = warp(image, landmarks, lower), lower
    alpha = blend(image, landmarks, np.random.default_rng(1), moved=moved, regions=["mouth"])[1]
    rows = np.nonzero(alpha.max(axis=1) > 0.5)[0]
    assert rows.min() < landmarks[LIPS, 1].mean() and rows.max() > lower[LIPS, 1].mean()
