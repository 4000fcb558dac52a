"""Where the processor time of an analysis goes: the stages of one clip, and the functions."""

from __future__ import annotations

import cProfile
import os
import pstats
import tempfile
import time
from pathlib import Path

from backend.bench import stages
from backend.bench.clips import make_clip
from backend.bench.server import children
from backend.bench.table import markdown
from backend.settings import Settings

MOST = 20  # functions
HEAD = """<!-- Where the processor time of an analysis goes. -->
# Where the time goes

Printed by `python -m backend measure profile{arguments}`: processor time, not wall time, so that
what else the machine does matters little. {clip}: {frames} moments, {faces} faces.
A stage's time counts all its threads; the decoder's process is `decode, its process`.

"""


def profile(settings: Settings, clip: Path | None = None) -> str:
    """The page in Markdown.

    Args:
        settings: with the model.
        clip: to analyse; None for the made 1080p H.264 clip.
    """
    parts = stages.Parts.of(settings)
    with tempfile.TemporaryDirectory() as folder:
        arguments = " CLIP" if clip else ""
        clip = clip or make_clip(Path(folder), "1080p")
        stages.alone(parts, clip)  # warms up
        before = _forked_seconds()
        measured = stages.alone(parts, clip, clock=time.process_time)
        # It decodes the clip twice.
        measured["decode, its process"] = (_forked_seconds() - before) * 1000 / 2
        called = cProfile.Profile(timer=time.process_time)
        called.runcall(stages.alone, parts, clip)
    frames, faces = measured.pop("frames"), measured.pop("found")
    total = sum(measured.values())
    rows = [
        (name, f"{value:.0f}", f"{value / frames:.1f}", f"{value / total:.0%}")
        for name, value in sorted(measured.items(), key=lambda item: -item[1])
    ]
    page = HEAD.format(arguments=arguments, clip=clip.name, frames=frames, faces=faces)
    page += markdown(("stage", "ms", "ms a moment", "share"), rows) + "\n\n"
    columns = ("function", "calls", "ms by itself", "ms with what it calls")
    return page + markdown(columns, _top(called)) + "\n"


def _top(called: cProfile.Profile) -> list[tuple]:
    stats = pstats.Stats(called).stats
    rows = sorted(stats.items(), key=lambda item: -item[1][2])[:MOST]
    return [
        (f"`{Path(file).name}:{name}`" if line else f"`{name}`", calls, f"{own * 1000:.0f}",
         f"{whole * 1000:.0f}")
        for (file, line, name), (_, calls, own, whole, _) in rows
    ]  # fmt: skip


def _forked_seconds() -> float:
    """Processor time of the ended processes that fork servers of this one have forked."""
    stats = [Path(f"/proc/{pid}/stat").read_text() for pid in children(os.getpid())]
    # Fields 16 and 17; the second, the name, may hold blanks.
    ticks = [int(ticks) for stat in stats for ticks in stat.rpartition(")")[2].split()[13:15]]
    return sum(ticks) / os.sysconf("SC_CLK_TCK")
