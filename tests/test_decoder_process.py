"""The decoder process: its limits, its end, and a parent that trusts nothing it says."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import pytest

from backend.errors import (
    CannotDecode,
    NoVideo,
    TooSlow,
    UnsupportedCodec,
)
from backend.media import decode as decode_module
from backend.media import link as link_module
from backend.media.decode import Decoder
from backend.media.intake import check
from backend.settings import ROOT, load_settings
from tests.media import (
    astronaut_clip,
    astronaut_jpeg,
    children,
    decode,
)


def test_a_decoder_that_takes_too_long_is_stopped(tmp_path):
    path = astronaut_clip(tmp_path / "a.mp4", seconds=1)
    before = children()
    with pytest.raises(TooSlow, match="0.01 s"):
        decode(path, decode_timeout=0.01)
    assert children() == before


def test_the_callers_own_time_is_not_the_decoders(tmp_path, monkeypatch):
    spent = [0.0]
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + spent[0])
    monkeypatch.setattr(link_module, "time", clock)
    settings = load_settings(_env_file=None, decode_timeout=60)
    path = astronaut_clip(tmp_path / "a.mp4", seconds=1)
    with Decoder(settings).open(check(path, path.name, settings)) as clip:
        for _ in clip:
            spent[0] += 1000


def test_leaving_early_ends_the_process(tmp_path):
    settings = load_settings(_env_file=None)
    path = astronaut_clip(tmp_path / "a.mp4", seconds=2)
    before = children()
    with Decoder(settings).open(check(path, path.name, settings)) as clip:
        next(iter(clip))
        assert children() > before
    assert children() == before


def test_a_decoder_that_dies_is_an_answer(tmp_path):
    settings = load_settings(_env_file=None)
    path = astronaut_clip(tmp_path / "a.mp4", seconds=4, size=(1024, 1024))
    before = children()
    with Decoder(settings).open(check(path, path.name, settings)) as clip:
        for child in children() - before:
            os.kill(child, signal.SIGSEGV)
        with pytest.raises(CannotDecode, match="gave up"):
            list(clip)
    assert len(decode(path)[1]) == settings.moments


def test_the_decoder_ends_with_its_server(tmp_path):
    """Also one that is deep in its work and would not notice that its pipe is closed."""
    busy = shutil.copytree(decode_module.PROGRAM, tmp_path / "program")
    (busy / "images.py").write_text(
        "import time\n"
        "def read(job, out):\n"
        "    out.media(type='image', format='jpeg', codec='jpeg', width=4, height=4,\n"
        "              duration=None, fps=None, frames=1)\n"
        "    time.sleep(600)\n"
    )
    server = (
        "import os, sys; from pathlib import Path; from backend.media import decode\n"
        "from backend.media.intake import check; from backend.settings import load_settings\n"
        "s = load_settings(_env_file=None); p = Path(sys.argv[1])\n"
        "decode.PROGRAM = Path(sys.argv[2])\n"
        "with decode.Decoder(s).open(check(p, p.name, s)):\n"
        "    print(Path(f'/proc/self/task/{os.getpid()}/children').read_text(), flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    path = astronaut_jpeg(tmp_path / "a.jpg")
    ran = subprocess.run(
        [sys.executable, "-c", server, path, busy], cwd=ROOT, capture_output=True, check=False
    )
    orphan = int(ran.stdout)
    for _ in range(50):
        if not _runs(orphan):
            return
        time.sleep(0.1)
    os.kill(orphan, signal.SIGKILL)
    pytest.fail("the decoder outlived the process that started it")


def test_a_spare_is_ready_for_the_next_upload_and_serves_no_second_one(tmp_path):
    settings = load_settings(_env_file=None)
    upload = check(astronaut_jpeg(tmp_path / "a.jpg"), "a.jpg", settings)
    before = children()
    decoder = Decoder(settings, spare=True)
    served = []
    for _ in range(2):
        (spare,) = _new_children(before)
        with decoder.open(upload) as clip:
            assert children() - before == {spare}  # the spare, and no other started beside it
            with decoder.open(upload) as second:  # nobody waits for the next spare
                assert len(list(second)) == len(list(clip)) == 1
        served.append(spare)
    assert served[0] != served[1]
    (spare,) = _new_children(before)
    os.kill(spare, signal.SIGKILL)
    while _runs(spare):
        time.sleep(0.01)
    with decoder.open(upload) as clip:  # a spare that died is no harm
        assert len(list(clip)) == 1
    _new_children(before)
    del decoder
    assert children() == before


def _new_children(before: set[int]) -> set[int]:
    """The children that were started since, once there is one."""
    for _ in range(100):
        if new := children() - before:
            return new
        time.sleep(0.05)
    pytest.fail("no spare was started")


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM])
def test_the_spare_ends_with_its_server(kill):
    server = (
        "import os, time; from pathlib import Path; from backend.media.decode import Decoder\n"
        "from backend.settings import load_settings\n"
        "decoder = Decoder(load_settings(_env_file=None), spare=True)\n"
        "tasks, found = Path('/proc/self/task'), ''\n"
        "while not found: found = ''.join(p.read_text() for p in tasks.glob('*/children'))\n"
        f"print(found, flush=True); os.kill(os.getpid(), {int(kill)}); time.sleep(9)\n"
    )
    ran = subprocess.run([sys.executable, "-c", server], cwd=ROOT, capture_output=True, check=False)
    spare = int(ran.stdout)
    for _ in range(50):
        if not _runs(spare):
            return
        time.sleep(0.1)
    os.kill(spare, signal.SIGKILL)
    pytest.fail("the spare outlived the process that started it")


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


FAKE_DECODERS = {
    "silence": "",
    "words": "print('hello, these are only words')",
    "endless header": "send(b'\\xff\\xff\\xff\\xff' + b'x' * 100)",
    "no object": "say([1, 2])",
    "no media": "say({'end': True})",
    "wrong sizes": "say({'media': {**media, 'width': 10**9}})",
    "wrong format": "say({'media': {**media, 'format': 'exe'}})",
    "markup": "say({'media': {**media, 'codec': '<script>'}})",
    "no number": "say({'media': {**media, 'duration': float('nan')}})",
    "huge frame": "say({'media': media}); pic(0.0, [10**6, 4])",
    "negative": "say({'media': media}); pic(0.0, [-1, 4])",
    "backwards": "say({'media': media}); pic(1.0); pic(0.5); say({'end': True})",
    "too many": "say({'media': media}); [pic(0.0) for _ in range(100)]; say({'end': True})",
    "half a message": "say({'media': media}); pic(0.0); send(b'\\0\\0\\0\\x10{')",
    "no turn": "say({'media': media}); say({'frame': [4, 4], 'time': 0, 'turn': [1, 'x']})",
    "cut memory": "os.ftruncate(int(sys.argv[2]), 0); say({'media': media}); pic(0.0)",
    "invented": "say({'refused': 'codec', 'detail': '<b>'})",
    "unknown word": "say({'refused': 'anything', 'detail': {}})",
    "no hash": "say({'refused': ['x']})",
    "nested": "send(struct.pack('>I', 60_000) + b'[' * 60_000)",
    "silent and alive": "os.close(1); time.sleep(60)",
}
PRELUDE = """
import json, os, struct, sys, time
def send(data): os.write(1, data)
def say(message):
    body = json.dumps(message).encode(); send(struct.pack('>I', len(body)) + body)
def pic(time, size=[4, 4]): say({'frame': size, 'time': time, 'turn': [False] * 3})
media = dict(type='image', format='jpeg', codec='jpeg', width=4, height=4, duration=None, fps=None,
             frames=1)
"""


@pytest.mark.parametrize("behaviour", FAKE_DECODERS)
def test_a_decoder_taken_over_cannot_harm_its_parent(tmp_path, monkeypatch, behaviour):
    program = tmp_path / "taken_over.py"
    program.write_text(PRELUDE + FAKE_DECODERS[behaviour])
    monkeypatch.setattr(decode_module, "PROGRAM", program)
    path = astronaut_jpeg(tmp_path / "a.jpg")
    tracemalloc.start()
    try:
        with pytest.raises((CannotDecode, UnsupportedCodec)) as caught:
            decode(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000 and "<" not in str(caught.value)


def test_the_decoder_cannot_write_or_see_the_servers_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPFAKE_API_KEYS", '["secret"]')
    folder = shutil.copytree(decode_module.PROGRAM, tmp_path / "program")
    (folder / "images.py").write_text(
        "import os, wire\n"
        "def read(job, out):\n"
        "    if 'DEEPFAKE_API_KEYS' in os.environ: raise wire.Refused('damaged')\n"
        "    try: os.write(os.open(job['path'], os.O_WRONLY), b'x')\n"
        "    except OSError: raise wire.Refused('no_video')\n"
    )
    monkeypatch.setattr(decode_module, "PROGRAM", folder)
    path = astronaut_jpeg(tmp_path / "a.jpg")
    content = path.read_bytes()
    with pytest.raises(NoVideo):  # the probe's sign that it could not
        decode(path)
    assert path.read_bytes() == content


def test_the_decoder_imports_nothing_heavy():
    folder = ROOT / "backend" / "media" / "_decoder"
    imported = "\n".join(path.read_text() for path in folder.glob("*.py"))
    for name in ("backend", "flask", "tensorflow", "openvino", "pydantic"):
        assert f"import {name}" not in imported and f"from {name}" not in imported
