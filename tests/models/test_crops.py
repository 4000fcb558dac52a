"""The one crop: the same pixels in training and in serving, and the right ones."""

import io

import numpy as np
import pytest
from PIL import Image

from backend.models.crops import crop_face, crop_square
from backend.training.data.index import Sample
from backend.training.data.pair_sampler import PairSource
from backend.training.recipe import Mix
from tests import made_media


def sample(image, box, landmarks, fake, group="one"):
    data = io.BytesIO()
    Image.fromarray(image).save(data, "png")
    return Sample(
        "a.png", "dfdc.tar", fake, "dfdc", "", "train", group, "", data.getvalue(), box, landmarks
    )


def test_training_and_serving_cut_the_same_pixels(pipeline):
    image = made_media.astronaut()
    face = pipeline.faces.detector.detect(image)[0]
    landmarks = np.zeros((468, 2), np.float32)
    facts = pipeline.faces.classifier.facts
    pair = [sample(image, face.box, landmarks, fake) for fake in (False, True)]
    source = PairSource(
        pair, Mix(1, 0, 0, 0, 0), facts.input_size, facts.crop_margin, seed=1, augment=False
    )
    images, labels, _, kinds = source.batch(step=0, pairs=1)
    served = pipeline.faces.classifier.crop(image, face.box)
    assert kinds == ["swap"] and labels.tolist() == [0, 1]
    assert np.array_equal(images[0], served)
    assert np.array_equal(images[1], served)


def test_the_crop_is_the_square_around_the_box():
    image = np.zeros((200, 300, 3), np.uint8)
    image[50:150, 100:180] = 255  # a white "face" of 80x100
    crop = crop_face(image, (100, 50, 180, 150), margin=0.0, size=100)
    columns = crop[50, :, 0] > 127
    assert crop_square((100, 50, 180, 150), 0.0) == (90, 50, 190, 150)
    assert columns.sum() == 80 and columns[10:90].all()
    assert (crop[:, 50] == 255).all()


@pytest.mark.parametrize("size", [32, 160, 224])
def test_a_large_face_is_averaged_and_not_sampled(size):
    # A chequerboard of single pixels is grey from afar; picking pixels would alias it.
    board = (np.indices((1600, 1600)).sum(0) % 2 * 255).astype(np.uint8)
    crop = crop_face(np.repeat(board[..., None], 3, 2), (0, 0, 1600, 1600), 0.0, size)
    assert abs(crop.astype(float).mean() - 127.5) < 2
    assert crop.std() < 3


@pytest.mark.parametrize("box", [(-50, -50, 40, 40), (480, 480, 700, 700), (900, 900, 950, 950)])
def test_a_box_beyond_the_picture_repeats_its_edge(box):
    crop = crop_face(made_media.astronaut(), box, 0.1, 64)
    assert crop.shape == (64, 64, 3) and crop.dtype == np.uint8
