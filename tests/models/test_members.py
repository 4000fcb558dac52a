"""A Keras model that somebody puts beside the others: its votes are told, and change nothing."""

import csv
import json
import os
import re
import subprocess
import sys
from io import BytesIO, StringIO

import pytest
from pypdf import PdfReader

from backend.analysis.pipeline import build_pipeline
from backend.cli import rows, table
from backend.cli.commands import main
from backend.media import intake
from backend.report.build import to_row
from backend.settings import ROOT, load_settings
from tests.made_models import keras_models, rewrite, sha256

HTML = {"Accept": "text/html"}
MODEL = "temp_model.h5"


def documented():
    """The JSON of a pair as docs/members.md shows it."""
    text = (ROOT / "docs" / "members.md").read_text(encoding="utf-8")
    return json.loads(re.search(r"```json\n(.*?)```", text, re.DOTALL)[1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The committed model without its idle pairs, and a small one of 64 px beside it."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "models").mkdir()
    for name in (MODEL, "temp_model.json", "models/pixels.h5", "models/temporal.h5"):
        (folder / name).symlink_to(ROOT / name)
    keras_models(folder / "models", 'stack("mine", G(), D(1, activation="sigmoid"))')
    mine = folder / "models" / "mine.h5"
    own = documented() | {"sha256": sha256(mine), "input_size": 64}
    mine.with_suffix(".json").write_text(json.dumps(own))
    return folder


@pytest.fixture(scope="module")
def asked(folder):
    """A pipeline that asks everyone who is there."""
    return build_pipeline(load_settings(_env_file=None, model=folder / MODEL, ensemble="all"))


@pytest.fixture
def tested(asked, measured):
    """What was measured of two of the models, as the applications made from now on know it."""
    facts = asked.faces.classifier.facts_of_members.values()

    def errors(auc):
        return {
            "split": "dev-b", "kind": "image", "real": 40, "fake": 40, "auc": auc,
            "auc_low": auc - 0.01, "auc_high": auc + 0.01, "real_called_fake": 0.025,
            "fake_called_real": 0.125, "answered": 0.5, "milliseconds": 7.5,
        }  # fmt: skip

    def write(path):
        known = zip(facts, (0.8, 0.9), strict=False)  # of mine nothing was measured
        told = [{"facts": own, "measured": [errors(auc)]} for own, auc in known]
        path.write_text(json.dumps({"models": told}))

    return write


def sent(app, path):
    data = {"file": (BytesIO(path.read_bytes()), path.name)}
    return app.test_client().post("/predict", data=data).get_json()


def test_its_votes_are_told_everywhere_and_change_nothing(
    make_app, make_settings, asked, pipeline, portrait, clip, tested, tmp_path, capsys
):
    tested(tmp_path / "docs" / "measurements" / "models.json")
    app = make_app(pipeline=asked)
    client, usual = app.test_client(), make_app()
    report = sent(app, portrait)
    votes = {vote["name"]: vote for vote in report["models"]}
    assert list(votes) == ["face", "pixels", "mine"]
    assert votes["face"]["weight"] + votes["pixels"]["weight"] == pytest.approx(1, abs=1e-3)
    assert votes["mine"]["weight"] == 0 < votes["mine"]["probability_fake"] < 1
    assert all(vote["milliseconds"] > 0 for vote in votes.values())
    without = sent(usual, portrait)
    assert report["probability_fake"] == without["probability_fake"]
    assert report["model"] == without["model"]
    assert [v["probability_fake"] for v in without["models"]] == [
        votes[name]["probability_fake"] for name in ("face", "pixels")
    ]
    assert [vote["name"] for vote in sent(app, clip)["models"]] == ["face", "temporal", "mine"]

    page = client.get(report["url"], headers=HTML).text
    told = page.partition("How the models voted")[2].partition("</table>")[0]
    names = re.findall(r'<th scope="row">(\w+)</th>', told)
    assert names == ["pixels", "face", "mine"]  # by how well they did in tests
    assert "pixels told real from manipulated pictures best" in told
    assert told.count("<td>2.5\N{NO-BREAK SPACE}%</td><td>12.5\N{NO-BREAK SPACE}%</td>") == 2
    assert "<td>no</td><td>–</td><td>–</td>" in told
    own = f"/api/v1/analyses/{report['id']}"
    pdf = PdfReader(BytesIO(client.get(f"{own}/report.pdf").data))
    text = " ".join(" ".join(page.extract_text() for page in pdf.pages).split())
    assert "How the models voted" in text and "no – –" in text
    faces = list(csv.DictReader(StringIO(client.get(f"{own}/frames.csv").text)))
    of_face = report["frame_analysis"]["frames"][0]["faces"][0]["models"]
    assert faces[0]["model_mine"] == str(of_face["mine"]) and of_face.keys() == votes.keys()

    checked = intake.check(portrait, portrait.name, make_settings())
    row = to_row(portrait.name, asked.analyse(checked, None))
    assert [vote["name"] for vote in row["models"]] == ["face", "pixels", "mine"]
    out = StringIO()
    rows.comma_separated(out)(row)
    cell = list(csv.DictReader(StringIO(out.getvalue())))[0]["models"]
    assert f"mine={votes['mine']['probability_fake']}" in cell.split(";")
    table.print_table([row])
    assert "mine " in capsys.readouterr().out


def test_the_models_are_listed_with_what_is_known(make_app, asked, folder, tested, tmp_path):
    tested(tmp_path / "docs" / "measurements" / "models.json")
    told = make_app(pipeline=asked).test_client().get("/api/v1/models").get_json()
    face, pixels, temporal, mine = told["models"]
    uses = [each["use"] for each in (face, pixels, temporal, mine)]
    assert uses == ["decides", "decides", "decides", "shown"]
    path = folder / "models" / "mine.h5"
    assert (mine["size"], mine["sha256"]) == (path.stat().st_size, sha256(path))
    assert mine["trained_on"] and mine["licence"] == "CC BY 4.0" and not mine["measured"]
    assert face["weights"]["video"] + temporal["weights"]["video"] == pytest.approx(1, abs=1e-3)
    assert set(mine["weights"].values()) == {0}
    assert pixels["weights"].keys() == {"image"} and pixels["measured"][0]["auc"] == 0.9
    usual = make_app().test_client().get("/api/v1/models").get_json()
    assert {each["name"]: each["use"] for each in usual["models"]} == {
        "face": "decides", "pixels": "decides", "temporal": "decides",
        "meso4": "idle", "meso_inception4": "idle",
    }  # fmt: skip


def test_who_weighs_nothing_is_asked_and_shown(portrait, make_settings):
    settings = make_settings(model=ROOT / MODEL, ensemble="all")
    pipeline = build_pipeline(settings)
    clips = pipeline.faces.classifier.of("video")
    weights = {voter.card.name: voter.weight for voter in clips.voters}
    assert weights.keys() == {"face", "temporal", "meso4", "meso_inception4"}
    assert weights["meso4"] == weights["meso_inception4"] == 0 < weights["face"]
    found = pipeline.analyse(intake.check(portrait, "a.jpg", settings), None)
    votes = {vote.name: vote.probability_fake for vote in found.votes}
    assert {"meso4", "meso_inception4"} <= votes.keys() and len(set(votes.values())) > 2


def test_it_can_judge_alone(folder, portrait, make_settings):
    settings = make_settings(model=folder / MODEL, ensemble="mine")
    found = build_pipeline(settings).analyse(intake.check(portrait, "a.jpg", settings), None)
    (vote,) = found.votes
    assert vote.name == found.model.name == "mine" and vote.weight == 1
    assert vote.probability_fake == found.verdict.probability_fake


@pytest.mark.parametrize(
    ("ensemble", "change", "sentence"),
    [
        ("face,mine", {}, "were not calibrated together"),
        ("default", {"sha256": "0" * 64}, "models/mine.h5 and models/mine.json do not belong"),
        ("all", {"input_size": 96}, "mine.h5"),
        ("all", {"output": "softmax"}, "The output of models/mine.h5 does not fit its JSON"),
    ],
)
def test_members_that_do_not_fit_stop_the_start(
    folder, portrait, monkeypatch, capsys, ensemble, change, sentence
):
    mine = folder / "models" / "mine.h5"
    before = mine.with_suffix(".json").read_text()
    rewrite(mine, lambda own: own.update(change))
    monkeypatch.setenv("DEEPFAKE_MODEL", str(folder / MODEL))
    monkeypatch.setenv("DEEPFAKE_ENSEMBLE", ensemble)
    try:
        assert main(["predict", str(portrait)]) == 2
    finally:
        mine.with_suffix(".json").write_text(before)
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1].startswith("error: ") and sentence in said[-1]


def test_the_server_does_not_listen_with_a_member_that_is_not_there():
    command = [sys.executable, "-m", "backend", "serve", "--port", "1"]
    environment = os.environ | {"DEEPFAKE_ENSEMBLE": "face,nobody"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: DEEPFAKE_ENSEMBLE: there is no member 'nobody'. Expected default, all, or names of "
        "face, pixels, temporal, meso4, meso_inception4."
    ]
