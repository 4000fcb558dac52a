"""The bench: its clips are what they say, and its tables are filled by a real run."""

from __future__ import annotations

import os

import pytest

from backend.bench import clips, engines, stages
from backend.bench.sound import with_speech
from backend.cli.commands import main
from backend.media.decode import Decoder
from tests.made_media import decode


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setitem(clips.SIZES, "small", (640, 360))


@pytest.mark.parametrize(("codec", "name"), [("H.264", "h264"), ("VP9", "vp9")])
def test_a_long_clip_is_ten_seconds_repeated(tmp_path, codec, name):
    path = clips.make_clip(tmp_path, "small", codec, 60)
    media, frames = decode(path, moments=6)
    assert (media.codec, media.width, media.height) == (name, 640, 360)
    assert media.duration == pytest.approx(60, abs=0.2) and media.fps == pytest.approx(30, rel=0.01)
    assert frames[-1].time > 45 and len(frames) == 6


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="Linux only")
def test_making_clips_leaves_the_priority_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(clips, "SECONDS", 1)
    clips.make_clip(tmp_path, "small", "AV1", seconds=1)
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_the_stages_of_a_clip_and_the_engines_are_measured(tmp_path, pipeline, make_settings):
    settings = make_settings(moments=2)
    faces = pipeline.faces
    parts = stages.Parts(
        settings, Decoder(settings), faces.detector, faces.classifier, pipeline.voice
    )
    clip = with_speech(clips.make_clip(tmp_path, "small"), 10)
    row = stages.measure(parts, {"the clip": clip}, repeats=1).splitlines()[-1]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[0] == "the clip" and cells[1] == "2" and int(cells[2]) >= 1
    assert all(float(cell) > 0 for cell in cells[3:])
    table = engines.measure(settings, repeats=1, keras=False)
    assert [line.split("|")[1].strip() for line in table.splitlines()].count("openvino") == 3


def test_a_profile_says_where_the_time_goes(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DEEPFAKE_MOMENTS", "2")
    out = tmp_path / "profile.md"
    clip = str(clips.make_clip(tmp_path, "small"))
    assert main(["measure", "profile", clip, "--out", str(out)]) == 0
    page = out.read_text()
    assert capsys.readouterr().out == page
    assert all(f"| {stage} |" in page for stage in (*stages.STAGES, "decode, its process"))
