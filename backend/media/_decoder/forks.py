"""Forks a process for each job from one whose libraries are loaded, and sees to its end."""

import os
import select
import signal
import socket
import sys
from contextlib import suppress
from typing import NamedTuple


class Job(NamedTuple):
    """The file descriptors that a child works with."""

    memory: int
    receipts: int
    messages: int


class _Child(NamedTuple):
    pid: int
    ended: int  # descriptor that can be read when it has
    line: int  # to whoever asked for it; closed there, it is no longer wanted


def each_job(requests: socket.socket) -> Job:
    """Fork a child for each request; returns in every child, and in this process never.

    A request is one byte and four descriptors: those of `Job`, and a line. When the line is closed
    or shut down at its other end, the child and whatever it started are killed. When the child has
    ended, its exit code is sent on the line: 4 bytes big-endian, negative for a signal. When the
    requests end, so does this process, and its children with it.

    Args:
        requests: a SOCK_SEQPACKET socket.
    """
    children: dict[int, _Child] = {}  # by both descriptors that tell of one
    waiting = select.poll()
    waiting.register(requests, select.POLLIN)
    while True:
        for ready, _ in waiting.poll():
            if ready != requests.fileno():
                if ready in children:  # else both told of the end
                    child = children[ready]
                    for told in (child.ended, child.line):
                        waiting.unregister(told)
                        del children[told]
                    _end(child)
                continue
            said, descriptors, *_ = socket.recv_fds(requests, 1, 4)
            if not said:
                sys.exit()
            *job, line = descriptors
            try:
                pid = os.fork()
            except OSError:  # no memory or processes left: told by closing the line without a word
                for given in descriptors:
                    os.close(given)
                continue
            if not pid:
                for inherited in (requests.detach(), line, *children):
                    os.close(inherited)
                return Job(*job)
            for given in job:
                os.close(given)
            child = _Child(pid, os.pidfd_open(pid), line)
            for told in (child.ended, child.line):
                waiting.register(told, select.POLLIN)
                children[told] = child


def _end(child: _Child) -> None:
    """Kill it and its group, unless they have ended, and tell its exit code."""
    # It is not waited for yet, so the number is still its own; the group may not be there yet.
    for kill in (os.kill, os.killpg):
        with suppress(ProcessLookupError):
            kill(child.pid, signal.SIGKILL)
    _, status = os.waitpid(child.pid, 0)
    with suppress(OSError):  # nobody may want to know
        os.write(child.line, os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))
    os.close(child.ended)
    os.close(child.line)
