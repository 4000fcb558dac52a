"""Each person of a file: a track with its own verdict, scores over time and face pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from backend.cli import main
from backend.evidence.people import find_people, telling
from backend.media import intake
from backend.records import Face, ModelCard, Sighting
from backend.training.blend import blend
from backend.verdict import decide
from backend.vision.faces import FaceDetector
from backend.vision.mesh import FaceMesh
from backend.web.schemas import Report
from tests import media

FACE = Face((0, 0, 100, 100), 0.9, np.zeros((6, 2), np.float32))
CARD = ModelCard("m", "0" * 64, threshold_real=0.3, threshold_fake=0.9)
HTML = {"Accept": "text/html"}


def calibrate(logits):
    return 1 / (1 + np.exp(-np.asarray(logits, float)))


def looks(logits, track, start=0):
    return [
        Sighting(i, i / 10, FACE, track, x, float(calibrate(x)), None)
        for i, x in enumerate(logits, start)
    ]


def film(path: Path, pictures: Sequence[np.ndarray], fps: int = 25) -> Path:
    """Save pictures as an MP4 of little loss."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", fps, {"preset": "ultrafast", "crf": "12"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        out.mux(stream.encode())
    return path


def moved(picture: np.ndarray, number: int) -> np.ndarray:
    """The picture as a calm hand films it: a little to and fro, a little noise."""
    shift = np.float32([[1, 0, 6 * np.sin(number / 5)], [0, 1, 4 * np.cos(number / 7)]])
    out = cv2.warpAffine(picture, shift, picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    noise = np.random.default_rng(number).normal(0, 2, picture.shape)
    return np.clip(out + noise, 0, 255).astype(np.uint8)


def send(client, path: Path) -> dict:
    with path.open("rb") as file:
        response = client.post("/predict", data={"file": (file, path.name)})
    assert response.status_code == 200, response.text
    return response.json


# --- from sightings to people


def test_the_one_who_decided_comes_first_and_is_named():
    sightings = looks([-4.0] * 10, 0) + looks([4.0] * 5, 1, start=5)
    verdict = decide(sightings, CARD, calibrate)
    people = find_people(sightings, 10, verdict, CARD, calibrate)
    assert [person.name for person in people] == ["Person 2", "Person 1"]
    assert [person.decisive for person in people] == [True, False]
    assert [person.prediction for person in people] == ["Fake", "Real"]
    assert people[0].probability == verdict.probability_fake
    assert [person.share for person in people] == [0.5, 1.0]


def test_a_stretch_that_forbids_the_answer_real_names_its_person():
    sightings = looks([-6.0] * 30, 0) + looks([-6.5] * 27 + [4.0] * 3, 1)
    verdict = decide(sightings, CARD, calibrate)
    assert verdict.prediction == "Inconclusive" and verdict.track == 1
    people = find_people(sightings, 30, verdict, CARD, calibrate)
    assert people[0].track == 1 and people[0].prediction == "Inconclusive"
    assert "Person 2" in verdict.reasons[0].text


def test_the_most_telling_moments_are_spread_over_the_time_and_the_highest_comes_first():
    scores = [0.0] * 32
    scores[3], scores[20] = 2.0, 3.0
    sightings = looks(scores, 0)
    person = find_people(sightings, 32, decide(sightings, CARD, calibrate), CARD, calibrate)[0]
    shown = telling(person)
    assert [look.frame for look in shown[:2]] == [20, 3]
    assert len({look.frame // 8 for look in shown}) == 4


# --- whole files


def test_a_join_of_a_real_and_a_changed_part_shows_where_it_is(pipeline, settings, tmp_path):
    """Two seconds of a real face, then two of the same face blended with a changed copy."""
    picture = media.astronaut()
    face = FaceDetector().detect(picture)[0]
    points, _ = FaceMesh().landmarks(picture, face)
    blends = [
        blend(picture, points, np.random.default_rng(seed), regions=["face"])[0]
        for seed in range(24)
    ]
    classifier = pipeline.classifier
    scores = classifier.logits(np.stack([classifier.crop(each, face.box) for each in blends]))
    changed = blends[int(np.argmax(scores))]
    pictures = [moved(picture if n < 50 else changed, n) for n in range(100)]
    path = film(tmp_path / "joined.mp4", pictures)
    analysis = pipeline.analyse(intake.check(path, path.name, settings), None)
    (person,) = analysis.people
    assert person.share > 0.9
    times = np.array([look.time for look in person.looks])
    logits = np.array([look.logit for look in person.looks])
    gains = [logits[i:].mean() - logits[:i].mean() for i in range(3, len(logits) - 3)]
    join = times[3 + int(np.argmax(gains))]
    assert max(gains) > 2 and abs(join - 2.0) <= 0.5


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Path:
    """A clip of two people side by side."""
    both = np.concatenate([media.astronaut()[:300], media.second_face()[:300]], axis=1)
    path = tmp_path_factory.mktemp("pair") / "pair.mp4"
    return film(path, [moved(both, number) for number in range(25)])


def test_two_people_are_two_tracks_with_pictures_of_their_own(client, pair):
    report = send(client, pair)
    Report.model_validate(report)
    first, second = report["tracks"]
    assert first["decisive"] and not second["decisive"]
    assert {first["name"], second["name"]} == {"Person 1", "Person 2"}
    assert first["probability_fake"] == report["probability_fake"]
    assert first["share"] == second["share"] == 1.0
    colours = []
    for track in (first, second):
        assert track["moments"] == len(track["scores"]) == 25
        assert 1 <= len(track["pictures"]) <= 4
        best = max(p["probability"] for p in track["pictures"])
        assert track["pictures"][0]["probability"] == best
        answer = client.get(track["pictures"][0]["url"])
        assert answer.headers["Cache-Control"] == "no-store" and len(answer.data) < 20_000
        image = cv2.imdecode(np.frombuffer(answer.data, np.uint8), cv2.IMREAD_COLOR)
        assert image.shape[0] == image.shape[1] == 128
        colours.append(image.mean(axis=(0, 1)))
    assert np.abs(colours[0] - colours[1]).max() > 15  # they are not of one and the same face
    sides = {face["track"]: face["box"][0] < 512 for face in
             report["frame_analysis"]["frames"][0]["faces"]}  # fmt: skip
    for frame in report["frame_analysis"]["frames"]:
        assert {face["track"]: face["box"][0] < 512 for face in frame["faces"]} == sides


def test_the_command_line_tells_the_same(pair, tmp_path, capsys, make_settings, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["predict", str(pair), "--format", "jsonl", "--save-frames", str(tmp_path / "marked")])
    row = json.loads(capsys.readouterr().out)
    assert [track["name"] for track in row["tracks"]] and row["provenance"]["c2pa"]["state"]
    assert isinstance(row["signals"], list) and isinstance(row["quality"], list)
    for track in row["tracks"]:
        for picture in track["pictures"]:
            assert (Path(row["saved_to"]) / picture["url"]).is_file()


# --- bad input: each gives a report that says so and a page that opens


def crowd(path: Path) -> Path:
    """A hundred faces on one picture."""
    head = cv2.resize(media.astronaut()[40:200, 150:310], (150, 150))
    Image.fromarray(np.tile(head, (10, 10, 1))).save(path)
    return path


def half(path: Path) -> Path:
    """A clip whose face leaves after half of it."""
    empty = np.full((300, 512, 3), 120, np.uint8)
    return film(path, [moved(media.astronaut()[:300] if n < 20 else empty, n) for n in range(40)])


def faceless(path: Path) -> Path:
    return film(path, [moved(np.full((256, 256, 3), 120, np.uint8), n) for n in range(10)])


def tiny(path: Path) -> Path:
    small = cv2.resize(media.astronaut(), (150, 150), interpolation=cv2.INTER_AREA)
    return film(path, [moved(small, number) for number in range(10)])


def one_frame(path: Path) -> Path:
    return film(path, [media.astronaut()])


@pytest.mark.parametrize(
    ("make", "name", "quality"),
    [
        (faceless, "none.mp4", "no_face"),
        (tiny, "tiny.mp4", "face_too_small"),
        (one_frame, "one.mp4", "few_faces"),
        (half, "half.mp4", None),
        (crowd, "crowd.png", None),
    ],
)
def test_bad_input_gives_a_report_that_says_so_and_a_page_that_opens(
    client, tmp_path, make, name, quality
):
    report = send(client, make(tmp_path / name))
    Report.model_validate(report)
    assert quality is None or quality in [entry["code"] for entry in report["quality"]]
    assert all(entry["advice"] for entry in report["quality"])
    if make in (faceless, tiny):
        assert report["prediction"] == "Inconclusive" and report["probability_fake"] is None
        assert not any(track["decisive"] for track in report["tracks"])
    if make is half:
        assert 0.4 < report["tracks"][0]["share"] < 0.6 and report["tracks"][0]["end"] < 0.9
    if make is crowd:
        assert len(report["tracks"]) == report["faces_detected"] == 20  # the most by default
    assert client.get(report["url"], headers=HTML).status_code == 200
