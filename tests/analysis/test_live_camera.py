"""A live camera: judged as the pipeline judges, decoded as an upload is, nothing kept."""

from __future__ import annotations

import math
from copy import copy
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from backend.analysis.face_scores import views_of_each
from backend.analysis.live_camera import LONG_SIDE, MOST_PEOPLE, WINDOW, Camera
from backend.errors import CannotDecode, TooLarge, TooManyPixels
from backend.media import camera as decoding
from backend.media.decode import Decoder
from backend.media.intake import check
from backend.models.calibration import Profiles
from backend.records.observations import Face
from backend.report.build import to_live
from backend.settings import load_settings
from tests import made_media


def jpeg(pixels: np.ndarray) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


@pytest.fixture
def camera(pipeline):
    camera = pipeline.faces.camera()
    yield camera
    camera.close()


@pytest.fixture
def decoder():
    settings = load_settings(_env_file=None)
    decoder = decoding.CameraDecoder(Decoder(settings), settings)
    yield decoder
    decoder.close()


def test_a_picture_is_judged_as_a_frame_of_a_clip(camera, pipeline, tmp_path):
    path = tmp_path / "picture.jpg"
    path.write_bytes(jpeg(made_media.astronaut(640, 480)))
    analysis = pipeline.analyse(check(path, path.name, load_settings(_env_file=None)), None)
    shown = camera.judge(path.read_bytes())
    [face], [expected] = shown.faces, analysis.frames[0].faces
    assert face.face.box == expected.face.box
    # A frame of a clip and no picture: the same outputs of the network, read in the other way.
    clips = pipeline.faces.classifier.of("video")
    cut = clips.cut(np.asarray(Image.open(path)), expected.face.box)
    logits = clips.logits([cut], views_of_each(math.inf))
    assert face.logit == pytest.approx(logits[0], abs=1e-3) != pytest.approx(expected.logit)
    assert shown.verdict.probability_fake == pytest.approx(clips.probabilities(logits)[0], abs=1e-3)


def test_the_verdict_rests_on_the_last_seconds(pipeline):
    now = [0.0]
    made = pipeline.faces.camera()
    camera = Camera(
        made._decoder, made._detector, pipeline.faces.classifier, max_faces=20, clock=lambda: now[0]
    )
    face, wall = jpeg(made_media.astronaut(480, 480)), jpeg(np.full((480, 480, 3), 120, np.uint8))
    try:
        for _ in range(3):
            assert {face.track for face in camera.judge(face).faces} == {0}
            now[0] += 0.1
        assert len(camera.judge(wall).recent) == 3
        now[0] += WINDOW
        shown = camera.judge(wall)
    finally:
        camera.close()
    assert shown.verdict.probability_fake is None
    assert [reason.code for reason in shown.verdict.reasons] == ["no_face"]


@pytest.mark.parametrize(
    ("real", "fake", "odds", "kind", "headline"),
    [
        (0.98, 0.99, 1.0, "real", "The face looks real to the model."),
        (0.0001, 0.0002, 1.0, "fake", "The face was probably manipulated."),
        (0.0001, 0.99, 1.0, "unsure", "The face is too close to call."),
        (0.0001, 0.99, 4.0, "leans-fake", "The face is more likely manipulated"),
        (0.0001, 0.99, 0.25, "leans-real", "The face is more likely real"),
    ],
)
def test_every_verdict_is_put_into_words(camera, real, fake, odds, kind, headline):
    classifier = copy(camera._classifier)
    thresholds = Profiles(**dict.fromkeys(Profiles.model_fields, {"real": real, "fake": fake}))
    reading = {"thresholds": thresholds, "odds": ((0.0, odds),)}
    classifier.reading = classifier.reading.model_copy(update=reading)
    camera._classifier = classifier

    def told(picture):
        return to_live(camera.judge(jpeg(picture)), classifier.card, None)

    said = told(made_media.astronaut(480, 480))
    assert said.kind == kind and said.headline.startswith(headline)
    nothing = told(np.full((480, 480, 3), 120, np.uint8))
    assert nothing.headline == said.headline  # the last seconds still say so


def test_endless_newcomers_do_not_fill_memory(camera, monkeypatch):
    """Whoever shows it ever new people makes it start over."""
    numbers = iter(range(10 * MOST_PEOPLE))

    def find(image, time):
        x = next(numbers) * 100.0  # nobody is where anybody was
        return [Face((x, 0, x + 20, 20), 0.9, np.zeros((6, 2), np.float32))]

    blank = jpeg(np.zeros((32, 32, 3), np.uint8))
    most = 0
    for _ in range(2 * MOST_PEOPLE):
        monkeypatch.setattr(camera._faces._follower, "find", find)
        most = max(most, *(face.track for face in camera.judge(blank).faces))
    assert most <= MOST_PEOPLE


def test_one_process_decodes_many_pictures_and_then_another_does(decoder, monkeypatch):
    monkeypatch.setattr(decoding, "PICTURES", 5)
    before, seen = made_media.decoders(), set()
    for shade in range(12):
        picture = np.full((48, 64, 3), 20 * shade, np.uint8)
        assert made_media.difference(decoder.decode(jpeg(picture)), picture) < 2
        seen |= made_media.decoders() - before
    assert len(seen) == 3
    decoder.close()
    assert made_media.decoders() == before


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", CannotDecode),
        (b"no picture", CannotDecode),
        (jpeg(made_media.astronaut())[:5000], CannotDecode),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), CannotDecode),
        (jpeg(np.zeros((1200, 1200, 3), np.uint8)), TooManyPixels),
        (bytes(decoding.MOST_BYTES + 1), TooLarge),
    ],
)
def test_a_bad_picture_is_refused_and_the_next_one_is_decoded(decoder, data, error):
    good = jpeg(made_media.astronaut(LONG_SIDE, 480))
    decoder.decode(good)
    with pytest.raises(error):
        decoder.decode(data)
    assert decoder.decode(good).shape == (480, LONG_SIDE, 3)


def test_a_png_under_a_false_flag_is_not_decoded(decoder):
    buffer = BytesIO()
    Image.fromarray(made_media.astronaut(64, 64)).save(buffer, "PNG")
    with pytest.raises(CannotDecode):
        decoder.decode(buffer.getvalue())
