"""How much faster two workers do a batch than one, over a Redis that nobody else uses.

Each worker gets one core of its own, as two machines would have them: on a machine of two cores
one worker that may use both leaves nothing for a second.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from backend.bench.clips import make_clip
from backend.bench.table import markdown
from backend.errors import SetupError
from backend.jobs import Jobs
from backend.settings import ROOT, Settings, load_settings
from backend.storage.store import Storage

BATCH = 40
COUNTS = (1, 2)
HEAD = """<!-- Two workers on one queue, against one. -->
# Two workers against one

Printed by `python -m backend measure workers REDIS_URL`. Each worker has one core of its own and
does one analysis at a time.

"""


def compare(url: str, batch: int = BATCH) -> str:
    """The page in Markdown: the seconds that each number of workers takes for the same batch.

    Args:
        url: a Redis that nobody else uses.
        batch: clips of ten seconds, 480p.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < max(COUNTS):
        raise SetupError(f"{max(COUNTS)} cores are needed to tell two workers from one.")
    seconds = []
    with tempfile.TemporaryDirectory() as name:
        clip = make_clip(Path(name), "480p")
        for count in COUNTS:
            folder = Path(name) / str(count)
            settings = load_settings(
                uploads=folder / "uploads", results=folder / "results", queue_url=url
            )
            with ExitStack() as workers:
                for core in cores[:count]:
                    workers.enter_context(_worker(settings, core))
                seconds.append(_time(settings, clip, batch))
    rows = [
        (count, f"{spent:.1f}", f"{60 * batch / spent:.0f}", f"{seconds[0] / spent:.2f}")
        for count, spent in zip(COUNTS, seconds, strict=True)
    ]
    columns = ("workers", f"s for {batch} clips", "clips a minute", "times as fast")
    return HEAD + markdown(columns, rows) + "\n"


@contextmanager
def _worker(settings: Settings, core: int) -> Iterator[None]:
    """One that takes jobs already."""
    environment = os.environ | {
        "DEEPFAKE_UPLOADS": str(settings.uploads),
        "DEEPFAKE_RESULTS": str(settings.results),
        "DEEPFAKE_QUEUE_URL": settings.queue_url,
        "DEEPFAKE_CONCURRENCY": "1",
        "DEEPFAKE_LOG_LEVEL": "ERROR",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "backend", "worker"],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(os.sched_setaffinity, 0, {core}),
    )
    with process:
        try:
            if not any(line.startswith("Ready") for line in process.stderr):
                raise SetupError("A worker did not start.")
            yield
        finally:
            process.kill()


def _time(settings: Settings, clip: Path, batch: int) -> float:
    """Seconds from the first file to the last result."""
    storage = Storage(settings)
    storage.prepare()
    jobs = Jobs(settings, storage, pipeline=None)  # it only submits
    began = time.perf_counter()
    ids = []
    for number in range(batch):
        with storage.receive() as incoming, clip.open("rb") as source:
            shutil.copyfileobj(source, incoming)
        ids.append(jobs.submit(Path(incoming.name), f"{number}.mp4", "bench")["id"])
    for id in ids:
        for status in jobs.follow(id):
            if status["state"] == "failed":
                raise RuntimeError(status["error"]["message"])
    return time.perf_counter() - began
