"""Analyses in the background: a queue of jobs that survives crashes, and workers that run them.

The folder of a job is its record: `uploads/.jobs/<id>/` holds the received file and `job.json`
until the job ends; the outcome is `static/results/<id>/` under the same id. Every process that
shares those folders sees the same jobs, so whoever asks need not be who works.

The interface, for the web and everything else (`Jobs`, thread-safe):

    with jobs.place(client):                       before a file is received; raises Busy
        jobs.submit(path, label, client) -> dict   queue it; raises AppError
    jobs.status(id) -> dict                        how it stands; raises NoSuchResult or Gone
    jobs.follow(id) -> Iterator[dict]              its status each time it changes, to the end
    jobs.cancel(id)                                delete everything of it, in any state

A status is a `backend.jobs.schema.Status`, ready for JSON; one that was cancelled is Gone.
The report itself is `storage.report(id)` once the state is "done".
"""

from backend.jobs.service import Jobs

__all__ = ["Jobs"]
