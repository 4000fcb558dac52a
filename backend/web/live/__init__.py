"""Live connections over Socket.IO: progress of analyses, uploads in pieces, the live camera.

What a client sends, each answered through Socket.IO's acknowledgement where one is asked for:

    start_analysis {id}                 follow an analysis, from its present state on: {id}
    start_analysis {media_url}          fetch a link, where that is allowed, analyse the file and
                                        follow it: {media_url}; one at a time
    stop_analysis {id}                  follow it no longer: {id}
    upload_begin {name, size}           send a file: {id, chunk_bytes}; one at a time
    upload_chunk {id, index, data}      its next piece, 0, 1, 2 ...: {id, received}
    upload_end {id}                     queue it, and follow: the status of the new analysis
    camera_start                        take a camera place: {long_side}
    camera_frame data                   judge one JPEG: a `LiveAnswer` of `backend.report.schema`
    camera_stop                         give it back: {}

What it is told; the fields are those of a status, see `backend.jobs.schema`:

    connection_status {models_ready}    it is connected
    progress_update {id, state, stage, progress, eta_seconds, frames_done, frames_total,
                     probability_fake}  each time one of them has changed; progress is in percent
    frame_result {id, index, time, faces}   each frame at most once, when its faces are scored;
                                        those scored last are told by the report alone
    analysis_complete {id, url, ...}    the report is there, and is followed no longer; beside it
                                        stands the answer of `/api/analyze`, see `web.compat`
    analysis_error {id, code, message}  it failed or is gone; or an event was refused, which is
                                        acknowledged by {error: {code, message}} too

The state is in the folders of the jobs, so any web process that shares them can serve any client,
and a client that comes back is told where things stand.
"""

from backend.web.live.setup import build

__all__ = ["build"]
