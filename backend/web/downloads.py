"""The downloads of a finished analysis: PDF to file, CSV of faces and voice, JSON of all."""

from __future__ import annotations

import re
import threading
from pathlib import Path

from apiflask import APIBlueprint
from flask import Response, jsonify

from backend.errors import Busy
from backend.report.csv_tables import frames_csv, voice_csv
from backend.report.error_rates import Measured
from backend.report.model_errors import Errors
from backend.report.schema import Report
from backend.settings import __version__
from backend.storage.store import Storage
from backend.web.openapi import failures, file_of_type

WAITING = 6  # PDFs made or waited for at once: the threads are for everybody
LONGEST = 60  # characters of the user's file name in that of a download


def build(storage: Storage, measured: Measured, errors: Errors) -> APIBlueprint:
    """The routes; each reads the one report and the pictures beside it."""
    one_at_a_time = threading.Lock()  # a PDF takes 60 MB and most of a second of one core
    in_line = threading.BoundedSemaphore(WAITING)
    downloads = APIBlueprint(
        "downloads", __name__, url_prefix="/api/v1/analyses/<id>", tag="Analyses"
    )

    @downloads.get("/report.pdf")
    @downloads.doc(
        operation_id="download_pdf",
        responses=file_of_type("application/pdf", "The report.") | failures(401, 404, 410, 503),
    )
    def pdf(id: str):
        """Download the report as a PDF that can be filed."""
        from backend.report.pdf import pdf_report  # its libraries would delay every start

        report = storage.report(id)
        if not in_line.acquire(blocking=False):
            raise Busy("Too many reports are being made at the moment.")
        try:
            with one_at_a_time:
                content = pdf_report(
                    report, lambda name: storage.picture(id, name), measured, errors, __version__
                )
        finally:
            in_line.release()
        return _download(Response(content, mimetype="application/pdf"), report, "report.pdf")

    @downloads.get("/frames.csv")
    @downloads.doc(
        operation_id="download_frames_csv",
        responses=file_of_type("text/csv", "The frames.") | failures(401, 404, 410),
    )
    def csv(id: str):
        """Download every face of every frame as a table."""
        report = storage.report(id)
        return _download(Response(frames_csv(report), mimetype="text/csv"), report, "frames.csv")

    @downloads.get("/voice.csv")
    @downloads.doc(
        operation_id="download_voice_csv",
        responses=file_of_type("text/csv", "The windows.") | failures(401, 404, 410),
    )
    def voice(id: str):
        """Download every window of the voice as a table; without one only its header."""
        report = storage.report(id)
        return _download(Response(voice_csv(report), mimetype="text/csv"), report, "voice.csv")

    @downloads.get("/report.json")
    @downloads.output(Report)
    @downloads.doc(operation_id="download_report", responses=failures(401, 404, 410))
    def json(id: str):
        """Download the whole report as a file."""
        report = storage.report(id)
        return _download(jsonify(report), report, "report.json")

    return downloads


def _download(response: Response, report: dict, kind: str) -> Response:
    """Make the browser save it, under a name that tells of which file it is."""
    stem = re.sub(r"[^\w-]+", "-", Path(report["file"]["name"]).stem).strip("-")[:LONGEST]
    name = f"{stem or 'analysis'}-deepfake-{kind}"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    response.headers["Cache-Control"] = "no-store"
    return response
