"""Live connections over Socket.IO: progress of analyses, uploads in pieces, the live camera.

What a client sends, each answered through Socket.IO's acknowledgement where one is asked for, and
by the events `progress_update`, `frame_result`, `analysis_complete` and `analysis_error`:

    start_analysis {id}                 follow an analysis, from its present state on
    stop_analysis {id}                  follow it no longer
    upload_begin {name, size}           send a file: {id, chunk_bytes}; one at a time
    upload_chunk {id, index, data}      its next piece, 0, 1, 2 ...: {id, received}
    upload_end {id}                     queue it, and follow: the status of the new analysis
    camera_start                        take a camera place: {long_side}
    camera_frame data                   judge one JPEG: faces and verdict, see `camera.answer`
    camera_stop                         give it back

An event that fails is acknowledged by {error: {code, message}} and answered by `analysis_error`
{id, code, message}. The state is in the folders of the jobs, so any web process that shares them
can serve any client, and a client that comes back is told where things stand.
"""

from backend.web.live.events import build

__all__ = ["build"]
