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
    AppError,
    CannotDecode,
    NoVideo,
    TooSlow,
    UnsupportedCodec,
)
from backend.media import channel as channel_module
from backend.media import decode as decode_module
from backend.media import process as process_module
from backend.media.decode import Decoder
from backend.media.intake import check
from backend.settings import ROOT, load_settings
from tests.made_media import (
    astronaut_clip,
    astronaut_jpeg,
    children,
    decode,
    decoders,
)


def test_a_decoder_that_takes_too_long_is_stopped(tmp_path):
    path = astronaut_clip(tmp_path / "a.mp4", seconds=1)
    before = decoders()
    with pytest.raises(TooSlow, match="0.01 s"):
        decode(path, decode_timeout=0.01)
    assert decoders() == before


def test_the_callers_own_time_is_not_the_decoders(tmp_path, monkeypatch):
    spent = [0.0]
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + spent[0])
    monkeypatch.setattr(channel_module, "time", clock)
    settings = load_settings(_env_file=None, decode_timeout=60)
    path = astronaut_clip(tmp_path / "a.mp4", seconds=1)
    with Decoder(settings).open(check(path, path.name, settings)) as clip:
        for _ in clip:
            spent[0] += 1000


def test_leaving_early_ends_the_process(tmp_path):
    settings = load_settings(_env_file=None)
    path = astronaut_clip(tmp_path / "a.mp4", seconds=2)
    before = decoders()
    with Decoder(settings).open(check(path, path.name, settings)) as clip:
        next(iter(clip))
        assert decoders() > before
    assert decoders() == before


def test_a_decoder_that_dies_is_an_answer(tmp_path):
    settings = load_settings(_env_file=None)
    path = astronaut_clip(tmp_path / "a.mp4", seconds=4, size=(1024, 1024))
    before = decoders()
    with Decoder(settings).open(check(path, path.name, settings)) as clip:
        for child in decoders() - before:
            os.kill(child, signal.SIGSEGV)
        with pytest.raises(CannotDecode, match="gave up"):
            list(clip)
    assert len(decode(path)[1]) == settings.moments


STARTS = """
import os, signal, sys, time
from pathlib import Path
from backend.media import decode
from backend.media.intake import check
from backend.settings import load_settings
from tests.made_media import children, decoders
settings, path = load_settings(_env_file=None), Path(sys.argv[1])
decode.PROGRAM = Path(sys.argv[2])
decoder = decode.Decoder(settings)
with decoder.open(check(path, path.name, settings)):
    print(*children(), *decoders(), flush=True)
    {end}
    time.sleep(9)
"""


@pytest.mark.parametrize(
    "end",
    ["os.kill(os.getpid(), signal.SIGKILL)", "os.kill(os.getpid(), signal.SIGTERM)", "sys.exit()"],
)
def test_fork_server_and_decoder_end_with_their_server(tmp_path, end):
    """Also a decoder that is deep in its work and would not notice that its pipe is closed."""
    path = astronaut_jpeg(tmp_path / "a.jpg")
    code = STARTS.replace("{end}", end)
    arguments = [sys.executable, "-c", code, path, _busy(tmp_path)]
    ran = subprocess.run(arguments, cwd=ROOT, capture_output=True, check=False)
    started = [int(pid) for pid in ran.stdout.split()]
    assert len(started) == 2
    ended = _all_end(started)
    for pid in filter(_runs, started):
        os.kill(pid, signal.SIGKILL)
    assert ended


def _busy(folder: Path) -> Path:
    """A decoder that starts a process of its own and says no more."""
    busy = shutil.copytree(decode_module.PROGRAM, folder / "program")
    (busy / "images.py").write_text(
        "import os, time\n"
        "def read(job, out):\n"
        "    out.media(type='image', format='jpeg', codec='jpeg', width=4, height=4,\n"
        "              duration=None, fps=None, frames=1)\n"
        "    time.sleep(600)\n"
    )
    return busy


def _started(folder: Path):
    """Processes of before, a decoder, the fork server that it started, and a clip to decode."""
    settings = load_settings(_env_file=None)
    upload = check(astronaut_clip(folder / "a.mp4", seconds=1), "a.mp4", settings)
    before = children()
    decoder = Decoder(settings)
    (server,) = children() - before
    return before, decoder, server, upload


def test_each_upload_has_a_process_of_its_own_of_one_fork_server(tmp_path):
    before, decoder, server, upload = _started(tmp_path)
    used = set()
    for _ in range(2):
        with decoder.open(upload) as clip, decoder.open(upload) as second:
            at_work = children(server)
            assert len(at_work) == 2 and not at_work & used
            assert len(list(second)) == len(list(clip)) > 20
        assert not children(server)
        used |= at_work
    os.kill(server, signal.SIGKILL)
    while _runs(server):
        time.sleep(0.01)
    with decoder.open(upload) as clip:  # another is started
        assert len(list(clip)) > 20
    assert len(children() - before) == 1
    del decoder, clip, second  # what a decoder gave holds its fork server too
    assert not children() - before


@pytest.mark.parametrize("where", ["before it forks", "while it decodes"])
def test_that_the_fork_server_dies_is_not_the_files_fault(tmp_path, where):
    _, decoder, server, upload = _started(tmp_path)
    asked = []

    def kill_when_asked():
        if not asked:
            asked.append(os.kill(server, signal.SIGKILL))

    if where == "before it forks":
        os.kill(server, signal.SIGSTOP)
    with pytest.raises(AppError) as caught, decoder.open(upload, kill_when_asked) as clip:
        kill_when_asked()
        list(clip)
    assert type(caught.value) is AppError


def test_a_stopped_fork_server_is_replaced_and_holds_nobody_up(tmp_path, monkeypatch):
    monkeypatch.setattr(process_module, "_PATIENCE", 0.5)
    before, decoder, server, upload = _started(tmp_path)
    with decoder.open(upload) as clip:
        os.kill(server, signal.SIGSTOP)
        assert len(list(clip)) > 20  # what was forked goes on
    assert _all_end([server])
    with decoder.open(upload) as clip:
        assert len(list(clip)) > 20
    del decoder, clip
    assert not children() - before


TRACED = """
import ctypes, os, time
def read(job, out):
    ready, tell = os.pipe()
    if not os.fork():
        os.setsid()
        traces = ctypes.CDLL(None).ptrace(0x4206, os.getppid(), 0, 0) == 0  # PTRACE_SEIZE
        os.write(tell, b"y" if traces else b"n")
        end = time.monotonic() + 60
        while not os.path.exists("ENOUGH") and time.monotonic() < end:
            time.sleep(0.1)
        os._exit(0)
    codec = "traced" if os.read(ready, 1) == b"y" else "refused"
    out.media(type="image", format="jpeg", codec=codec, width=4, height=4, duration=None, fps=None,
              frames=1)
    time.sleep(600)
"""


def test_a_decoder_that_cannot_be_waited_for_holds_nobody_up(tmp_path, monkeypatch):
    """It is traced by a process that it started itself, which does not wait for it."""
    folder = shutil.copytree(decode_module.PROGRAM, tmp_path / "program")
    enough = tmp_path / "enough"
    (folder / "images.py").write_text(TRACED.replace("ENOUGH", str(enough)))
    monkeypatch.setattr(decode_module, "PROGRAM", folder)
    path = astronaut_jpeg(tmp_path / "a.jpg")
    _, decoder, server, clip = _started(tmp_path)
    with decoder.open(check(path, path.name, load_settings(_env_file=None))) as traced:
        if traced.media.codec != "traced":
            pytest.skip("tracing is forbidden here")
        (kept,) = children(server)
    with decoder.open(clip) as other:
        assert kept in children(server)  # still not waited for
        assert len(list(other)) > 20
    enough.touch()
    for _ in range(100):
        if kept not in children(server):
            return
        time.sleep(0.1)
    pytest.fail("it was never waited for")


def test_after_a_crash_another_process_forks_and_other_uploads_go_on(tmp_path):
    before, decoder, first, upload = _started(tmp_path)
    with decoder.open(upload) as clip:
        (other,) = decoders()
        with pytest.raises(CannotDecode), decoder.open(upload) as crashed:
            (crashing,) = decoders() - {other}
            os.kill(crashing, signal.SIGSEGV)
            list(crashed)
        (second,) = children() - before - {first}
        with decoder.open(upload) as third:
            assert children(first) == {other} and len(children(second)) == 1
            assert len(list(third)) == len(list(clip)) > 20
    assert _all_end([first])
    assert _runs(second)


def test_what_a_decoder_starts_ends_with_it(tmp_path, monkeypatch):
    folder = _busy(tmp_path)
    program = (folder / "images.py").read_text()
    (folder / "images.py").write_text(
        program.replace("    time", "    os.fork() or time.sleep(600)\n    time")
    )
    monkeypatch.setattr(decode_module, "PROGRAM", folder)
    settings = load_settings(_env_file=None)
    upload = check(astronaut_jpeg(tmp_path / "a.jpg"), "a.jpg", settings)
    with Decoder(settings).open(upload):
        (at_work,) = decoders()
        while not (started := children(at_work)):
            time.sleep(0.01)
    assert _all_end(started)


def _all_end(pids) -> bool:
    for _ in range(50):
        if not any(_runs(pid) for pid in pids):
            return True
        time.sleep(0.1)
    return False


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


FAKE_DECODERS = {
    "silence": "",
    "words": "send(b'hello, these are only words')",
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
    "cut memory": "os.ftruncate(memory(), 0); say({'media': media}); pic(0.0)",
    "invented": "say({'refused': 'codec', 'detail': '<b>'})",
    "unknown word": "say({'refused': 'anything', 'detail': {}})",
    "no hash": "say({'refused': ['x']})",
    "nested": "send(struct.pack('>I', 60_000) + b'[' * 60_000)",
    "silent and alive": "os.close(out._messages); time.sleep(60)",
}
TAKEN_OVER = """
import json, os, struct, time
media = dict(type='image', format='jpeg', codec='jpeg', width=4, height=4, duration=None, fps=None,
             frames=1)
def memory():
    names = {int(name): os.readlink(f'/proc/self/fd/{name}') for name in os.listdir('/dev/fd')[:-1]}
    return next(number for number, name in names.items() if 'memfd' in name)
def read(job, out):
    def send(data): os.write(out._messages, data)
    def say(message):
        body = json.dumps(message).encode(); send(struct.pack('>I', len(body)) + body)
    def pic(time, size=[4, 4]): say({'frame': size, 'time': time, 'turn': [False] * 3})
    BEHAVIOUR
    os._exit(0)
"""


@pytest.mark.parametrize("behaviour", FAKE_DECODERS)
def test_a_decoder_taken_over_cannot_harm_its_parent(tmp_path, monkeypatch, behaviour):
    folder = shutil.copytree(decode_module.PROGRAM, tmp_path / "program")
    code = TAKEN_OVER.replace("BEHAVIOUR", FAKE_DECODERS[behaviour])
    (folder / "images.py").write_text(code)
    monkeypatch.setattr(decode_module, "PROGRAM", folder)
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
