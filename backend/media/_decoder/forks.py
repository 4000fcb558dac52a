"""Forks a process for each job from one whose libraries are loaded, and sees to its end."""

import os
import select
import signal
import socket
import sys
from contextlib import suppress
from typing import NamedTuple

_AGAIN = 100  # ms until it is tried again to wait for a child that has ended


class Job(NamedTuple):
    """The file descriptors that a child works with."""

    memory: int
    receipts: int
    messages: int


class _Child(NamedTuple):
    pid: int
    end: int  # descriptor that can be read when it has ended
    line: int  # to whoever asked for it; can be read when the child is no longer wanted


def each_job(requests: socket.socket) -> Job:
    """Fork a child for each request; returns in every child, and in this process never.

    A request is one byte and four descriptors: those of `Job`, and a line. When the line is closed
    or shut down at its other end, the child and its group are killed. When the child has ended, its
    exit code is sent on the line: 4 bytes big-endian, negative for a signal. The line of what could
    not be forked is closed without a word. After the last request this process ends with its last
    child. It never blocks for a child: one that was taken over may be traced by a process of its
    own, and cannot be waited for until that ends.

    Args:
        requests: a SOCK_SEQPACKET socket.
    """
    children: dict[int, _Child] = {}  # by each descriptor that is looked at
    ended: list[_Child] = []  # not waited for yet
    waiting = select.poll()
    waiting.register(requests, select.POLLIN)
    more = True
    while more or children or ended:
        for ready, _ in waiting.poll(_AGAIN if ended else None):
            if ready != requests.fileno():
                child = children.pop(ready)
                waiting.unregister(ready)
                _kill(child)
                if ready == child.end:
                    ended.append(child)
                continue
            said, given, *_ = socket.recv_fds(requests, 1, 4)
            if not said:
                waiting.unregister(requests)
                more = False
                continue
            pid = _fork() if len(given) == 4 else None  # fewer came where there was no room
            if pid == 0:
                others = {*children.values(), *ended}
                inherited = [each for other in others for each in (other.end, other.line)]
                for each in (requests.detach(), given[3], *inherited):
                    os.close(each)
                return Job(*given[:3])
            for each in given[:3] if pid else given:
                os.close(each)
            if pid:
                child = _Child(pid, os.pidfd_open(pid), given[3])  # three closed: there is room
                for looked_at in (child.end, child.line):
                    waiting.register(looked_at, select.POLLIN)
                    children[looked_at] = child
        for child in [child for child in ended if _is_over(child)]:
            ended.remove(child)
            if children.pop(child.line, None):
                waiting.unregister(child.line)
            for descriptor in (child.end, child.line):
                os.close(descriptor)
    sys.exit()


def _fork() -> int | None:
    with suppress(OSError):  # no memory or processes left
        return os.fork()
    return None


def _kill(child: _Child) -> None:
    """Kill it and its group. It was not waited for yet, so the numbers are still its own."""
    for kill in (os.kill, os.killpg):
        with suppress(ProcessLookupError):  # the group may not be there yet
            kill(child.pid, signal.SIGKILL)


def _is_over(child: _Child) -> bool:
    """Whether it could be waited for. Its exit code is told; that it was killed where not."""
    pid, status = os.waitpid(child.pid, os.WNOHANG)
    code = os.waitstatus_to_exitcode(status) if pid else -signal.SIGKILL
    with suppress(OSError):  # nobody may want to know; of several codes the first counts
        os.write(child.line, code.to_bytes(4, "big", signed=True))
    return pid != 0
