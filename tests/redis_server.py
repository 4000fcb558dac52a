"""A Redis of the tests' own: Debian's package, installed where that is possible."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

INSTALL = "apt-get update -qq && apt-get install -y -qq --no-install-recommends redis-server"


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Start one that keeps nothing, and yield its URL; skip the test where there is none."""
    socket = folder / "redis.sock"
    process = subprocess.Popen(
        [_program(), "--port", "0", "--unixsocket", str(socket), "--save", ""],
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait(f"unix://{socket}")
        yield f"unix://{socket}"
    finally:
        process.kill()
        process.wait()


def _program() -> str:
    if not shutil.which("redis-server") and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(INSTALL, shell=True, stdout=subprocess.DEVNULL, check=False)
    program = shutil.which("redis-server")
    if program is None:
        reason = "There is no redis-server, and it could not be installed."
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return program


def _wait(url: str) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            redis.Redis.from_url(url).ping()
            return
        except redis.RedisError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
