"""The events of the live connections; `backend.web.live` lists them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Annotated

import structlog
from flask import Flask, request
from flask_socketio import ConnectionRefusedError, SocketIO
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend.camera import LONG_SIDE, Camera
from backend.errors import AppError, BadRequest, Unauthorized
from backend.jobs import Jobs
from backend.pipeline import Pipeline
from backend.settings import Settings
from backend.storage import Storage
from backend.web.live import transport
from backend.web.live.camera import Cameras, answer
from backend.web.live.door import Door
from backend.web.live.follow import Followers
from backend.web.live.uploads import CHUNK, ChunkedUpload
from backend.web.security import Keys, mark

log = structlog.get_logger()
# Whatever a client sends that is no Socket.IO ends its own connection and is no news.
logging.getLogger("engineio.server").setLevel(logging.CRITICAL)


class _Event(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


Id = Annotated[str, Field(max_length=64)]


class _Analysis(_Event):
    id: Id


class _Begin(_Event):
    name: str = Field(min_length=1, max_length=4096)
    size: int = Field(ge=1)


class _Chunk(_Event):
    id: Id
    index: int = Field(ge=0)
    data: bytes


class _Client:
    """What one connection holds; `turn` is held while an event of it is handled."""

    def __init__(self, sender: str):
        self.sender = sender
        self.turn = threading.Lock()
        self.upload: ChunkedUpload | None = None
        self.camera: Camera | None = None


class Live:
    """The handlers, with what all connections share."""

    def __init__(
        self,
        settings: Settings,
        storage: Storage,
        jobs: Jobs,
        pipeline: Pipeline,
        socketio: SocketIO,
        admit: Callable[[], None],
    ):
        self._settings, self._storage, self._jobs = settings, storage, jobs
        self._socketio = socketio
        self._admit = admit
        self._keys = Keys(settings.api_keys)
        self._card = pipeline.classifier.card
        self._cameras = Cameras(pipeline.camera, settings.cameras)
        self._followers = Followers(jobs, self._send, self._waiting)
        self._clients: dict[str, _Client] = {}

    def connect(self, auth: object = None) -> None:
        """Let a client in; with keys set, one must stand in the header or in `auth.key`."""
        given = request.headers.get("X-API-Key")
        if given is None and isinstance(auth, dict):
            given = str(auth.get("key", ""))
        if not self._keys.accept(given):
            error = Unauthorized()
            raise ConnectionRefusedError(str(error), error.detail)
        sender = mark(given if self._keys else request.remote_addr or "")
        self._clients[request.sid] = _Client(sender)
        self._send(request.sid, "connection_status", {"models_ready": True})

    def disconnect(self, _reason: str = "") -> None:
        """Forget a client and all that it held."""
        self._followers.remove(request.sid)
        client = self._clients.pop(request.sid, None)
        if client is not None:
            with client.turn:  # a lost connection is noticed in another thread than its own
                self._forget_upload(client)
                self._forget_camera(client)

    def handle(self, handler: Callable, *args: object) -> dict:
        """Run the handler of an event of a client that is connected."""
        with self._client.turn:
            return handler(self, *args)

    def start_analysis(self, data: object = None, *_: object) -> dict:
        id = _Analysis.model_validate(data).id
        self._followers.add(request.sid, id)
        return {"id": id}

    def stop_analysis(self, data: object = None, *_: object) -> dict:
        id = _Analysis.model_validate(data).id
        self._followers.remove(request.sid, id)
        return {"id": id}

    def upload_begin(self, data: object = None, *_: object) -> dict:
        begin = _Begin.model_validate(data)
        if self._client.upload is not None:
            raise BadRequest("Send one file at a time.")
        self._admit()
        self._storage.check_space()
        with self._jobs.place(self._client.sender):  # a full house refuses before the bytes come
            self._client.upload = ChunkedUpload(
                self._storage,
                begin.name,
                begin.size,
                self._settings.max_upload_mb,
                self._settings.upload_timeout,
            )
        return {"id": self._client.upload.id, "chunk_bytes": CHUNK}

    def upload_chunk(self, data: object = None, *_: object) -> dict:
        chunk = _Chunk.model_validate(data)
        upload = self._upload(chunk.id)
        try:
            return {"id": chunk.id, "received": upload.add(chunk.index, chunk.data)}
        except AppError:
            self._forget_upload(self._client)
            raise

    def upload_end(self, data: object = None, *_: object) -> dict:
        upload = self._upload(_Analysis.model_validate(data).id)
        with self._jobs.place(self._client.sender):  # when it is busy, the end can be sent again
            try:
                status = self._jobs.submit(upload.finish(), upload.label, self._client.sender)
            finally:
                self._forget_upload(self._client)
        self._followers.add(request.sid, status["id"])
        return status

    def camera_start(self, *_: object) -> dict:
        if self._client.camera is None:
            self._client.camera = self._cameras.take()
        return {"long_side": LONG_SIDE}

    def camera_frame(self, data: object = None, *_: object) -> dict:
        if not isinstance(data, bytes):
            raise BadRequest("Expected a JPEG.")
        if self._client.camera is None:
            raise BadRequest("Send camera_start first.")
        return answer(self._client.camera.look(data), self._card)

    def camera_stop(self, *_: object) -> dict:
        self._forget_camera(self._client)
        return {}

    def unknown(self, *_: object) -> dict:
        raise BadRequest("There is no such event.")

    def failed(self, error: Exception) -> dict:
        """Answer an event whose handler raised; returns what it is acknowledged by."""
        if isinstance(error, ValidationError):
            error = BadRequest("The event could not be understood.")
        elif not isinstance(error, AppError):
            log.error("internal error", kind=type(error).__name__, exc_info=error)
            error = AppError()
        self._send(request.sid, "analysis_error", {"id": _id_of(request.event), **error.detail})
        return {"error": error.detail}

    @property
    def _client(self) -> _Client:
        client = self._clients.get(request.sid)
        if client is None:
            raise BadRequest("This connection has ended.")
        return client

    def _upload(self, id: str) -> ChunkedUpload:
        upload = self._client.upload
        if upload is None or upload.id != id:
            raise BadRequest("There is no such upload.")
        return upload

    def _forget_upload(self, client: _Client) -> None:
        upload, client.upload = client.upload, None
        if upload is not None:
            upload.discard()

    def _forget_camera(self, client: _Client) -> None:
        camera, client.camera = client.camera, None
        if camera is not None:
            self._cameras.give_back(camera)

    def _send(self, client: str, event: str, payload: dict) -> None:
        self._socketio.emit(event, payload, to=client)

    def _waiting(self, client: str) -> int:
        """How many messages wait for a client; 0 for one that has gone."""
        server = self._socketio.server
        connection = server.eio.sockets.get(server.manager.eio_sid_from_sid(client, "/"))
        return connection.queue.qsize() if connection else 0


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


def build(
    app: Flask,
    settings: Settings,
    storage: Storage,
    jobs: Jobs,
    pipeline: Pipeline,
    admit: Callable[[], None],
) -> Door:
    """Put the live connections before the application's other addresses.

    Args:
        admit: asked before each upload; raises RateLimited.

    Returns:
        Their door, to be closed when the server stops.
    """
    socketio = SocketIO(
        app,
        async_mode="threading",
        async_handlers=False,  # one event of a client after another, in the thread of its socket
        transports=["websocket"],
        cors_allowed_origins=[],  # the door knows who is welcome
        max_http_buffer_size=transport.MOST_MESSAGE,
        serializer=transport.Packet,
        manage_session=False,
    )
    transport.bound(socketio.server)
    live = Live(settings, storage, jobs, pipeline, socketio, admit)
    socketio.on_event("connect", live.connect)
    socketio.on_event("disconnect", live.disconnect)
    for name, handler in EVENTS.items():
        socketio.on_event(name, partial(live.handle, handler))
    socketio.on_error_default(live.failed)
    door = Door(app.wsgi_app, settings)
    app.wsgi_app = door
    return door


def _id_of(event: dict) -> str | None:
    """The id that a failed event was about, where it named one."""
    first = event["args"][0] if event["args"] else None
    id = first.get("id") if isinstance(first, dict) else None
    return id if isinstance(id, str) and len(id) <= 64 else None
