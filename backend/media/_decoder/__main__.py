"""The decoder process: a program of its own that reads one upload inside hard limits.

Run as `python -S backend/media/_decoder PARENT MEMORY`: the id of the process that starts it, and
the descriptor of the memory shared with it. It imports nothing of `backend`, so it starts fast and
has nothing to leak. Its job is one JSON line on stdin; what it sends is described in `wire.py`.
"""

import ctypes
import json
import mmap
import os
import resource
import select
import signal
import sys

import wire

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_OPEN_FILES = 24  # the media file, three pipes, and what importing a module opens


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when the server thread that started it is gone."""
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None).prctl
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above
        sys.exit(1)


def _load_libraries() -> None:
    """Make what any job needs ready while there is none: then it costs nobody time."""
    import clips  # noqa: F401
    import images  # noqa: F401


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
            import images as reader  # each needs libraries that the other does without
        elif job["kind"] == "camera":
            import camera as reader
        elif job["kind"] == "manifest":
            import manifest as reader
        else:
            import clips as reader
        facts = reader.read(job, out)
        out.end(**facts)
        if facts.get("reduced") and out.is_asked():
            reader.finer(job, out)
    except wire.Refused as refusal:
        out.refuse(refusal.code, refusal.detail)
    except MemoryError:
        out.refuse("memory")
    except BrokenPipeError:
        sys.exit(1)  # nobody listens any more
    # Libraries that parse hostile bytes raise nearly anything; all of it means the same, and the
    # sentence is chosen by the parent. This process ends here, so nothing is carried on with.
    except Exception as error:  # noqa: BLE001
        out.refuse("truncated" if "truncated" in str(error) else "damaged")


def main() -> None:
    """Read one job, answer it, end."""
    # Whatever a library prints must not mix with the answer: stdout becomes stderr.
    messages = os.dup(1)
    os.dup2(2, 1)
    _die_with(parent=int(sys.argv[1]))
    shared = int(sys.argv[2])
    room = mmap.mmap(shared, 0)
    os.close(shared)
    if not select.select([0], [], [], 0)[0]:
        _load_libraries()
    line = sys.stdin.buffer.readline(65536)
    if not line:  # there will be no job
        sys.exit()
    job = json.loads(line)
    _limit(job, len(room))
    _run(job, wire.Wire(messages, room, receipts=0))


main()
