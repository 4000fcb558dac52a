"""The processes that make batches: in order, and what goes wrong in them is heard of."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from functools import partial

import pytest

from backend.errors import SetupError
from backend.settings import ROOT
from backend.training.fit.loader import batches


class Numbers:
    """In place of a sampler: names the step, or fails at one."""

    def __init__(self, failing=None):
        self.failing = failing

    def batch(self, step, pairs):
        if step == self.failing:
            raise ArithmeticError("no such batch")
        time.sleep(0.02 * (step % 3))  # later ones are ready first
        return step, pairs, os.getpid()


def test_batches_come_in_order_from_all_processes():
    with closing(batches(Numbers, range(3, 30), 5, 2)) as made:
        steps, pairs, makers = zip(*made, strict=True)
    assert steps == tuple(range(3, 30)) and set(pairs) == {5}
    assert len(set(makers)) == 2 and os.getpid() not in makers


def test_what_a_process_raises_is_raised_here():
    made = batches(partial(Numbers, failing=2), range(1000), 5, 2)
    with pytest.raises(ArithmeticError, match="no such batch"):
        list(made)


def test_a_process_that_was_killed_is_noticed():
    made = batches(Numbers, range(1000), 5, 2)
    os.kill(next(made)[2], signal.SIGKILL)
    with pytest.raises(SetupError, match="A process that makes batches died"):
        list(made)


def test_whoever_wants_no_more_does_not_wait_for_the_rest():
    with closing(batches(Numbers, range(1000), 5, 2)) as made:
        assert next(made)[0] == 0
    assert not multiprocessing.active_children()


def test_no_process_outlives_the_one_that_wanted_batches():
    program = (
        "from tests.training.fit.test_loader import Numbers, batches\n"
        "if __name__ == '__main__':\n"
        "    for _, _, maker in batches(Numbers, range(100000), 5, 1): print(maker, flush=True)\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    maker = int(owner.stdout.readline())
    owner.kill()
    owner.communicate()
    until = time.monotonic() + 20
    while _runs(maker):
        assert time.monotonic() < until
        time.sleep(0.05)


def _runs(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return b"\nState:\tZ" not in open(f"/proc/{pid}/status", "rb").read()
