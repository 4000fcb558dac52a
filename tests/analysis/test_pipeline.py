"""The main job on real media with the real model."""

import threading

import cv2
import numpy as np
import pytest
from PIL import Image
from pydantic import TypeAdapter

from backend.analysis.face_analyzer import FaceAnalyzer
from backend.analysis.face_scores import SEVERAL
from backend.analysis.pipeline import Pipeline
from backend.evidence.usual_ranges import read_ranges
from backend.media import intake
from backend.media.decode import Decoder
from backend.models.crops import turned_back
from backend.report.schema_parts import Share
from tests import made_media


def analyse(pipeline, settings, path, into=None, on_progress=None):
    return pipeline.analyse(intake.check(path, path.name, settings), into, on_progress)


def made(pipeline, settings, detector, classifier):
    """The pipeline with other collaborators."""
    decoder = Decoder(settings)
    faces = FaceAnalyzer(settings, decoder, detector, classifier, read_ranges())
    return Pipeline(settings, decoder, faces, pipeline.voice)


def test_a_photo_is_judged_and_drawn_on(pipeline, settings, tmp_path):
    analysis = analyse(pipeline, settings, made_media.astronaut_jpeg(tmp_path / "a.jpg"), tmp_path)
    (frame,) = analysis.frames
    (face,) = frame.faces
    left, top, right, bottom = face.face.box
    assert left < 225 < right and top < 110 < bottom  # the nose
    assert 0 < face.probability < 1
    assert analysis.verdict.probability_fake == pytest.approx(face.probability)
    drawn = np.asarray(Image.open(tmp_path / frame.picture)).astype(int)
    changed = np.abs(drawn - made_media.astronaut()).max(axis=2) > 60
    assert changed[int(top) - 4 : int(bottom) + 5, int(left) - 2 : int(left) + 4].any()
    assert not changed[300:, 400:].any()


@pytest.mark.parametrize("degrees", [30, 90, 150, 180, 270])
def test_a_face_that_lies_turned_is_judged_as_one_upright(pipeline, settings, tmp_path, degrees):
    def judged(picture, name):
        Image.fromarray(picture).save(tmp_path / name)
        (face,) = analyse(pipeline, settings, tmp_path / name).frames[0].faces
        return face

    middle = (225.0, 115.0)  # of the face
    turn = cv2.getRotationMatrix2D(middle, -degrees, 1.0)
    blended = made_media.astronaut().copy()
    blended[90:120, 205:235] = cv2.GaussianBlur(blended[90:120, 205:235], (0, 0), 4)
    upright = judged(blended, "upright.png")
    turned = cv2.warpAffine(blended, turn, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    aside = judged(turned, "turned.png")
    assert abs((aside.face.roll - upright.face.roll - degrees + 180) % 360 - 180) < 10
    # The box is found anew, so it is not the same to the pixel.
    assert abs(aside.logit - upright.logit) < 1.5
    values = turned_back(aside.heat.values, -degrees)
    inner = slice(3, -3)  # what the turned square shows too
    assert np.corrcoef(values[inner, inner].ravel(),
                       upright.heat.values[inner, inner].ravel())[0, 1] > 0.6  # fmt: skip


def test_boxes_are_in_px_of_the_photograph_however_it_was_read(pipeline, settings, tmp_path):
    person = Image.fromarray(made_media.astronaut())
    crowd = Image.new("RGB", (4000, 3000), "grey")
    # Her face is 100 px, which is 50 in the quick reading.
    crowd.paste(person.crop((0, 0, 512, 280)), (3000, 1000))
    crowd.save(tmp_path / "crowd.jpg", quality=95)
    person.resize((4096, 4096)).save(tmp_path / "near.jpg", quality=95)
    small = analyse(pipeline, settings, made_media.astronaut_image(tmp_path / "a.png"))
    (expected,) = small.frames[0].faces
    for name, factor, corner in (("crowd", 1, (3000, 1000)), ("near", 8, (0, 0))):
        analysis = analyse(pipeline, settings, tmp_path / f"{name}.jpg", tmp_path)
        (face,) = analysis.frames[0].faces
        assert analysis.media.height == (3000 if name == "crowd" else 4096)
        box = np.array(face.face.box).reshape(2, 2)
        wanted = np.array(expected.face.box).reshape(2, 2) * factor + corner
        assert np.abs(box - wanted).max() < 0.12 * factor * expected.face.size
        square = np.array(face.heat.square).reshape(2, 2)
        assert np.abs(square.mean(axis=0) - box.mean(axis=0)).max() < 1
        drawn = np.asarray(Image.open(tmp_path / analysis.frames[0].picture))
        view = drawn.shape[1] / analysis.media.width
        x, y = (box[0] * view).astype(int)
        edge = drawn[y + 10 : y + 20, x - 3 : x + 4].reshape(-1, 3).astype(int)
        assert (np.abs(edge - edge.mean(axis=0)).max(axis=1) > 40).any()  # its line
    # Seen at its full size the small face is the one of a part of the picture, in the same pixels.
    crowd.crop((2800, 896, 3824, 1408)).save(tmp_path / "part.jpg", quality=95)
    whole, part = (
        analyse(pipeline, settings, tmp_path / f"{name}.jpg").frames[0].faces[0]
        for name in ("crowd", "part")
    )
    assert abs(whole.logit - part.logit) < 0.5
    # At half as many px it has too few of them for its finest detail to be measured.
    assert abs(whole.traits.fine_detail - part.traits.fine_detail) < 1


def test_a_photograph_is_judged_by_its_own_pixels(pipeline, settings, tmp_path):
    person = made_media.astronaut()[:300, 80:380]
    Image.fromarray(cv2.resize(person, (4000, 4000))).save(tmp_path / "near.jpg", quality=95)
    upload = intake.check(tmp_path / "near.jpg", "near.jpg", settings)
    with Decoder(settings).open(upload) as clip:
        [quick] = clip
        finest = clip.finer()
    (face,) = pipeline.analyse(upload, None).frames[0].faces
    classifier = pipeline.faces.classifier.of("image")
    assert classifier.large < face.face.size / 2 and len(finest.image) == 4000
    logits = classifier.logits([classifier.cut(finest.image, face.face.box)])
    assert face.logit == pytest.approx(logits[0], abs=0.02)
    half = tuple(edge * len(quick.image) / 4000 for edge in face.face.box)
    assert abs(face.logit - classifier.logits([classifier.cut(quick.image, half)])[0]) > 0.1


@pytest.mark.parametrize(("height", "kind"), [(224, "image"), (223, "small_image")])
def test_a_picture_that_no_window_fits_into_is_read_without(
    pipeline, settings, tmp_path, height, kind
):
    Image.fromarray(made_media.astronaut()[:height]).save(tmp_path / "a.png")
    analysis = analyse(pipeline, settings, tmp_path / "a.png")
    classifier = pipeline.faces.classifier.of(kind)
    assert analysis.model == classifier.card
    (face,) = analysis.frames[0].faces
    cut = classifier.cut(made_media.astronaut()[:height], face.face.box)
    assert face.logit == pytest.approx(classifier.logits([cut])[0], abs=0.02)


def test_a_small_face_beside_a_large_one_is_found_in_a_photograph(pipeline, settings, tmp_path):
    person = Image.fromarray(made_media.astronaut()).crop((0, 0, 512, 280))
    picture = Image.new("RGB", (3200, 2400), "grey")
    picture.paste(person.resize((2560, 1400)), (0, 900))
    picture.paste(person.resize((256, 140)), (2900, 100))  # her face is 51 px
    picture.save(tmp_path / "two.jpg", quality=95)
    assert len(analyse(pipeline, settings, tmp_path / "two.jpg").people) == 2


def test_a_clip_is_sampled_tracked_and_reported_in_order(pipeline, settings, tmp_path):
    seen = []
    clip = made_media.astronaut_clip(tmp_path / "a.mp4", seconds=2)
    analysis = analyse(
        pipeline, settings, clip, tmp_path, lambda step: seen.append((step, step.known))
    )
    steps = [step for step, _ in seen]
    times = [frame.time for frame in analysis.frames]
    assert len(times) == settings.moments and times == sorted(set(times))
    assert {face.track for frame in analysis.frames for face in frame.faces} == {0}
    assert len(list(tmp_path.glob("frame-*.jpg"))) == len(times)
    assert [step.share for step in steps] == sorted(step.share for step in steps)
    assert steps[-1].share == 1
    assert list(dict.fromkeys(step.stage for step in steps)) == ["faces", "scores", "pictures"]
    assert {step.frames_total for step in steps} == {None, settings.moments}
    for step, known in seen:
        assert [time for time, _ in known.frames] == times[: step.frames_done]
    assert seen[0][1].probability_fake is None
    assert seen[-1][1].probability_fake == pytest.approx(analysis.verdict.probability_fake)


def test_a_face_keeps_its_id_from_its_detection_to_the_report(pipeline, settings, tmp_path):
    picture = made_media.astronaut()
    small = cv2.resize(picture, None, fx=0.36, fy=0.36, interpolation=cv2.INTER_AREA)
    picture = picture.copy()
    picture[: len(small), -len(small) :] = small  # her face is too small there to be judged
    told = []
    path = made_media.clip_of(tmp_path / "a.mp4", [picture] * 20)
    analysis = analyse(pipeline, settings, path, None, lambda step: told.append(step.known))
    faces = [face for frame in analysis.frames for face in frame.faces]
    assert {face.rejection for face in faces} == {None, "face_too_small"}
    assert [face.id for face in faces] == list(range(len(faces)))
    assert sorted(face.id for person in analysis.people for face in person.observations) == list(
        range(len(faces))
    )
    for known in told:  # what was told while it worked is still what was known then
        for _, own in known.frames:
            for face in own:
                final = faces[face.id]
                assert (face.frame, face.face, face.rejection) == (
                    final.frame, final.face, final.rejection
                )  # fmt: skip
                assert not face.votes or face.votes["face"] == final.votes["face"]
    unscored = [[f.id for _, own in known.frames for f in own if not f.logit] for known in told]
    assert len({len(each) for each in unscored}) > 2


@pytest.mark.parametrize(("moments", "views"), [(SEVERAL - 1, None), (SEVERAL, 1)])
def test_many_moments_need_one_view_each(pipeline, settings, tmp_path, moments, views):
    path = made_media.astronaut_clip(tmp_path / "a.mp4", seconds=moments / 25)
    analysis = analyse(pipeline, settings, path)
    with Decoder(settings).open(intake.check(path, path.name, settings)) as clip:
        images = [frame.image for frame in clip]
    faces = [frame.faces[0] for frame in analysis.frames]
    assert len(faces) == len(images) == moments
    classifier = pipeline.faces.classifier.of("video")
    cuts = [classifier.cut(*each) for each in zip(images, (f.face.box for f in faces), strict=True)]
    said = np.array([face.votes["face"] for face in faces])
    same, other = (classifier.judge(cuts, each).votes["face"]
                   for each in (views, None if views else 1))  # fmt: skip
    assert np.abs(said - same).max() < 0.02
    assert np.abs(said - other).max() > 0.05


def test_a_person_is_judged_over_the_clip_too_where_there_are_moments_enough(
    pipeline, settings, tmp_path
):
    classifier = pipeline.faces.classifier.of("video")
    for moments, enough in ((5, False), (20, True)):
        path = made_media.astronaut_clip(tmp_path / f"{moments}.mp4", seconds=moments / 25)
        analysis = analyse(pipeline, settings, path)
        faces = [frame.faces[0] for frame in analysis.frames]
        (said,) = {face.votes["temporal"] for face in faces}
        assert (said != 0.0) == enough
        for face in faces:
            assert (face.logit, face.probability) == classifier.together(face.votes)
            assert face.features is None
        (vote,) = [vote for vote in analysis.votes if vote.name == "temporal"]
        assert (vote.probability_fake != 0.5) == enough and vote.weight > 0


def test_an_animated_picture_is_judged_as_a_clip(pipeline, settings, tmp_path):
    still, moving = (
        analyse(pipeline, settings, path)
        for path in (
            made_media.astronaut_jpeg(tmp_path / "a.jpg"),
            made_media.astronaut_animation(tmp_path / "a.gif", 3, size=(512, 512)),
        )
    )
    assert (still.media.type, moving.media.type) == ("image", "video")
    for kind, analysis in (("image", still), ("video", moving)):
        assert analysis.model == pipeline.faces.classifier.of(kind).card


def test_the_probability_that_is_told_is_the_one_that_was_compared(pipeline):
    said = pipeline.faces.classifier.probabilities(np.linspace(-9, 9, 1001))
    assert TypeAdapter(list[Share]).validate_python(said) == said.tolist()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda image: np.full_like(image, 120), "no_face"),
        (
            lambda image: cv2.resize(image, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA),
            "face_too_small",
        ),
        (lambda image: (image * 0.08).astype(np.uint8), "face_too_dark"),
        (lambda image: cv2.GaussianBlur(image, (0, 0), 5), "face_blurred"),
    ],
)
def test_what_cannot_be_judged_gets_a_reason_and_no_number(
    pipeline, settings, tmp_path, change, code
):
    Image.fromarray(change(made_media.astronaut())).save(tmp_path / "a.png")
    analysis = analyse(pipeline, settings, tmp_path / "a.png")
    verdict = analysis.verdict
    assert verdict.prediction == "Inconclusive" and verdict.probability_fake is None
    assert [reason.code for reason in verdict.reasons] == [code]
    assert len(analysis.frames[0].faces) == (code != "no_face")


def test_a_dark_face_is_judged_and_not_called_blurred(pipeline, settings, tmp_path):
    Image.fromarray((made_media.astronaut() * 0.25).astype(np.uint8)).save(tmp_path / "night.jpg")
    (face,) = analyse(pipeline, settings, tmp_path / "night.jpg").frames[0].faces
    assert face.rejection is None and face.logit is not None


@pytest.mark.parametrize("change", [lambda back: back, lambda back: back[:, ::-1] // 2])
def test_the_blurred_backdrop_of_a_clip_is_nobody(pipeline, settings, tmp_path, change):
    """An upright clip in a wide frame, before its own enlargement; edges and words lie over it."""
    pictures = []
    for number in range(12):
        sharp = made_media.filmed(made_media.astronaut()[:400, 100:400], number)
        back = cv2.GaussianBlur(cv2.resize(sharp, (960, 1280))[100:640], (0, 0), 7)
        frame = change(back).copy()
        cv2.putText(frame, "WAIT", (560, 200), cv2.FONT_HERSHEY_DUPLEX, 2, (255,) * 3, 3)
        frame[140:540, 20:320] = sharp
        pictures.append(np.ascontiguousarray(frame))
    analysis = analyse(pipeline, settings, made_media.clip_of(tmp_path / "a.mp4", pictures))
    (person,) = analysis.people
    assert person.decisive and not person.rejections and len(person.observations) == 12
    assert {each.track for frame in analysis.frames for each in frame.faces} == {0}
    others = [each for frame in analysis.frames for each in frame.faces if each.face.size > 200]
    assert len(others) > 6 and {each.rejection for each in others} == {"face_blurred"}


def test_what_progress_raises_stops_the_analysis(pipeline, settings, tmp_path):
    class Stop(Exception):
        pass

    def stop(progress):
        raise Stop

    with pytest.raises(Stop):
        analyse(pipeline, settings, made_media.astronaut_jpeg(tmp_path / "a.jpg"), None, stop)


class Fails:
    """Hands on to a collaborator, and raises at the n-th call of one method."""

    def __init__(self, whom, method, at):
        self._whom, self._method, self._left = whom, method, at

    def of_file(self, *file):
        return self

    def __getattr__(self, name):
        found = getattr(self._whom, name)
        if name != self._method:
            return found

        def counted(*args, **kwargs):
            self._left -= 1
            if self._left < 0:
                raise Stop
            return found(*args, **kwargs)

        return counted


class Stop(Exception):
    pass


@pytest.mark.parametrize("stage", ["reduce", "cut", "judge", "progress"])
def test_a_failure_in_any_stage_stops_all_and_leaves_nothing(pipeline, settings, tmp_path, stage):
    detector, classifier = pipeline.faces.detector, pipeline.faces.classifier
    parts = {
        "reduce": (Fails(detector, "reduce", 3), classifier),
        "cut": (detector, Fails(classifier, "cut", 3)),
        "judge": (detector, Fails(classifier, "judge", 1)),
        "progress": (detector, classifier),
    }
    broken = made(pipeline, settings, *parts[stage])
    clip = made_media.astronaut_clip(tmp_path / "a.mp4", seconds=4)
    threads, decoders = threading.active_count(), made_media.decoders()
    calls = []

    def progress(step):
        calls.append(step.share)
        if stage == "progress" and len(calls) == 5:
            raise Stop

    with pytest.raises(Stop):
        analyse(broken, settings, clip, tmp_path, progress)
    assert (threading.active_count(), made_media.decoders()) == (threads, decoders)


def test_scores_come_before_the_last_frame_is_decoded(pipeline, settings, tmp_path):
    handed_on, at_first_score = [], []

    class Watched(type(pipeline.faces.detector)):
        def reduce(self, image):
            handed_on.append(1)
            return super().reduce(image)

    class Noting:
        def of_file(self, *file):
            return self

        def __getattr__(self, name):
            if name == "judge":
                at_first_score.append(len(handed_on))
            return getattr(pipeline.faces.classifier, name)

    watched = made(pipeline, settings, Watched(), Noting())
    analysis = analyse(watched, settings, made_media.astronaut_clip(tmp_path / "a.mp4", seconds=4))
    assert len(analysis.frames) == settings.moments == len(handed_on)
    assert at_first_score[0] < settings.moments
