"""Runs the storage sweep every minute in the background, the first time at once."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from backend import memory
from backend.storage.store import Storage

log = structlog.get_logger()


def start_cleanup(storage: Storage, interval: int) -> BackgroundScheduler:
    """Start sweeping every `interval` seconds; the caller may `shutdown()` what is returned."""
    scheduler = BackgroundScheduler(timezone=UTC, daemon=True)
    scheduler.add_job(
        _sweep,
        "interval",
        args=[storage],
        seconds=interval,
        next_run_time=datetime.now(UTC),
        misfire_grace_time=None,  # a late round still runs: being late is no reason to keep files
        coalesce=True,
        max_instances=1,
    )
    scheduler.start()
    return scheduler


def _sweep(storage: Storage) -> None:
    deleted = storage.sweep()
    if deleted:
        log.info("cleaned up", deleted=deleted)
    memory.give_back()
