"""Each kind of answer, told alike by API, page, PDF, CSV and the command line."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from io import BytesIO, StringIO

import pytest
from pypdf import PdfReader

from backend.cli import rows, table
from backend.media import intake
from backend.records.results import Reason
from backend.report.build import to_row
from backend.wording import to_one

HTML = {"Accept": "text/html"}
# What the page calls it: prediction, probability, leaning, odds, reason, a part of the headline.
STATES = {
    "Fake": ("Fake", 0.99, None, None, "scores_manipulated", "very likely manipulated"),
    "Leans fake": ("Inconclusive", 0.9, "fake", 7.2, "undecided",
                   "more likely manipulated, by about 7 to 1."),
    "Undecided": ("Inconclusive", 0.5, None, None, "undecided", "too close to call"),
    "Leans real": ("Inconclusive", 0.1, "real", 2.5, "undecided",
                   "more likely real, by about 5 to 2."),
    "Real": ("Real", 0.01, None, None, "scores_real", "looks real"),
    "Cannot be judged": ("Inconclusive", None, None, None, "face_too_dark", "there is no score"),
}  # fmt: skip


class Says:
    """A pipeline that comes to the answer it is told to."""

    def __init__(self, pipeline, title, **card):
        self._pipeline, self._title, self._card = pipeline, title, card
        self.faces, self.voice = pipeline.faces, pipeline.voice

    def analyse(self, upload, into, on_progress=None):
        found = self._pipeline.analyse(upload, into, on_progress)
        prediction, probability, leaning, odds, code, _ = STATES[self._title]
        answer = {"prediction": prediction, "leaning": leaning, "odds": odds}
        confidence = {"Fake": probability, "Real": probability and 1 - probability}.get(prediction)
        verdict = replace(
            found.verdict,
            **answer,
            probability_fake=probability,
            confidence=confidence,
            reasons=(Reason(code, "Because."),),
        )
        people = tuple(replace(each, **answer, probability=probability) for each in found.people)
        model = replace(found.model, **self._card)
        return replace(found, verdict=verdict, faces=verdict, people=people, model=model)


@pytest.fixture
def ask(make_app, pipeline, portrait):
    """`ask(title, **card)` has a file answered so: the client, and the report."""

    def ask(title, **card):
        client = make_app(pipeline=Says(pipeline, title, **card)).test_client()
        data = {"file": (BytesIO(portrait.read_bytes()), portrait.name)}
        response = client.post("/predict", data=data)
        assert response.status_code == 200, response.text
        return client, response.json

    return ask


def page_and_pdf(client, report):
    page = client.get(report["url"], headers=HTML).text.replace("\N{NO-BREAK SPACE}", " ")
    pdf = PdfReader(BytesIO(client.get(f"/api/v1/analyses/{report['id']}/report.pdf").data))
    text = " ".join(" ".join(each.extract_text() for each in pdf.pages).split())
    return page, text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize("title", STATES)
def test_what_cannot_be_judged_what_is_undecided_and_where_it_leans(ask, title):
    client, report = ask(title)
    prediction, probability, leaning, odds, code, headline = STATES[title]
    told = {name: report[name] for name in ("prediction", "judged", "leaning", "odds", "reasons")}
    assert told == {"prediction": prediction, "judged": title != "Cannot be judged",
                    "leaning": leaning, "odds": odds, "reasons": [code]}  # fmt: skip
    assert report["probability_fake"] == probability
    assert report["model"]["profile"] in ("strict", "balanced", "sensitive")
    (track,) = report["tracks"]
    assert (track["leaning"], track["odds"]) == (leaning, odds)
    page, pdf = page_and_pdf(client, report)
    for words in (page, pdf):
        assert headline in words and title in words and "What you can do" in words
        assert "TinEye" in words
    # A real one is promised to nobody.
    head = "No manipulation found" if title == "Real" else title
    assert f"<span>{head}</span></h1>" in page and f"<strong>{title}</strong>" in page
    better = "Send the original" in page
    assert better is (title in ("Leans fake", "Undecided", "Leans real"))


def test_a_file_that_is_never_called_real_has_no_such_threshold_anywhere(ask):
    client, report = ask("Leans real", threshold_real=None)
    assert report["thresholds"]["real"] is None
    for words in page_and_pdf(client, report):
        assert "Real up to" not in words and "never Real" in words


@pytest.mark.parametrize("title", ["Leans fake", "Cannot be judged"])
def test_rows_of_the_command_line_say_the_same(pipeline, portrait, settings, title, capsys):
    upload = intake.check(portrait, portrait.name, settings)
    row = to_row("a.jpg", Says(pipeline, title).analyse(upload, None))
    prediction, probability, leaning, odds, _, _ = STATES[title]
    line, cells = StringIO(), StringIO()
    rows.json_lines(line)(row)
    rows.comma_separated(cells)(row)
    told = json.loads(line.getvalue())
    assert (told["judged"], told["leaning"], told["odds"]) == (bool(probability), leaning, odds)
    (cell,) = csv.DictReader(StringIO(cells.getvalue()))
    assert cell["judged"] == str(bool(probability)).lower()
    assert (cell["leaning"], cell["odds"]) == (leaning or "", str(odds or ""))
    assert cell["profile"] == told["model"]["profile"]
    table.print_table([row])
    assert title in capsys.readouterr().out


def test_a_name_of_another_type_is_noted_everywhere(client, portrait, pipeline, settings):
    names = {
        "IMG_0001.heic": "The file is named .heic, but it is a JPEG picture.",
        "blob": "The file's name does not say its type. It is a JPEG picture.",
        "setup.exe": "The file is named .exe, but it is a JPEG picture.",
        "image.jfif": None,
    }
    for name, told in names.items():
        data = {"file": (BytesIO(portrait.read_bytes()), name)}
        report = client.post("/predict", data=data).json
        notes = [{"code": "named_otherwise", "text": told}] if told else []
        assert (report["notes"], report["media"]["format"]) == (notes, "jpeg")
        page, pdf = page_and_pdf(client, report)
        if told:
            assert told in page.replace("&#39;", "'") and told in pdf
        row = to_row(name, pipeline.analyse(intake.check(portrait, name, settings), None))
        assert row["notes"] == notes


def test_odds_in_words():
    said = [to_one(odds).replace("\N{NO-BREAK SPACE}", " ") for odds in (1.5, 2, 2.5, 7.2, 500)]
    assert said == [
        "about 3 to 2", "about 2 to 1", "about 5 to 2", "about 7 to 1", "more than 99 to 1"
    ]  # fmt: skip
