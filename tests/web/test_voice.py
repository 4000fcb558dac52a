"""Voices: each answer told alike by API, page, PDF, tables and command line; the file is heard."""

from __future__ import annotations

import copy
import csv
from dataclasses import replace
from io import BytesIO, StringIO

import pytest
from PIL import Image

from backend.analysis.pipeline import Pipeline
from backend.cli import rows, table
from backend.media import intake
from backend.models.calibration import Profiles, Thresholds
from backend.report.build import to_row
from tests import made_sound
from tests.web.test_downloads import analyse, printed, read_pdf

HTML = {"Accept": "text/html"}
# Of each answer: factors of the model's own score at which the thresholds of Real and Fake are set,
# the odds that are told, what the page says first, and a part of its headline.
TOLD = {
    "Fake": ((0.1, 0.3), 1.0, "Fake", "synthetic or changed by a machine"),
    "Leans fake": ((0.5, 1.5), 7.0, "Leans fake", "more likely synthetic, by about 7 to 1"),
    "Undecided": ((0.5, 1.5), 1.0, "Undecided", "too close to call"),
    "Leans real": ((0.5, 1.5), 1 / 7, "Leans real", "more likely real, by about 7 to 1"),
    "Real": ((2.5, 3.0), 1.0, "No manipulation found", "sounds real to the model"),
}


@pytest.fixture
def answering(make_app, pipeline, settings):
    """`answering(title, p)` is the client and the pipeline that give a score of `p` this answer."""

    def answering_(title: str, p: float):
        (real, fake), odds, *_ = TOLD[title]
        own = Thresholds(real=round(min(real * p, 0.98), 6), fake=round(min(fake * p, 0.99), 6))
        profiles = Profiles(strict=own, balanced=own, sensitive=own)
        classifier = copy.copy(pipeline.voice.classifier)
        change = {"thresholds": profiles, "odds": ((0.0, odds),)}
        reading = classifier.config.reading.model_copy(update=change)
        classifier.config = classifier.config.model_copy(update={"reading": reading})
        voice = replace(pipeline.voice, classifier=classifier)
        own = Pipeline(settings, voice.decoder, pipeline.faces, voice)
        return make_app(pipeline=own).test_client(), own

    return answering_


def page_of(client, report) -> str:
    page = client.get(report["url"], headers=HTML)
    assert page.status_code == 200, page.text
    return " ".join(page.text.replace("\N{NO-BREAK SPACE}", " ").split())


@pytest.mark.parametrize("title", TOLD)
def test_each_answer_about_a_voice_is_told_everywhere(
    answering, pipeline, settings, title, tmp_path, capsys
):
    path = made_sound.save(tmp_path / "a.wav", made_sound.speech(8))
    score = pipeline.analyse(intake.check(path, path.name, settings), None).verdict
    client, own = answering(title, score.probability_fake)
    report = analyse(client, path)
    audio, (*_, head, headline) = report["audio"], TOLD[title]
    assert (report["face"], report["media"]["type"]) == (None, "audio")
    assert audio["verdict"] == report["prediction"]
    assert audio["probability_fake"] == report["probability_fake"]
    assert audio["speech_seconds"] == pytest.approx(8, abs=1.5) and audio["segments"]
    page = page_of(client, report)
    assert f"<span>{head}</span></h1>" in page
    told = (headline, audio["segments"][0]["text"], "Only speech is judged")
    assert all(sentence in page for sentence in told)
    if title == "Leans fake":  # one of them, because a PDF takes its time
        pdf = printed(read_pdf(client, report)).replace("\N{NO-BREAK SPACE}", " ")
        assert head in pdf and all(sentence in pdf for sentence in told)
    assert ("ask the person first" in page) is (title != "Real")
    row = to_row("a.wav", own.analyse(intake.check(path, path.name, settings), None))
    cells = StringIO()
    rows.comma_separated(cells)(row)
    (cell,) = csv.DictReader(StringIO(cells.getvalue()))
    assert cell["voice_verdict"] == audio["verdict"] and cell["face_verdict"] == ""
    assert float(cell["voice_probability_fake"]) == audio["probability_fake"]
    table.print_table([row])
    _, line = capsys.readouterr().out.strip().splitlines()[-2:]
    assert line.count(title) == 2  # of the file, and of the voice


def test_the_file_is_heard_in_parts_and_gone_with_its_result(client, portrait):
    report = analyse(client, made_sound.SPEECH)
    content = made_sound.SPEECH.read_bytes()
    whole = client.get(report["recording"])
    assert whole.data == content and whole.headers["Cache-Control"] == "no-store"
    assert whole.mimetype == "audio/ogg" and "media-src 'self'" in str(whole.headers)
    part = client.get(report["recording"], headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.data) == (206, content[100:200])
    picture = Image.open(BytesIO(client.get(report["audio"]["spectrogram"]).data))
    assert picture.size == (1200, 256)
    text = client.get(f"/api/v1/analyses/{report['id']}/voice.csv").text
    windows = [(float(row["start_s"]), float(row["probability_fake"]))
               for row in csv.DictReader(StringIO(text))]  # fmt: skip
    assert windows == [(each["start"], each["probability"]) for each in report["audio"]["windows"]]
    client.delete(f"/api/v1/analyses/{report['id']}")
    for address in (report["recording"], report["audio"]["spectrogram"]):
        assert client.get(address).status_code in (404, 410)
    photo = analyse(client, portrait)
    assert (photo["audio"], photo["recording"]) == (None, None)
    assert client.get(f"/results/{photo['id']}/recording").status_code == 404


def test_what_cannot_be_judged_says_why_and_can_be_heard(client, tmp_path):
    report = analyse(client, made_sound.save(tmp_path / "a.mp3", made_sound.speech(1.5)))
    assert (report["judged"], report["reasons"]) == (False, ["too_little_speech"])
    assert (report["audio"]["windows"], report["audio"]["thresholds"]) == ([], None)
    words = "are needed to judge a voice"
    page = page_of(client, report)
    assert words in page and "No voice could be judged here" in page and "<audio" in page
    assert "Send the original recording" in page
    assert words in printed(read_pdf(client, report))


def test_face_and_voice_of_a_clip_are_told_apart(answering, pipeline, settings, clip, tmp_path):
    path = made_sound.clip_with(tmp_path / "talks.mp4", clip, made_sound.speech(4))
    found = pipeline.analyse(intake.check(path, path.name, settings), None)
    client, _ = answering("Fake", found.voice.verdict.probability_fake)
    report = analyse(client, path)
    assert (report["prediction"], report["audio"]["verdict"]) == ("Fake", "Fake")
    assert report["face"]["verdict"] == found.faces.prediction != "Fake"
    assert report["face"]["probability_fake"] == pytest.approx(
        found.faces.probability_fake, abs=1e-4
    )
    page, pdf = page_of(client, report), printed(read_pdf(client, report))
    for words in ("The voice: Fake", "The face: "):
        assert words in page and words in pdf
    assert report["recording"] is None and "<audio" not in page
    mute = page_of(client, analyse(client, clip))
    assert "The voice" not in mute.partition("<footer")[0].replace("The voice model", "")
