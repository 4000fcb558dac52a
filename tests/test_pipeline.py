"""The main job on real media with the real model."""

import cv2
import numpy as np
import pytest
from PIL import Image

from backend.media import intake
from tests import media


def analyse(pipeline, settings, path, into=None, on_progress=None):
    return pipeline.analyse(intake.check(path, path.name, settings), into, on_progress)


def test_a_photo_is_judged_and_drawn_on(pipeline, settings, tmp_path):
    analysis = analyse(pipeline, settings, media.astronaut_jpeg(tmp_path / "a.jpg"), tmp_path)
    (frame,) = analysis.frames
    (face,) = frame.faces
    left, top, right, bottom = face.face.box
    assert left < 225 < right and top < 110 < bottom  # the nose
    assert 0 < face.probability < 1
    assert analysis.verdict.probability_fake == pytest.approx(face.probability)
    drawn = np.asarray(Image.open(tmp_path / frame.picture)).astype(int)
    changed = np.abs(drawn - media.astronaut()).max(axis=2) > 60
    assert changed[int(top) - 4 : int(bottom) + 5, int(left) - 2 : int(left) + 4].any()
    assert not changed[300:, 400:].any()


def test_a_clip_is_sampled_tracked_and_reported_in_order(pipeline, settings, tmp_path):
    seen = []
    clip = media.astronaut_clip(tmp_path / "a.mp4", seconds=2)
    analysis = analyse(
        pipeline, settings, clip, tmp_path, lambda stage, done: seen.append((stage, done))
    )
    times = [frame.time for frame in analysis.frames]
    assert len(times) == settings.moments and times == sorted(set(times))
    assert {face.track for frame in analysis.frames for face in frame.faces} == {0}
    assert len(list(tmp_path.glob("frame-*.jpg"))) == len(times)
    assert [done for _, done in seen] == sorted(done for _, done in seen) and seen[-1][1] == 1
    assert list(dict.fromkeys(stage for stage, _ in seen)) == ["faces", "scores", "pictures"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda image: np.full_like(image, 120), "no_face"),
        (
            lambda image: cv2.resize(image, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA),
            "face_too_small",
        ),
        (lambda image: (image * 0.08).astype(np.uint8), "face_too_dark"),
        (lambda image: cv2.GaussianBlur(image, (0, 0), 9), "face_blurred"),
    ],
)
def test_what_cannot_be_judged_gets_a_reason_and_no_number(
    pipeline, settings, tmp_path, change, code
):
    Image.fromarray(change(media.astronaut())).save(tmp_path / "a.png")
    verdict = analyse(pipeline, settings, tmp_path / "a.png").verdict
    assert verdict.prediction == "Inconclusive" and verdict.probability_fake is None
    assert verdict.reasons[0].code in (code, "no_face")


def test_what_progress_raises_stops_the_analysis(pipeline, settings, tmp_path):
    class Stop(Exception):
        pass

    def stop(stage, done):
        raise Stop

    with pytest.raises(Stop):
        analyse(pipeline, settings, media.astronaut_jpeg(tmp_path / "a.jpg"), None, stop)
