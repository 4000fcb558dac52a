"""The command line, as a real process: rows, order, exit codes, saved frames."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backend.cli.predict import find_files
from backend.settings import ROOT
from tests import made_media

KEYS = {
    "path", "status", "prediction", "judged", "confidence", "probability_fake", "leaning", "odds",
    "reasons", "faces", "frames_analysed", "seconds", "model",
}  # fmt: skip


def backend(*args, **environment):
    return subprocess.run(
        [sys.executable, "-m", "backend", *map(str, args)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def rows(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def folder(tmp_path, portrait):
    """a.jpg, b/a.jpg with a face; c.jpg broken; notes.txt no picture."""
    folder = tmp_path / "in"
    (folder / "b").mkdir(parents=True)
    shutil.copy(portrait, folder / "a.jpg")
    shutil.copy(portrait, folder / "b" / "a.jpg")
    made_media.cut(portrait, 0.4, folder / "c.jpg")
    (folder / "notes.txt").write_text("no picture")
    return folder


def test_a_row_for_each_file_in_order_and_exit_three(folder, tmp_path):
    saved = tmp_path / "saved"
    missing = folder / "missing.jpg"
    done = backend("predict", missing, folder, "--format", "jsonl", "--save-frames", saved)
    answers = rows(done)
    assert done.returncode == 3, done.stderr
    names = ["missing.jpg", "a.jpg", "b/a.jpg", "c.jpg", "notes.txt"]
    assert [row["path"] for row in answers] == [str(folder / name) for name in names]
    assert [row["status"] for row in answers] == ["error", "success", "success", "error", "error"]
    assert all(set(row) >= KEYS for row in answers)
    assert answers[0]["error"]["code"] == "no_such_file"
    assert answers[3]["prediction"] is None and answers[3]["error"]["message"]
    assert answers[1]["faces"] == 1
    assert "3 of 5 files got no answer." in done.stderr
    folders = {row["saved_to"] for row in answers[1:3]}
    assert len(folders) == 2
    assert sorted(path.name for path in saved.iterdir()) == ["a", "a-2"]
    assert all((saved / name / "frame-000.jpg").stat().st_size for name in ("a", "a-2"))


def test_what_cannot_be_reached_is_a_row_and_stops_nothing(folder):
    long = folder / (300 * "a" + ".jpg")
    done = backend("predict", long, folder / "a.jpg", "--format", "jsonl")
    assert done.returncode == 3, done.stderr
    assert [row["status"] for row in rows(done)] == ["error", "success"]
    assert rows(done)[0]["error"]["code"] == "no_such_file" and "Traceback" not in done.stderr


def test_nothing_in_a_folder_is_passed_over(tmp_path, portrait):
    place = tmp_path / "odd"
    (place / "sub" / ".hidden").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    for name in ("nameless", ".trashed-b.jpg", "sub/.hidden/c.JPG"):
        shutil.copy(portrait, place / name)
    (place / "linked.jpg").symlink_to(portrait)
    (place / "broken.jpg").symlink_to("nowhere")
    (place / "loop").symlink_to(place)
    (place / "empty.jpg").touch()
    os.mkfifo(place / "pipe.jpg")
    out = place / "rows.jsonl"
    done = backend("predict", place, tmp_path / "empty", f"{place}/su?", "--out", out)
    assert done.returncode == 3, done.stderr
    written = [json.loads(line) for line in out.read_text().splitlines()]
    answers = {os.path.relpath(row["path"], place): row for row in written}
    pictures = {".trashed-b.jpg", "sub/.hidden/c.JPG", "linked.jpg"}
    errors = {
        "broken.jpg": "no_such_file", "loop": "unreadable", "pipe.jpg": "unreadable",
        "empty.jpg": "empty_file", "../empty": "no_such_file",
    }  # fmt: skip
    assert set(answers) == pictures | set(errors) | {"nameless"}
    assert len(written) == len(answers) + 1  # the glob has matched a folder that was judged before
    assert all(answers[name]["status"] == "success" for name in pictures)
    assert {name: answers[name]["error"]["code"] for name in errors} == errors
    again = backend("predict", place, "--out", out, "--resume")
    assert again.returncode == 3 and len(out.read_text().splitlines()) == len(written)


def test_folders_and_files_without_permission_are_passed_on(tmp_path, monkeypatch):
    inside = tmp_path / "in" / "locked"
    inside.mkdir(parents=True)
    (tmp_path / "in" / "a.jpg").touch()

    def scan(place, scandir=os.scandir):
        if Path(place) == inside:  # root may read everything
            raise PermissionError(13, "Permission denied", str(place))
        return scandir(place)

    monkeypatch.setattr(os, "scandir", scan)
    assert list(find_files([str(tmp_path / "in")])) == [tmp_path / "in" / "a.jpg", inside]


def test_a_glob_and_a_table_and_exit_zero(folder):
    done = backend("predict", f"{folder}/**/a.jpg")
    assert done.returncode == 0, done.stderr
    head, *lines = done.stdout.splitlines()
    assert "Answer" in head and len(lines) == 2
    assert all(line.startswith(str(folder)) for line in lines)


@pytest.mark.parametrize(
    ("args", "environment"),
    [
        (["predict"], {}),
        (["unknown"], {}),
        (["predict", "tests/journeys/nothing-here", "--format", "xml"], {}),
        (["predict", "wsgi.py"], {"DEEPFAKE_MODEL": "missing.h5"}),
        (["serve"], {"DEEPFAKE_MODEL": "missing.h5", "DEEPFAKE_PORT": "5099"}),
        (["serve"], {"DEEPFAKE_PORT": "many"}),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_two(args, environment):
    done = backend(*args, **environment)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "error:" in done.stderr and "Traceback" not in done.stderr


def test_rows_that_cannot_be_written_are_one_sentence_and_exit_two(portrait):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "backend", "predict", str(portrait), "--format", "jsonl"],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=300,
        )
    assert done.returncode == 2
    assert "error: Cannot write the rows: No space" in done.stderr
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr


def test_interrupting_is_clean(folder):
    command = [sys.executable, "-m", "backend", "predict", *[str(folder)] * 300]
    command += ["--format", "jsonl"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test run started in the background hands on that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    process.stdout.readline()  # it is at work
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in complaints


def test_an_interrupt_that_falls_into_a_destructor_is_not_lost():
    program = """
import signal, time
from backend.cli.commands import answered

class Interrupted:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

def command():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    Interrupted()
    for _ in range(300):
        time.sleep(0.1)

raise SystemExit(answered(command))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 130
    assert done.stderr == "interrupted\n"
