"""OpenVINO as all networks here use it: safe to start in several threads, compiled once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino as ov

# The binding looks NumPy up at the first tensor that is read, and two threads that get there
# together wait for each other for ever (pybind11's pull request 4877 describes it). An import runs
# in one thread.
_ = ov.Tensor(np.zeros(1, np.float32)).data


def new_core(cache: Path | None = None) -> ov.Core:
    """What reads and compiles networks.

    Args:
        cache: folder for compiled networks; None compiles them each time.
    """
    core = ov.Core()
    if cache:
        core.set_property({"CACHE_DIR": str(cache)})
    return core
