"""The decoder process: a program of its own that reads one upload inside hard limits.

Run as `python -S backend/media/_decoder REQUESTS`: the descriptor of a socket on which jobs are
asked for. It loads what most jobs need once and forks a process for each (`forks.py`); it reads no
upload itself. It imports nothing of `backend`, so it starts fast and has nothing to leak. A job is
one JSON line on stdin; what is sent is described in `wire.py`.
"""

import ctypes
import gc
import json
import mmap
import os
import resource
import signal
import socket
import sys

import audio
import forks
import images
import video
import wire

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_OPEN_FILES = 24  # the media file, two pipes, and what importing a module opens


def _prctl(*arguments: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(*arguments)


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when the one that forked it is gone."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)


def _limit(job: dict, shared: int) -> None:
    """Bound processor time, memory, files; nothing can be written and no core is dumped."""
    # At the soft limit comes the signal by which the parent knows why it ended, then the hard one.
    resource.setrlimit(resource.RLIMIT_CPU, (job["cpu_seconds"], job["cpu_seconds"] + 1))
    for what, most in (
        (resource.RLIMIT_AS, job["memory_bytes"] + shared),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def _run(job: dict, out: wire.Wire) -> None:
    try:
        if job["kind"] == "image":
            reader = images
        elif job["kind"] == "camera":
            import camera as reader
        elif job["kind"] == "manifest":
            import manifest as reader
        elif job["kind"] == "sound":
            reader = audio
        else:
            reader = video
        facts = reader.read(job, out)
        out.end(**facts)
        if facts.get("reduced") and out.is_asked():
            reader.finer(job, out)
    except wire.Refused as refusal:
        out.refuse(refusal.code, refusal.detail)
    except MemoryError:
        out.refuse("memory")
    except BrokenPipeError:
        pass  # nobody listens any more
    # Libraries that parse hostile bytes raise nearly anything; all of it means the same, and the
    # sentence is chosen by the parent. This process ends here, so nothing is carried on with.
    except Exception as error:  # noqa: BLE001
        out.refuse("truncated" if "truncated" in str(error) else "damaged")


def main() -> None:
    """Fork for each job; the child reads it, answers it and ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, there would be nobody to wait for
    _prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    parent = os.getpid()
    gc.freeze()  # what is loaded stays in memory that all children share
    memory, receipts, messages = forks.each_job(socket.socket(fileno=int(sys.argv[1])))
    _die_with(parent)
    os.setsid()
    os.dup2(receipts, 0)
    os.close(receipts)
    room = mmap.mmap(memory, 0)
    os.close(memory)
    line = sys.stdin.buffer.readline(65536)
    if line:  # else there will be no job
        job = json.loads(line)
        _limit(job, len(room))
        _run(job, wire.Wire(messages, room, receipts=0))
    os._exit(0)  # there is nothing to tidy up


main()
