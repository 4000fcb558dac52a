"""Contracts of other systems, one file each: the same analyses, told as their clients expect.

`verdict` says for all of them how an undecided answer is told.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from apiflask import APIBlueprint

from backend.analysis.pipeline import Pipeline
from backend.jobs import Jobs
from backend.report.schema import Report
from backend.report.schema_models import Models
from backend.settings import Settings
from backend.storage.store import Storage
from backend.web import api
from backend.web.compat import analyze, detect, predict_video, upload
from backend.web.compat.analyze_answer import result
from backend.web.compat.refusals import Detail, Refusal, as_detail, as_error
from backend.web.links import Links

REFUSALS = (Refusal, Detail)
BODIES = upload.BODIES | detect.BODIES | analyze.BODIES | predict_video.BODIES


def build(
    settings: Settings,
    storage: Storage,
    jobs: Jobs,
    pipeline: Pipeline,
    models: Models,
    links: Links,
    limit: Callable[[Callable], Callable],
) -> list[APIBlueprint]:
    """The routes of all contracts.

    Args:
        models: those that are there.
        links: fetches files from links.
        limit: decorates what costs something.
    """
    analyse = partial(api.analyse, storage, jobs, links)
    return [
        upload.build(analyse, limit),
        detect.build(models, analyse, limit),
        analyze.build(settings, storage, jobs, links, analyse, limit),
        predict_video.build(settings, pipeline, analyse, limit),
    ]


def live_result(storage: Storage, id: str) -> dict:
    """What a live connection is told of a finished analysis: the answer of `/api/analyze`.

    Raises:
        NoSuchResult, Gone: there is none.
    """
    return result(Report.model_validate(storage.report(id))).model_dump(mode="json")


SHAPES = {
    "compat_upload": as_error,
    "compat_detect": as_error,
    "compat_analyze": as_error,
    "compat_predict_video": as_detail,
}
"""The JSON of a failure, by the blueprint whose clients expect it."""
