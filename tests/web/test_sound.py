"""Sound files and clips with sound, through HTTP: answers, reasons, refusals, nothing left."""

from __future__ import annotations

import io
import time

import numpy as np
import pytest

from tests.made_media import cut
from tests.made_sound import clip_with, hours_of_silence, music, noise, save, silence, sine, speech

UNJUDGED = {
    "silence.wav": (lambda: silence(5), "silent"),
    "noise.mp3": (lambda: noise(5), "no_speech"),
    "tone.flac": (lambda: sine(5), "no_speech"),
    "music.m4a": (lambda: music(5), "no_speech"),
    "word.opus": (lambda: np.concatenate([silence(2), speech(1.2), silence(2)]),
                  "too_little_speech"),
}  # fmt: skip


def send(client, path, name=None, status=200):
    file = (io.BytesIO(path.read_bytes()), name or path.name)
    response = client.post("/predict", data={"file": file})
    assert response.status_code == status, response.text
    return response.json


def kept(folder):
    return [path for path in folder.rglob("*") if path.is_file() and ".queue" not in path.parts]


def test_a_recording_of_speech(client, tmp_path):
    path = save(tmp_path / "a.mp3", speech(8))
    report = send(client, path)
    assert report["status"] == "success" and report["frames"] == []
    assert report["prediction"] in ("Real", "Fake", "Inconclusive") and report["judged"]
    assert isinstance(report["anomalies"], list) and report["tracks"] == []
    media = report["media"]
    assert (media["type"], media["format"], media["codec"]) == ("audio", "mp3", "mp3")
    assert media["width"] is media["height"] is None
    assert media["duration"] == pytest.approx(8, abs=0.1)
    audio = report["audio"]
    assert report["face"] is None and audio["verdict"] == report["prediction"]
    assert audio["probability_fake"] == report["probability_fake"]
    assert 6.5 < audio["speech_seconds"] < 8.1 and len(audio["windows"]) in (4, 5, 6)
    assert all(0 <= window["probability"] <= 1 for window in audio["windows"])
    assert report["model"]["sha256"] == audio["model"]["sha256"]
    assert client.get(audio["spectrogram"]).content_type == "image/jpeg"
    assert client.get(report["url"], headers={"Accept": "text/html"}).status_code == 200
    assert client.get(report["recording"]).data == path.read_bytes()
    assert client.delete(f"/api/v1/analyses/{report['id']}").status_code == 204
    assert client.get(report["recording"]).status_code == 410


@pytest.mark.parametrize("name", UNJUDGED)
def test_what_is_no_voice_to_judge(client, tmp_path, name):
    sound, code = UNJUDGED[name]
    report = send(client, save(tmp_path / name, sound()))
    assert (report["prediction"], report["judged"]) == ("Inconclusive", False)
    assert report["probability_fake"] is None and report["reasons"] == [code]
    assert report["audio"]["windows"] == [] and len(report["explanation"][0]) > 15


def test_a_clip_is_judged_by_its_faces_and_its_voice(client, tmp_path, clip):
    report = send(client, clip_with(tmp_path / "a.mp4", clip, speech(4)))
    face, audio = report["face"], report["audio"]
    assert report["media"]["type"] == "video" and report["recording"] is None
    assert face["judged"] and audio["judged"] and audio["duration"] == pytest.approx(4, abs=0.1)
    sides = {face["verdict"], audio["verdict"]}
    expected = next(each for each in ("Fake", "Inconclusive", "Real") if each in sides)
    assert report["prediction"] == expected
    assert {*face["reasons"], *audio["reasons"]} == set(report["reasons"])


def test_a_voice_that_cannot_be_judged_leaves_the_answer_to_the_faces(client, tmp_path, clip):
    alone = send(client, clip)
    assert alone["audio"] is None
    strange = clip_with(tmp_path / "a.mkv", clip, speech(4))
    strange.write_bytes(strange.read_bytes().replace(b"A_AAC", b"A_DTS"))
    for path, code in (
        (clip_with(tmp_path / "b.mp4", clip, music(4)), "no_speech"), (strange, "sound_codec"),
    ):  # fmt: skip
        report = send(client, path)
        assert report["audio"]["reasons"] == [code] and not report["audio"]["judged"]
        answer = ("prediction", "probability_fake", "confidence", "reasons", "explanation")
        assert [report[name] for name in answer] == [alone[name] for name in answer]


def test_what_cannot_be_heard_is_refused_and_leaves_nothing(client, settings, tmp_path):
    made = tmp_path / "made"
    made.mkdir()
    long, whole = hours_of_silence(made / "long.flac", 2), save(made / "a.m4a", speech(2))
    short, noted = cut(whole, 0.6, made / "b.m4a"), b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk"
    (made / "a.mid").write_bytes(noted)
    (made / "a.flac").write_bytes(b"fLaC" + bytes(200))
    nothing = save(made / "a.mka", speech(1))
    nothing.write_bytes(nothing.read_bytes().replace(b"\x83\x81\2", b"\x83\x81\x11"))  # subtitles
    for path, status, code in (
        (long, 422, "too_long"), (short, 422, "cannot_decode"), (made / "a.mid", 415, None),
        (made / "a.flac", 422, "cannot_decode"), (nothing, 422, "no_video"),
    ):  # fmt: skip
        error = send(client, path, status=status)["error"]
        assert code in (None, error["code"]) and error["message"].endswith(".")
    assert kept(settings.uploads) == kept(settings.results) == []


def test_a_queued_recording(client, tmp_path):
    file = (io.BytesIO(save(tmp_path / "a.ogg", speech(5)).read_bytes()), "a.ogg")
    (status,) = client.post("/api/v1/analyses", data={"file": file}).json["analyses"]
    seen, until = set(), time.monotonic() + 60
    while status.get("state") != "done":
        assert time.monotonic() < until and status["state"] in ("queued", "running"), status
        seen.add(status["stage"])
        time.sleep(0.02)
        status = client.get(f"/api/v1/analyses/{status['id']}").json
    assert status["audio"]["judged"] and seen <= {"waiting", "faces", "sound", "voice"}
