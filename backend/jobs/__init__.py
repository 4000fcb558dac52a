"""Analyses in the background: a queue of jobs that survives crashes, and workers that run them.

The folder of a job is its record: `uploads/.jobs/<id>/` holds the received file and `job.json`
until the job ends; the outcome is `static/results/<id>/` under the same id. Every process that
shares those folders sees the same jobs, so whoever asks need not be who works.

The interface, for the web and everything else (`Jobs`, thread-safe):

    with jobs.place(client):                       before a file is received; raises Busy
        jobs.submit(path, label, client) -> dict   queue it; raises AppError
    jobs.status(id) -> dict                        how it stands; raises NotFound or Gone
    jobs.follow(id) -> Iterator[dict]              its status each time it changes, to the end
    jobs.cancel(id)                                delete everything of it, in any state

A status is ready for JSON:

    id              str
    status          "success", or "error" once it has failed
    state           "queued" | "running" | "done" | "failed"; a cancelled job is Gone
    url             its page, "/results/<id>"
    status_url      "/api/v1/analyses/<id>"
    file            {"name", "size"}
    stage           "waiting" | "faces" | "scores" | "pictures" | "done"
    percent         int, 0 to 100
    frames_done     int, moments looked at
    frames_total    int or null while it is not known
    eta_seconds     float or null, until the end of the analysis once it runs
    partial         {"probability_fake": float or null, "faces": int people so far,
                     "frames": [{"index", "time", "faces": [{"box", "track", "probability",
                     "concern"}]}]}: what is known so far, each frame once, in order; the
                     probability of a face is null until it has been scored
    error           {"code", "message"} when failed, else null
    created_at, expires_at   ISO 8601, UTC

The report itself is `storage.report(id)` once the state is "done".
"""

from backend.jobs.service import Jobs

__all__ = ["Jobs"]
