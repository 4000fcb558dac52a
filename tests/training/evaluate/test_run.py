"""The measurement end to end: the product judges a tiny data folder, and its pages are written."""

import json

import pytest

from backend.errors import SetupError
from backend.models.model_file import read_config
from backend.models.registry import open_scorer
from backend.training.augment.conditions import CONDITIONS
from backend.training.data.index import read_index
from backend.training.evaluate.files import judge_files
from backend.training.evaluate.robustness import robustness
from backend.training.evaluate.run import run
from tests.training_data import CLIPS, PICTURES, row


@pytest.fixture(scope="module")
def docs(tmp_path_factory):
    return tmp_path_factory.mktemp("docs")


def test_files_are_judged_whole_and_written_as_numbers_card_and_sources(data, docs, settings):
    out, written = docs / "evaluate.json", docs / "MODEL_CARD.md"
    told = run(settings, data, docs / "runs", ["val", "dev-b"], out, written, quick=True)
    document = json.loads(out.read_text())
    files = {(r["split"], r["kind"], r["name"]): r["files"] for r in document["people"]}
    for split in ("val", "dev-b"):
        assert files[split, "image", "Real pictures"] == PICTURES
        assert files[split, "video", "Manipulated clips"] == CLIPS
        assert f"## {split}" in told
    assert document["model"]["sha256"] == read_config(settings.model).sha256
    assert document["model"]["profile"] == settings.profile
    assert '\n  {"split": "train"' in out.read_text()  # a row of the tables a line
    assert "| Real pictures |" in written.read_text()
    assert "| page | real |" in (docs / "measurements" / "sources.md").read_text()
    for page in (told, out.read_text(), written.read_text()):
        assert str(docs) not in page and str(data) not in page, "a place on this machine"


def test_a_split_that_is_unknown_or_empty_stops_the_command(data, docs, settings):
    with pytest.raises(SetupError, match="Unknown split"):
        run(settings, data, docs, ["dev"])
    with pytest.raises(SetupError, match="no training data"):
        run(settings, docs / "nothing", docs, ["dev-b"])


def test_a_file_that_cannot_be_judged_is_told_with_its_reason(data, settings):
    (data / "junk.jpg").write_bytes(b"junk")
    rows = [row("lost.jpg"), row("junk.jpg"), next(r for r in read_index(data) if not r.fake)]
    lost, junk, good = judge_files(settings, data, rows)
    assert (lost.problem, junk.problem, good.problem) == ("missing", "unsupported_type", None)
    assert lost.logit != lost.logit and good.verdict.probability_fake is not None


def test_lost_quality_is_measured_on_the_same_faces(faces, settings):
    config = read_config(settings.model)
    folder = settings.model.parent
    scorers = {
        member.name: open_scorer(member, folder, settings.cache, settings.engine)
        for member in config.members
    }
    rows = robustness(scorers, config, faces.of("dev-b"), resamples=10)
    for kind in ("video", "image"):  # of the pictures, those that a window fits into
        own = [row for row in rows if row["kind"] == kind]
        assert [row["condition"] for row in own] == list(CONDITIONS)
        assert len({row["faces"] for row in own}) == 1
        assert own[0]["drop"]["value"] == 0
