"""The C library's heap: what is freed serves the next frame, and is given back in the end."""

import subprocess
import sys
from pathlib import Path

import pytest

from backend.settings import ROOT

PROGRAM = """
import resource
import numpy as np
from backend import memory

def megabytes():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 1e6

def faults():
    frames = [np.ones((1080, 1920, 3), np.uint8) for _ in range(4)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

memory.settle()
before, first, second = megabytes(), faults(), faults()
memory.give_back(spare=memory.SPARE)
kept = megabytes()
memory.give_back(spare=1000)
print(second - first, kept - before, megabytes() - before)
"""


@pytest.mark.skipif(not Path("/lib64/ld-linux-x86-64.so.2").exists(), reason="not glibc")
def test_frames_use_the_memory_of_those_before_until_it_is_given_back():
    run = [sys.executable, "-c", PROGRAM]
    said = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    faults, kept, left = map(float, said.split())
    assert faults < 200  # 4 frames are 6000 pages
    assert kept > 20 > 5 > left
