"""Each person of a file: a track with its own verdict, scores over time and face pictures."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from pydantic import TypeAdapter
from pypdf import PdfReader

from backend.analysis.pipeline import Pipeline
from backend.cli.commands import main
from backend.evidence.people import find_people
from backend.evidence.verdict import decide
from backend.faces.detector import FaceDetector
from backend.faces.mesh import FaceMesh
from backend.report.build_sound import side
from backend.report.faces_text import FacesText
from backend.report.pictures import closest, telling
from backend.report.presence import presence
from backend.report.schema import Report
from backend.settings import ROOT
from backend.training.augment.blend import blend
from backend.wording import stretched
from tests import made_media
from tests.made_observations import CARD, calibrate, observed

CLIPS = ROOT.parent / "shared" / "data" / "clips"
HTML = {"Accept": "text/html"}


def send(client, path: Path) -> dict:
    with path.open("rb") as file:
        response = client.post("/predict", data={"file": (file, path.name)})
    assert response.status_code == 200, response.text
    return response.json


# --- from observations to people


def test_the_one_who_decided_comes_first_and_is_named():
    observations = observed([-4.0] * 10, 0) + observed([4.0] * 5, 1, start=5)
    verdict = decide(observations, CARD, calibrate)
    people = find_people(observations, 10, verdict, CARD, calibrate)
    assert [person.name for person in people] == ["Person 2", "Person 1"]
    assert [person.decisive for person in people] == [True, False]
    assert [person.prediction for person in people] == ["Fake", "Real"]
    assert people[0].probability == verdict.probability_fake
    assert [person.share for person in people] == [0.5, 1.0]


def test_a_stretch_that_forbids_the_answer_real_names_its_person():
    observations = observed([-6.0] * 30, 0) + observed([-6.5] * 27 + [4.0] * 3, 1)
    verdict = decide(observations, CARD, calibrate)
    assert verdict.prediction == "Inconclusive" and verdict.track == 1
    people = find_people(observations, 30, verdict, CARD, calibrate)
    assert people[0].track == 1 and people[0].prediction == "Inconclusive"
    assert "Person 2" in verdict.reasons[0].text


def test_who_was_seen_too_briefly_has_no_verdict_and_the_page_says_why():
    observations = observed([-4.0] * 32, 0) + observed([5.0], 1, start=7)
    verdict = decide(observations, CARD, calibrate)
    long, brief = find_people(observations, 32, verdict, CARD, calibrate)
    assert (verdict.prediction, verdict.track, long.brief) == ("Real", 0, False)
    assert (brief.prediction, brief.brief) == ("Inconclusive", True) and brief.probability > 0.9
    assert closest([long, brief], verdict).frame == 7  # it speaks most against the answer
    tracks = [
        {
            "name": person.name, "decisive": person.decisive, "prediction": person.prediction,
            "probability_fake": person.probability, "brief": person.brief, "concerns": {},
            "share": person.share, "start": 0, "end": 0, "judged": 1, "moments": 1,
        }
        for person in (long, brief)
    ]  # fmt: skip
    bands = [band._asdict() for band in CARD.bands]
    words = FacesText(side(verdict), bands, None, tracks, is_clip=True)
    assert words.headline.startswith("The one person who could be seen long enough looks real")
    assert "too brief for an answer" in presence(tracks[1], is_clip=True)
    assert "too brief" not in presence(tracks[0], is_clip=True)


def test_the_most_telling_moments_are_spread_over_the_time_and_the_highest_comes_first():
    scores = [0.0] * 32
    scores[3], scores[20] = 2.0, 3.0
    observations = observed(scores, 0)
    verdict = decide(observations, CARD, calibrate)
    [person] = find_people(observations, 32, verdict, CARD, calibrate)
    shown = telling(person)
    assert [each.frame for each in shown[:2]] == [20, 3]
    assert len({each.frame // 8 for each in shown}) == 4


# --- whole files


def blended_parts(pipeline) -> list[np.ndarray]:
    """Two seconds of a real face, then two of the same face blended with a changed copy."""
    picture = made_media.astronaut()
    face = FaceDetector().detect(picture)[0]
    points, _ = FaceMesh().landmarks(picture, face)
    blends = [
        blend(picture, points, np.random.default_rng(seed), regions=["face"])[0]
        for seed in range(24)
    ]
    classifier = pipeline.faces.classifier.of("video")
    scores = classifier.logits([classifier.cut(each, face.box) for each in blends])
    changed = blends[int(np.argmax(scores))]
    return [made_media.filmed(picture if n < 50 else changed, n) for n in range(100)]


def test_the_timeline_of_a_real_and_a_changed_part_shows_the_join(client, pipeline, tmp_path):
    report = send(client, made_media.clip_of(tmp_path / "joined.mp4", blended_parts(pipeline)))
    page = client.get(report["url"], headers=HTML).text
    drawn = json.loads(re.search(r'id="chart-data">(.+?)</script>', page)[1])
    scores = np.array([[np.nan if p is None else stretched(p) for p in track["scores"]]
                       for track in drawn["tracks"]])  # fmt: skip
    line, times = np.nanmax(scores, axis=0), np.array(drawn["times"])
    gains = [line[i:].mean() - line[:i].mean() for i in range(3, len(line) - 3)]
    join = times[3 + int(np.argmax(gains))]
    assert max(gains) > 0.03 and abs(join - 2.0) <= 0.5
    first = next(track for track in report["tracks"] if track["decisive"])
    assert first["pictures"][0]["time"] >= 1.5  # the picture that decided is of the changed part


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Path:
    return made_media.crossing(tmp_path_factory.mktemp("pair") / "pair.mp4")


def test_two_people_who_cross_are_two_tracks_with_pictures_of_their_own(client, pair):
    report = send(client, pair)
    Report.model_validate(report)
    first, second = report["tracks"]
    assert first["decisive"] and not second["decisive"]
    assert {first["name"], second["name"]} == {"Person 1", "Person 2"}
    assert first["probability_fake"] == report["probability_fake"]
    assert max(first["share"], second["share"]) == 1.0
    assert min(first["share"], second["share"]) > 0.6  # hidden for a while
    colours = []
    for track in (first, second):
        assert track["moments"] == len(track["scores"]) >= 15
        assert 1 <= len(track["pictures"]) <= 4
        best = max(p["probability"] for p in track["pictures"])
        assert track["pictures"][0]["probability"] == best
        answer = client.get(track["pictures"][0]["url"])
        assert answer.headers["Cache-Control"] == "no-store" and len(answer.data) < 20_000
        image = cv2.imdecode(np.frombuffer(answer.data, np.uint8), cv2.IMREAD_COLOR)
        assert image.shape[0] == image.shape[1] == 128
        colours.append(image.mean(axis=(0, 1)))
    assert np.abs(colours[0] - colours[1]).max() > 15  # they are not of one and the same face
    orders = []  # tracks from left to right
    for frame in report["frame_analysis"]["frames"]:
        faces = sorted(frame["faces"], key=lambda face: face["box"][0])
        orders.append([face["track"] for face in faces])
    whole = [order for order in orders if len(order) == 2]
    assert whole[0] == whole[-1][::-1] == orders[0] and orders[-1] == whole[-1]
    changes = sum(before != after for before, after in pairwise(whole))
    assert changes == 1  # they change sides once, and never names


def test_the_command_line_tells_the_same(pair, tmp_path, capsys, make_settings, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["predict", str(pair), "--format", "jsonl", "--save-frames", str(tmp_path / "marked")])
    row = json.loads(capsys.readouterr().out)
    assert {track["name"] for track in row["tracks"]} == {"Person 1", "Person 2"}
    assert row["signals"] and row["provenance"]["sha256"] == sha256(pair.read_bytes()).hexdigest()
    same = ("tracks", "signals", "quality", "provenance", "anomalies", "explanation", "reasons")
    for name in same:  # as the schemas of the API say
        field = Report.model_fields[name]
        TypeAdapter(field.annotation).validate_python(row[name], strict=True)
    for track in row["tracks"]:
        for picture in track["pictures"]:
            assert (Path(row["saved_to"]) / picture["url"]).is_file()


# --- bad input: each gives a report that says so, a page and a PDF that open


def half(path: Path) -> Path:
    """A clip whose face leaves after half of it."""
    face, empty = made_media.astronaut()[:300], np.full((300, 512, 3), 120, np.uint8)
    return made_media.clip_of(
        path, [made_media.filmed(face if n < 20 else empty, n) for n in range(40)]
    )


def mostly_dark(path: Path) -> Path:
    """A clip whose face can be judged in two of 32 moments."""
    face = made_media.astronaut()[:300]
    dark = (face * 0.15).astype(np.uint8)
    return made_media.clip_of(
        path, [made_media.filmed(face if n < 2 else dark, n) for n in range(32)]
    )


def faceless(path: Path) -> Path:
    empty = np.full((256, 256, 3), 120, np.uint8)
    return made_media.clip_of(path, [made_media.filmed(empty, n) for n in range(10)])


def tiny(path: Path) -> Path:
    small = cv2.resize(made_media.astronaut(), (150, 150), interpolation=cv2.INTER_AREA)
    return made_media.clip_of(path, [made_media.filmed(small, n) for n in range(10)])


def one_frame(path: Path) -> Path:
    return made_media.clip_of(path, [made_media.astronaut()])


def damaged_credentials(path: Path) -> Path:
    made_media.astronaut_jpeg(path)
    path.write_bytes(path.read_bytes() + b"jumdc2pa" * 1000)
    return path


def screenshot(path: Path) -> Path:
    exif = Image.Exif()
    exif[0x0131] = "17.5"  # Software
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0Screenshot"
    return made_media.astronaut_image(path, exif=exif)


def small(path: Path) -> Path:
    Image.fromarray(made_media.astronaut()[20:220, 120:320]).save(path)
    return path


@pytest.mark.parametrize(
    ("make", "name", "quality", "words"),
    [
        (faceless, "none.mp4", "no_face", "No face was found"),
        (tiny, "tiny.mp4", "face_too_small", "too small to judge"),
        (one_frame, "one.mp4", "few_faces", "Person 1 was seen in only 1 moment"),
        (mostly_dark, "dark.mp4", "face_too_dark", "in more than 2 of the 32 moments that show"),
        (half, "half.mp4", None, "of the moments looked at"),
        (damaged_credentials, "damaged.jpg", None, "they cannot be read"),
        (screenshot, "screen.png", "screen_recording", "was recorded from a screen"),
        (small, "small.png", "small_picture", "The picture is only 200 pixels high or wide"),
    ],
)
def test_bad_input_gives_a_report_a_page_and_a_pdf_that_say_so(
    client, tmp_path, make, name, quality, words
):
    report = send(client, make(tmp_path / name))
    Report.model_validate(report)
    codes = [entry["code"] for entry in report["quality"]]
    assert quality is None or quality in codes
    assert ("small_picture" in codes) == (make is small)
    assert all(entry["advice"] for entry in report["quality"])
    if make in (faceless, tiny):
        assert report["prediction"] == "Inconclusive" and report["probability_fake"] is None
        assert not any(track["decisive"] for track in report["tracks"])
    if make is mostly_dark:
        assert report["prediction"] == "Inconclusive" and report["confidence"] is None
        assert 0 < report["probability_fake"] < 1 and report["tracks"][0]["brief"]
    if make is half:
        assert 0.4 < report["tracks"][0]["share"] < 0.6 and report["tracks"][0]["end"] < 0.9
    page = client.get(report["url"], headers=HTML)
    assert page.status_code == 200 and words in page.text.replace("\xa0", " ")
    pdf = client.get(f"/api/v1/analyses/{report['id']}/report.pdf")
    pages = PdfReader(BytesIO(pdf.data), strict=True).pages
    printed = " ".join(" ".join(each.extract_text() for each in pages).split())
    assert words in printed


def test_more_faces_than_are_judged_are_found_numbered_and_said(
    pipeline, make_app, make_settings, tmp_path
):
    head = cv2.resize(made_media.astronaut()[20:250, 110:340], (140, 140))
    path = tmp_path / "crowd.png"
    Image.fromarray(np.tile(head, (5, 5, 1))).save(path)
    settings = make_settings(max_faces=22)
    faces = replace(pipeline.faces, settings=settings)
    other = Pipeline(settings, faces.decoder, faces, pipeline.voice)
    client = make_app(pipeline=other).test_client()
    report = send(client, path)
    (frame,) = report["frame_analysis"]["frames"]
    concerns = [face["concern"] for face in frame["faces"]]
    assert len(report["tracks"]) == 25 and concerns.count("too_many_faces") == 3
    assert sum(face["probability"] is not None for face in frame["faces"]) == 22
    assert "too_many_faces" in report["reasons"] and report["settings"]["max_faces"] == 22
    assert "too_many_faces" in [entry["code"] for entry in report["quality"]]
    page = client.get(report["url"], headers=HTML).text.replace("\xa0", " ")
    assert "25 faces were found in one picture; the 22 surest of them were judged." in page
    table = client.get(f"/api/v1/analyses/{report['id']}/frames.csv").text
    assert table.count("too_many_faces") == 3
    # Numbers and no labels: the eyes of everybody can be seen.
    drawn = np.asarray(Image.open(BytesIO(client.get(frame["url"]).data))).astype(int)
    changed = np.abs(drawn - np.asarray(Image.open(path))).max(axis=2) > 60
    for face in frame["faces"]:
        left, top, right, bottom = (round(edge) for edge in face["box"])
        assert changed[top - 2 : bottom + 2, left - 2 : right + 2].mean() > 0.05
        assert changed[top + 20 : bottom - 8, left + 8 : right - 8].mean() < 0.1
