"""The command line's files of rows: JSON lines that a broken run is resumed from, and CSV."""

import csv
import json
import shutil
import subprocess
import sys
import time

import pytest

from backend.settings import ROOT
from tests import made_media, made_sound
from tests.cli.test_predict import backend


@pytest.fixture
def folder(tmp_path, portrait):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg", "=d.jpg"):
        shutil.copy(portrait, folder / name)
    made_media.cut(portrait, 0.4, folder / "c.jpg")
    made_sound.save(folder / "0.wav", made_sound.speech(3))
    return folder


def written(out):
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_a_killed_run_goes_on_where_it_broke(folder, tmp_path):
    out = tmp_path / "rows.jsonl"
    command = [sys.executable, "-m", "backend", "predict", str(folder), "--out", str(out)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    while not out.exists() or b"\n" not in out.read_bytes():
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    begun = [row["path"] for row in written(out)]
    with out.open("a") as stream:
        stream.write('{"path": "half a li')
    assert backend("predict", folder, "--out", out).returncode == 2  # not without being told
    done = backend("predict", folder, "--out", out, "--resume")
    assert done.returncode == 3 and done.stdout == ""
    rows = written(out)
    names = ["0.wav", "=d.jpg", "a.jpg", "b.jpg", "c.jpg"]
    assert begun and [row["path"] for row in rows] == [str(folder / name) for name in names]
    assert [row["status"] for row in rows] == ["success"] * 4 + ["error"]
    again = backend("predict", folder, "--out", out, "--resume")
    assert again.returncode == 3 and written(out) == rows


def test_csv_has_a_row_a_file_and_runs_nothing(folder, tmp_path, monkeypatch):
    out = tmp_path / "rows.csv"
    done = subprocess.run(
        [sys.executable, "-m", "backend", "predict", "=d.jpg", "c.jpg", "--out", str(out)],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        check=False,
    )
    assert done.returncode == 3
    with out.open(newline="") as stream:
        first, second = csv.DictReader(stream)
    assert (first["path"], first["status"]) == ("'=d.jpg", "success")
    assert 0 <= float(first["probability_fake"]) <= 1 and first["error"] == ""
    assert (second["prediction"], second["error"]) == ("", "cannot_decode")


@pytest.mark.parametrize(
    ("content", "args"),
    [
        ("not json\n", ["--resume", "--out", "{out}"]),
        ('{"path": "a", "status": "success", "model": {"sha256": "0", "profile": "strict"}}\n',
         ["--resume", "--out", "{out}"]),
        (None, ["--resume"]),
        (None, ["--resume", "--out", "{out}", "--format", "csv"]),
        (None, ["--out", "{out}", "--format", "table"]),
        (None, ["--out", "{out}/missing/rows.jsonl"]),
    ],
)  # fmt: skip
def test_wrong_use_is_one_sentence_and_changes_nothing(portrait, tmp_path, content, args):
    out = tmp_path / "rows.jsonl"
    if content:
        out.write_text(content)
    done = backend("predict", portrait, *[arg.format(out=out) for arg in args])
    assert done.returncode == 2 and done.stdout == ""
    assert "error:" in done.stderr and "Traceback" not in done.stderr
    assert (out.read_text() if content else None) == content and out.exists() == bool(content)
