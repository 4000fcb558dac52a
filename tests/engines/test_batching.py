"""Analyses that run side by side share the passes of one engine; each gets its own faces."""

import threading
import time

import numpy as np
import pytest

from backend.engines import Inferred
from backend.engines.batching import MOST, SharedEngine


class Doubling:
    """An engine whose scores are twice a crop's first pixel; its first pass waits to be let go."""

    name, precision, columns = "doubling", "f32", 1

    def __init__(self):
        self.sizes = []
        self.began, self.go = threading.Event(), threading.Event()

    def infer(self, crops):
        self.sizes.append(len(crops))
        self.began.set()
        assert self.go.wait(10)
        if (crops == 255).any():
            raise RuntimeError("this pass fails")
        return Inferred(crops[:, 0, 0, :1].astype(np.float32) * 2)


def faces(*values):
    return np.stack([np.full((4, 4, 3), value, np.uint8) for value in values])


@pytest.fixture
def running():
    """An engine in its first pass, and what starts further callers and collects their answers."""
    engine = Doubling()
    shared = SharedEngine(engine)
    answers, threads = {}, []

    def ask(*values):
        def work():
            try:
                scores = shared.infer(faces(*values)).score
                assert scores.shape == (len(values), 1)
                answers[values] = scores[:, 0].tolist()
            except RuntimeError as failure:
                answers[values] = str(failure)

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        while not engine.began.is_set() or len(shared._waiting) < len(threads) - 1:
            time.sleep(0.001)

    def finish():
        engine.go.set()
        for thread in threads:
            thread.join(10)
        return engine.sizes, answers

    ask(1)
    return ask, finish


def test_who_comes_during_a_pass_shares_the_next_one(running):
    ask, finish = running
    ask(2, 3)
    ask(4)
    ask(5, 6, 7)
    sizes, answers = finish()
    assert sizes == [1, 6]
    assert answers == {(1,): [2], (2, 3): [4, 6], (4,): [8], (5, 6, 7): [10, 12, 14]}


def test_a_pass_takes_no_more_than_it_can_hold(running):
    ask, finish = running
    ask(*range(10, 10 + MOST - 1))
    ask(2)
    ask(3)
    sizes, answers = finish()
    assert sizes == [1, MOST, 1]
    assert answers[(3,)] == [6]


def test_a_pass_that_fails_fails_for_all_in_it_and_for_nobody_else(running):
    ask, finish = running
    ask(255)
    ask(2)
    _, answers = finish()
    assert answers == {(1,): [2], (255,): "this pass fails", (2,): "this pass fails"}
