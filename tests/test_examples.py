"""The example client of one file, against a real server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

from backend.settings import ROOT


def client(*arguments):
    command = [sys.executable, str(ROOT / "examples" / "client.py"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_each_file_is_a_line_with_its_report_or_its_error(live_server, portrait, tmp_path):
    (tmp_path / 'a "page".jpg').write_text("<!doctype html>")
    files = [portrait, tmp_path / 'a "page".jpg', tmp_path / "missing.jpg"]
    code, rows = client("--server", live_server.url, *files)
    assert code == 3
    assert [row["path"] for row in rows] == [str(file) for file in files]
    assert (rows[0]["state"], rows[0]["file"]["name"]) == ("done", portrait.name)
    assert [row["error"]["code"] for row in rows[1:]] == ["type_mismatch", "no_answer"]
    assert client("--server", live_server.url, portrait)[0] == 0


def test_a_name_that_is_no_utf_8_stops_nothing(live_server, portrait, tmp_path):
    strange = tmp_path / os.fsdecode(b"f\xe4lschung.jpg")
    shutil.copy(portrait, strange)
    code, rows = client("--server", live_server.url, strange, portrait)
    assert code == 0 and [row["state"] for row in rows] == ["done", "done"]


def test_without_a_server_it_says_so(portrait):
    code, [row] = client("--server", "http://127.0.0.1:1", portrait)
    assert (code, row["error"]["code"]) == (3, "no_answer")
