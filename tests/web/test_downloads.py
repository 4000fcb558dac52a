"""Downloads of an analysis and the model card: what they hold, strangers' text, expiry."""

import csv
import json
from concurrent.futures import ThreadPoolExecutor, as_completed
from io import BytesIO, StringIO
from threading import Event

import pytest
from PIL import Image
from pypdf import PdfReader

from backend.report import pdf
from backend.report.csv_tables import frames_csv
from backend.settings import ROOT
from backend.web.downloads import WAITING
from backend.wording import ANSWERS, answer_kind, clock, exact, percent
from tests import made_media

HTML = {"Accept": "text/html"}
KINDS = ("report.pdf", "frames.csv", "report.json")


def analyse(client, path, name=None) -> dict:
    data = {"file": (BytesIO(path.read_bytes()), name or path.name)}
    response = client.post("/predict", data=data)
    assert response.status_code == 200, response.text
    return response.json


def download(client, report, kind):
    response = client.get(f"/api/v1/analyses/{report['id']}/{kind}")
    assert response.status_code == 200, response.text
    disposition = response.headers["Content-Disposition"]
    assert disposition.startswith("attachment")
    assert response.headers["Cache-Control"] == "no-store"
    return response


def read_pdf(client, report) -> PdfReader:
    return PdfReader(BytesIO(download(client, report, "report.pdf").data), strict=True)


def printed(document: PdfReader) -> str:
    """The text of all pages on one line, with its spaces evened out."""
    return " ".join(" ".join(page.extract_text() for page in document.pages).split())


def test_the_csv_and_the_json_say_what_the_report_says(client, clip):
    report = analyse(client, clip)
    assert download(client, report, "report.json").json == report
    text = download(client, report, "frames.csv").text
    rows = list(csv.DictReader(StringIO(text)))
    faces = [(frame, face) for frame in report["frame_analysis"]["frames"]
             for face in frame["faces"] or [None]]  # fmt: skip
    assert len(rows) == len(faces) > 1
    for row, (frame, face) in zip(rows, faces, strict=True):
        assert (int(row["frame"]), float(row["time_s"])) == (frame["index"], frame["time"])
        if face is not None:
            assert row["person"] == f"Person {face['track'] + 1}"
            assert [float(row[edge]) for edge in ("left", "top", "right", "bottom")] == face["box"]
            assert row["probability_fake"] == str(face["probability"] or "")


def test_reports_that_too_many_ask_for_at_once_are_refused(client, portrait, monkeypatch):
    report = analyse(client, portrait)
    address, free = f"/api/v1/analyses/{report['id']}/report.pdf", Event()
    monkeypatch.setattr(pdf, "pdf_report", lambda *_: free.wait(60) and b"%PDF")

    def ask():
        return client.application.test_client().get(address)

    with ThreadPoolExecutor(WAITING + 1) as pool:
        asked = [pool.submit(ask) for _ in range(WAITING + 1)]
        refused = next(as_completed(asked)).result()
        free.set()
    assert refused.status_code == 503 and int(refused.headers["Retry-After"]) > 0
    assert sorted(each.result().status_code for each in asked) == [200] * WAITING + [503]


def test_the_pdf_can_be_filed(client, clip):
    report = analyse(client, clip)
    document = read_pdf(client, report)
    text = printed(document)
    fixed = [ANSWERS[answer_kind(report)], clip.name, "A score is not a proof", report["id"]]
    hashes = [report["provenance"]["sha256"], report["model"]["sha256"]]
    for expected in [*fixed, *hashes, *report["explanation"], "When: probability", "Person 1"]:
        assert " ".join(expected.split()) in text, expected
    assert report["created_at"][:10] in text
    assert sum(len(page.images) for page in document.pages) > 2
    assert f"Page 1 of {len(document.pages)}" in text
    assert all(len(page.extract_text().split()) > 50 for page in document.pages)  # none is empty
    assert {"/Names", "/AA", "/AcroForm"} & set(document.root_object) == set()
    assert all("/Annots" not in page for page in document.pages)
    fonts = [
        f.get_object() for page in document.pages for f in page["/Resources"]["/Font"].values()
    ]
    descriptors = [f["/DescendantFonts"][0].get_object()["/FontDescriptor"] for f in fonts]
    assert all("/FontFile2" in descriptor for descriptor in descriptors)  # all are embedded


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("视频 – 顔 얼굴.jpg", "视频 – 顔 얼굴.jpg"),
        ("صورة.jpg", None),  # joined letters are extracted as what they look like
        ("<script>alert(1)</script>(a).jpg", "script>(a).jpg"),
        ("\u202egpj.exe\x07 (JS) >> endobj.jpg", "gpj.exe (JS) >> endobj.jpg"),
        ("🙂🙂 'a'; filename=b.jpg", "<U+1F642><U+1F642> 'a'; filename=b.jpg"),
    ],
)
def test_names_in_any_script_and_hostile_ones_are_only_text(client, portrait, name, shown):
    report = analyse(client, portrait, name)
    document = read_pdf(client, report)
    text = printed(document)
    assert report["provenance"]["sha256"] in text and "\u202e" not in text
    assert shown is None or shown.rsplit("/", 1)[-1] in text
    assert not {"/Names", "/AA", "/AcroForm"} & set(document.root_object)
    for kind in KINDS:
        saved = download(client, report, kind).headers["Content-Disposition"]
        assert "\n" not in saved and saved.count("filename=") == 1 and ".exe" not in saved
        assert saved.endswith(kind) or saved.endswith(f'{kind}"')
    page = client.get(report["url"], headers=HTML).text
    assert "<script>alert" not in page and "\u202e" not in page


def test_hostile_notes_in_the_file_are_escaped_everywhere(client, tmp_path):
    from PIL import Image

    exif = Image.Exif()
    exif[0x010F] = "<img src=x onerror=alert(1)>"  # Make
    exif[0x0131] = "=HYPERLINK(1)\u202e"  # Software
    report = analyse(client, made_media.astronaut_jpeg(tmp_path / "noted.jpg", exif=exif))
    page = client.get(report["url"], headers=HTML).text
    assert "<img src=x" not in page and "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<img src=x onerror=alert(1)>" in printed(read_pdf(client, report))
    rows = csv.reader(StringIO(download(client, report, "frames.csv").text))
    assert not any(cell.startswith(("=", "@")) for row in rows for cell in row)


def test_a_text_that_starts_like_a_formula_is_no_formula(client, portrait):
    report = analyse(client, portrait)
    report["tracks"][0]["name"] = "=1+1"
    assert list(csv.DictReader(StringIO(frames_csv(report))))[0]["person"] == "'=1+1"


@pytest.mark.parametrize("faces", ["none", "too small"])
def test_without_a_score_every_download_opens(client, tmp_path, faces):
    size = (16, 16) if faces == "none" else (110, 110)
    report = analyse(client, made_media.astronaut_jpeg(tmp_path / "picture.jpg", size))
    assert report["probability_fake"] is None
    text = printed(read_pdf(client, report))
    assert "could be judged, so there is no score" in text
    assert len(download(client, report, "frames.csv").text.splitlines()) == 2
    page = client.get(report["url"], headers=HTML)
    assert page.status_code == 200 and "could be judged, so there is no score" in page.text


def test_a_very_narrow_picture_is_printed_with_its_caption(client, tmp_path):
    path = tmp_path / "narrow.png"
    Image.new("RGB", (10, 2000), "grey").save(path)
    assert "No face found" in printed(read_pdf(client, analyse(client, path)))


def test_what_is_gone_cannot_be_downloaded(make_app, portrait):
    now = [1_800_000_000.0]
    client = make_app(clock=lambda: now[0]).test_client()
    id = analyse(client, portrait)["id"]
    now[0] += 3600
    for kind in KINDS:
        gone = client.get(f"/api/v1/analyses/{id}/{kind}")
        assert (gone.status_code, gone.json["error"]["code"]) == (410, "gone")
        assert client.get(f"/api/v1/analyses/nothing/{kind}").status_code == 404


def test_the_openapi_document_lists_the_downloads(client):
    paths = client.get("/openapi.json").json["paths"]
    types = {"report.pdf": "application/pdf", "frames.csv": "text/csv"}
    for kind in KINDS:
        answers = paths[f"/api/v1/analyses/{{id}}/{kind}"]["get"]["responses"]
        assert {"200", "404", "410"} <= set(answers)
        assert types.get(kind, "application/json") in answers["200"]["content"]


def test_errors_are_told_only_of_the_model_they_were_measured_on(make_app, measured, portrait):
    app = make_app()
    client = app.test_client()
    report = analyse(client, portrait)
    folder = app.extensions["storage"].picture(report["id"], "frame-000.jpg").parent
    report |= {"prediction": "Fake", "probability_fake": 0.93, "leaning": None}
    report["face"] |= {"verdict": "Fake", "probability_fake": 0.93, "leaning": None}
    edges = (("real", 0, 0.5), ("fake", 0.5, 1))
    report["bands"] = [dict(zip(("kind", "low", "high"), edge, strict=True)) for edge in edges]
    doubt = "Of 100 files with this answer in our tests, 82 to 95 were manipulated."
    for sha256, told in ((measured["model"]["sha256"], True), ("0" * 64, False)):
        report["model"]["sha256"] = sha256
        (folder / "report.json").write_text(json.dumps(report))
        page = client.get(report["url"], headers=HTML).text
        text = printed(read_pdf(client, report))
        for words in (page, text):
            for sentence in (doubt, "Real pictures", "12.5"):
                assert (sentence in words) is told, sentence
            assert "Real clips" not in words
            assert ("was not measured for this model" in words) is not told


def test_a_moment_is_written_as_the_page_writes_it():
    """As `Math.round` does, which rounds halves up."""
    assert [clock(s) for s in (0.05, 0.25, 4.25, 65.25)] == ["0:00.1", "0:00.3", "0:04.3", "1:05.3"]


def test_a_score_and_the_threshold_that_it_misses_are_written_apart():
    assert percent(0.9672) == percent(0.9674)
    assert exact(0.96738) == "96.74\N{NO-BREAK SPACE}%" != percent(0.9672)
    assert exact(0.4) == "40\N{NO-BREAK SPACE}%"


def test_a_tie_is_rounded_up_as_the_browser_does_it():
    said = [percent(p) for p in (0.0125, 0.0375, 0.125)]
    assert said == ["1.3\N{NO-BREAK SPACE}%", "3.8\N{NO-BREAK SPACE}%", "13\N{NO-BREAK SPACE}%"]


def test_the_model_page_says_whether_it_is_about_the_model_in_use(make_app, measured, tmp_path):
    (tmp_path / "docs" / "MODEL_CARD.md").write_text("# The card\n\n| a |\n|---|\n| b |\n")
    other = "What runs here differs"
    for profile, differs in (("balanced", False), ("strict", True)):
        measured["model"]["profile"] = profile
        (tmp_path / "docs" / "measurements" / "evaluate.json").write_text(json.dumps(measured))
        page = make_app().test_client().get("/model/", headers=HTML).text
        assert "<h1>The card</h1>" in page and "<td>b</td>" in page
        assert (other in page) is differs


def test_the_model_card_is_a_page(client):
    page = client.get("/model/", headers=HTML)
    card = json.loads((ROOT / "temp_model.json").read_text())
    assert page.status_code == 200 and card["name"] in page.text
    assert "<table>" in page.text and "|---|" not in page.text
    assert client.get("/model/contact_sheet.jpg").mimetype == "image/jpeg"
    assert client.get("/model/WEIGHTS_LICENSE.md", headers=HTML).status_code == 200
    for outside in (
        "../README.md",
        "..%2fREADME.md",
        "../temp_model.json",
        "nothing.md",
        "/x.md",
        "a" * 300 + ".md",
        "a%00.md",
    ):
        assert client.get(f"/model/{outside}").status_code in (404, 308), outside
