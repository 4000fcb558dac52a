"""Sound: the same 16 kHz mono whatever it is stored in, on the clip's clock, within limits."""

from __future__ import annotations

import os
import struct
import time
from contextlib import suppress
from random import Random

import av
import numpy as np
import pytest
from PIL import Image

from backend.errors import AppError, CannotDecode, NoSound, TooLong, UnsupportedCodec
from backend.media.formats import NAMED
from backend.media.intake import check
from backend.records.sound import RATE
from backend.settings import load_settings
from tests.made_media import astronaut_clip, cut, decoders
from tests.made_sound import (
    SOUNDS,
    clip_with,
    heard,
    hours_of_silence,
    music,
    save,
    silence,
    sine,
    speech,
)


def alike(samples: np.ndarray, other: np.ndarray) -> float:
    """Correlation of how loud two sounds are over time; codecs begin up to 0.1 s late or early."""
    loud = [
        np.sqrt((each[: len(each) // 160 * 160].reshape(-1, 160) ** 2).mean(1))
        for each in (samples, other)
    ]
    count = min(map(len, loud)) - 20
    middle = loud[1][10 : 10 + count]
    return max(np.corrcoef(loud[0][at : at + count], middle)[0, 1] for at in range(21))


@pytest.mark.parametrize("name", SOUNDS)
def test_each_container_and_codec(tmp_path, name):
    said = speech(3)
    path = save(tmp_path / name, said)
    sound, facts = heard(path)
    assert sound.samples.dtype == np.float32 and np.abs(sound.samples).max() <= 1
    assert len(sound.samples) / RATE == sound.duration == pytest.approx(3, abs=0.15)
    assert alike(sound.samples, said) > 0.95
    assert sound.channels == 1 and not facts.notes and facts.container["sound codec"]
    if sound.codec != "opus":
        assert sound.sample_rate == SOUNDS[name][1]
    upload = check(path, name, load_settings(_env_file=None))
    assert path.suffix in NAMED[upload.format].extensions and not upload.notes


@pytest.mark.parametrize("channels", [2, 6])
def test_all_channels_are_mixed(tmp_path, channels):
    sound, _ = heard(save(tmp_path / "a.flac", speech(2), channels=channels))
    assert sound.channels == channels and alike(sound.samples, speech(2)) > 0.99


def test_the_content_says_what_it_is_and_not_the_name(tmp_path, settings):
    path = save(tmp_path / "a.flac", speech(1)).rename(tmp_path / "a.wav")
    upload = check(path, path.name, settings)
    assert (upload.format, upload.kind) == ("flac", "audio")
    assert [note.text for note in upload.notes] == [
        "The file is named .wav, but it is a FLAC recording."
    ]
    assert heard(path)[0].codec == "flac"


@pytest.mark.parametrize(("name", "start"), [("a.mp4", 0.8), ("a.mkv", 0.8), ("a.mkv", 0.0)])
def test_sound_and_pictures_have_one_clock(tmp_path, name, start):
    click = silence(2)
    click[RATE : RATE + 160] = 0.9
    pictures = astronaut_clip(tmp_path / f"pictures{name[1:]}", seconds=2, size=(64, 64))
    sound, _ = heard(clip_with(tmp_path / name, pictures, click, start=start))
    assert int(np.abs(sound.samples).argmax()) / RATE == pytest.approx(1 + start, abs=0.03)


def test_cover_art_is_no_clip(tmp_path, pipeline):
    cover, path = tmp_path / "cover.jpg", tmp_path / "a.mp3"
    Image.new("RGB", (64, 64)).save(cover)
    picture = b"\0image/jpeg\0\3\0" + cover.read_bytes()
    frame = b"APIC" + struct.pack(">I", len(picture)) + b"\0\0" + picture
    size = bytes(len(frame) >> 7 * shift & 127 for shift in (3, 2, 1, 0))
    save(path, speech(3))
    path.write_bytes(b"ID3\3\0\0" + size + frame + path.read_bytes())
    with av.open(str(path)) as container:
        assert container.streams.video
    analysis = pipeline.analyse(check(path, path.name, load_settings(_env_file=None)), None)
    assert analysis.media.type == "audio" and analysis.faces is None


# --- limits


def test_two_hours(tmp_path):
    """Silence of two hours packs into little; it is not unpacked beyond the limit."""
    path = hours_of_silence(tmp_path / "a.flac", 2)
    assert path.stat().st_size < 2_000_000
    began = time.monotonic()
    with pytest.raises(TooLong, match="The sound is longer than the limit of 600 s"):
        heard(path, max_duration=600)
    assert time.monotonic() - began < 10


def test_a_length_that_is_only_claimed(tmp_path):
    path = save(tmp_path / "a.wav", speech(2))
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[4:8] = content[at : at + 4] = struct.pack("<I", 0x7FFFFF00)
    path.write_bytes(content)
    sound, facts = heard(path)
    assert sound.duration == pytest.approx(2, abs=0.01)
    assert [note.code for note in facts.notes] == ["incomplete"]


@pytest.mark.parametrize("rate", [1, 2**31 - 1])
def test_a_rate_that_no_sound_has(tmp_path, rate):
    path = save(tmp_path / "a.wav", speech(1))
    content = bytearray(path.read_bytes())
    content[24:28] = struct.pack("<I", rate)
    path.write_bytes(content)
    with pytest.raises(CannotDecode):
        heard(path)


def test_a_codec_that_is_not_read(tmp_path):
    path = save(tmp_path / "a.wav", speech(1))
    content = bytearray(path.read_bytes())
    content[20:22] = struct.pack("<H", 0x2001)  # DTS
    path.write_bytes(content)
    with pytest.raises(UnsupportedCodec, match="The sound codec dca is not supported."):
        heard(path)


def test_a_clip_without_sound(tmp_path):
    with pytest.raises(NoSound):
        heard(astronaut_clip(tmp_path / "a.mp4", seconds=0.2, size=(64, 64)))


# --- damage

ENDLESS = ("a.aac", "a.amr")  # formats that cannot say that their end is missing
BOXED = ("a.m4a", "alac.m4a", "a.mp4", "a.3gp")  # whose index is at the end


@pytest.mark.parametrize("name", SOUNDS)
def test_a_missing_end(tmp_path, name):
    path = cut(save(tmp_path / name, speech(6)), 0.6)
    if name in BOXED:
        with pytest.raises(CannotDecode, match="its end is missing"):
            heard(path)
        return
    sound, facts = heard(path)
    assert 2.5 < sound.duration < 5
    assert [note.code for note in facts.notes] == [] if name in ENDLESS else ["incomplete"]


@pytest.mark.parametrize("name", [*SOUNDS, "clip.mp4"])
def test_damage_everywhere(tmp_path, name):
    """Whatever becomes of it, it is answered in time, and nothing crashes or is left behind."""
    path, chance = tmp_path / name, Random(name)
    if name == "clip.mp4":
        pictures = astronaut_clip(tmp_path / "pictures.mp4", seconds=0.4, size=(64, 64))
        clip_with(path, pictures, music(1))
        pictures.unlink()
    else:
        save(path, np.concatenate([sine(0.5), music(1)]))
    content, before = path.read_bytes(), decoders()
    for _ in range(6):
        broken = bytearray(content)
        for _ in range(chance.choice((1, 4, 20, 200))):
            broken[chance.randrange(12, len(broken))] = chance.randrange(256)
        path.write_bytes(broken[: chance.choice((None, chance.randrange(12, len(broken))))])
        with suppress(AppError):
            sound, _ = heard(path, decode_timeout=20, max_duration=60)
            assert np.isfinite(sound.samples).all() and np.abs(sound.samples).max() <= 1
    assert decoders() == before and os.listdir(tmp_path) == [name]
