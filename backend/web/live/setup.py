"""Puts the live connections before the application's other addresses."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from flask import Flask
from flask_socketio import SocketIO

from backend.analysis.pipeline import Pipeline
from backend.jobs import Jobs
from backend.report.error_rates import Rates
from backend.settings import Settings
from backend.storage.store import Storage
from backend.web.access import Access
from backend.web.links import Links
from backend.web.live import transport
from backend.web.live.events import Live
from backend.web.live.gate import Door

EVENTS = {
    "start_analysis": Live.start_analysis,
    "stop_analysis": Live.stop_analysis,
    "upload_begin": Live.upload_begin,
    "upload_chunk": Live.upload_chunk,
    "upload_end": Live.upload_end,
    "camera_start": Live.camera_start,
    "camera_frame": Live.camera_frame,
    "camera_stop": Live.camera_stop,
    "*": Live.unknown,
}

# Whatever a client sends that is no Socket.IO ends its own connection and is no news.
logging.getLogger("engineio.server").setLevel(logging.CRITICAL)


def build(
    app: Flask,
    settings: Settings,
    storage: Storage,
    jobs: Jobs,
    pipeline: Pipeline,
    access: Access,
    links: Links,
    measured: Rates | None,
    admit: Callable[[], None],
    result: Callable[[str], dict],
) -> Door:
    """Make the live connections of an application.

    Args:
        access: says who may come in.
        links: fetches files from links.
        measured: errors of the model; None where they are not known.
        admit: asked before each upload or link; raises RateLimited.
        result: what is told of a finished analysis, beside its id and address.

    Returns:
        Their door, to be closed when the server stops.
    """
    socketio = SocketIO(
        app,
        async_mode="threading",
        async_handlers=False,  # one event of a client after another, in the thread of its socket
        transports=["websocket", "polling"],  # the door knows whether polling is let in
        http_compression=False,
        cors_allowed_origins=[],  # the door knows who is welcome
        max_http_buffer_size=transport.MOST_MESSAGE,
        serializer=transport.Packet,
        manage_session=False,
    )
    transport.bound(socketio.server)
    live = Live(settings, storage, jobs, pipeline, socketio, access, links, measured, admit, result)
    socketio.on_event("connect", live.connect)
    socketio.on_event("disconnect", live.disconnect)
    for name, handler in EVENTS.items():
        socketio.on_event(name, partial(live.handle, handler))
    socketio.on_error_default(live.failed)
    door = Door(app.wsgi_app, settings, socketio.server.eio.sockets)
    app.wsgi_app = door
    return door
