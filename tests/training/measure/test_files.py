"""The measurement of people's files: what counts as right, and the page beside an earlier run."""

import json

import pytest

from backend.cli.commands import main
from backend.training.measure.files import cases, folders, requests, run
from backend.training.measure.files.cases import Case
from tests import made_media


def made(folder, _clips):
    """A picture that is read, its upper third, and a page that is called a picture."""
    whole = made_media.astronaut_jpeg(folder / "whole.jpg")
    page = folder / "page.jpg"
    page.write_bytes(b"<!DOCTYPE html><html></html>")
    cut = made_media.cut(whole, 0.3, folder / "cut.jpg")
    yield Case("names", whole)
    yield Case("names", page, cases.refused("HTML"))
    yield Case("names", cut, cases.like(), whole)


@pytest.mark.parametrize("unknown", [False, True])
def test_a_page_counts_right_answers_before_and_now(tmp_path, monkeypatch, capsys, unknown):
    monkeypatch.setattr(run, "MAKERS", (("names", made),))
    few = {name: folders.FOLDERS[name] for name in ("notes", "broken link")}
    monkeypatch.setattr(folders, "FOLDERS", few)
    monkeypatch.setattr(requests, "ASKED", requests.ASKED[-1:])
    before, page = tmp_path / "before.json", tmp_path / "files.md"
    right = {"names/page.jpg": False, "folders/notes": True, "folders/broken link": False}
    before.write_text(json.dumps({"commit": "abc", "right": {} if unknown else right}))
    kept = tmp_path / "now.json"
    args = ["--out", page, "--before", before, "--keep", kept, "--kinds", "names", "folders"]
    assert main(["measure", "files", *map(str, args)]) == 0
    assert capsys.readouterr().out == page.read_text()
    now = json.loads(kept.read_text())["right"]
    assert now == {
        "names/page.jpg": True, "names/cut.jpg": False,
        "folders/notes": True, "folders/broken link": True,
    }  # fmt: skip
    assert "| folders on the command line | 2 | " + ("–" if unknown else "1") in page.read_text()
    assert "| all | 4 | – | 3 |" in page.read_text()
    assert page.read_text().endswith("Wrong now: `names/cut.jpg`.\n")


def test_a_kind_and_a_clip_that_are_not_there_are_refused(tmp_path, capsys):
    assert main(["measure", "files", "--out", str(tmp_path / "x.md"), "--kinds", "films"]) == 2
    assert "Kinds are backdrop, " in capsys.readouterr().err
    assert main(["measure", "files", str(tmp_path), "--out", str(tmp_path / "x.md")]) == 2
    assert "real_1080p_a.mp4 is missing" in capsys.readouterr().err


def row(prediction="Real", probability=0.1, people=1, **more):
    tracks = [{"judged": 3}] * people + [{"judged": 0}]
    judged = {"judged": True, "tracks": tracks, "status": "success", "reasons": []}
    return judged | {"prediction": prediction, "probability_fake": probability} | more


def error(code, message):
    return {"status": "error", "judged": None, "error": {"code": code, "message": message}}


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (cases.judged(2), row(people=2), row(people=1)),
        (cases.like(0.05), row(probability=0.14), row(probability=0.2)),
        (cases.like(0.05), row("Inconclusive", 0.14), row("Fake", 0.14)),
        (cases.not_fake(1), row("Inconclusive", 0.9), row("Fake", 0.9)),
        (cases.refused("PDF"), error("x", "It is a PDF."), error("x", "It is a film.")),
        (cases.refused(), error("x", "Not known."), error("cannot_decode", "It is damaged.")),
        (cases.unjudged("a"), row(reasons=["a"]), row(reasons=["b"])),
    ],
)
def test_rules_tell_right_from_wrong(rule, good, bad):
    assert rule(good, row()) and not rule(bad, row())
