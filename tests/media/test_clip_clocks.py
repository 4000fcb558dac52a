"""Clips whose clock jumps: what counts is the time for which frames are really shown."""

from __future__ import annotations

from typing import get_args

import pytest

from backend.errors import TooLong
from backend.media.checks import NOTES
from backend.media.decode import Decoder
from backend.media.intake import check
from backend.report.schema_parts import Note
from backend.settings import load_settings
from tests.made_media import astronaut_clip, read_stamp

HOUR = 3600.0
GAP = [*(n / 25 for n in range(25)), *(HOUR + n / 25 for n in range(25, 50))]
LATE = [0.0, *(9000 + n / 25 for n in range(1, 50))]  # the first frame of a live stream's recording
THRICE = [HOUR * (n // 20) + n / 25 for n in range(50)]
PYRAMID = {"preset": "veryfast", "bf": "3"}


def read(path, **limits):
    settings = load_settings(_env_file=None, **limits)
    with Decoder(settings).open(check(path, path.name, settings)) as clip:
        return clip.media, list(clip), [note.code for note in clip.facts.notes]


def assert_whole(media, frames, notes):
    assert media.duration == pytest.approx(2.0, abs=0.1) and media.frames == 50
    assert media.fps == pytest.approx(25, rel=0.02)
    shown = [read_stamp(frame.image) for frame in frames]
    assert len(shown) == 10 and shown == sorted(set(shown)) and shown[-1] > 40
    assert [frame.time for frame in frames] == pytest.approx([n / 25 for n in shown], abs=0.01)
    assert notes == ["clock_jumps"]


@pytest.mark.parametrize("times", [GAP, LATE, THRICE], ids=["gap", "late", "thrice"])
@pytest.mark.parametrize(
    ("name", "options"),
    [("a.mp4", PYRAMID), ("a.mkv", PYRAMID), ("a.flv", {}), ("a.ts", PYRAMID), ("a.mov", {})],
)
def test_a_leap_ahead_is_no_time_that_is_shown(tmp_path, name, options, times):
    path = astronaut_clip(tmp_path / name, times=times, size=(256, 64), **options)
    assert_whole(*read(path, moments=10))


@pytest.mark.parametrize("name", ["a.ts", "a.flv"])
@pytest.mark.parametrize("start", [0.0, 5000.0])
def test_joined_recordings_each_with_a_clock_of_its_own(tmp_path, name, start):
    halves = []
    for part, begins in enumerate((start, 0.0)):
        times = [begins + n / 25 for n in range(25)]
        path = astronaut_clip(
            tmp_path / f"{part}{name}", times=times, size=(256, 64), first=25 * part
        )
        halves.append(path.read_bytes()[13 * part if name == "a.flv" else 0 :])
    joined = tmp_path / name
    joined.write_bytes(b"".join(halves))
    assert_whole(*read(joined, moments=10))


def test_a_picture_that_stands_still_is_shown_for_that_long(tmp_path):
    times = [*(n / 25 for n in range(25)), 21.0, 21.04]
    path = astronaut_clip(tmp_path / "a.mp4", times=times, size=(256, 64))
    media, _, notes = read(path, moments=10)
    assert media.duration == pytest.approx(21.08, abs=0.05) and notes == []


def test_a_slow_clip_is_as_long_as_it_is(tmp_path):
    path = astronaut_clip(tmp_path / "a.mkv", times=[60.0 * n for n in range(40)], size=(256, 64))
    with pytest.raises(TooLong, match="1800 s"):
        read(path)
    media, frames, notes = read(path, max_duration=2500, moments=10)
    assert media.duration >= 2340 and frames[-1].time > 2000 and notes == []


def test_every_note_of_a_decoder_is_declared_in_the_schema():
    assert set(NOTES) < set(get_args(Note.model_fields["code"].annotation))
