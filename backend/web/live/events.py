"""The events of the live connections; `backend.web.live` lists them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import structlog
from flask import request
from flask_socketio import ConnectionRefusedError, SocketIO
from pydantic import ValidationError

from backend.analysis.live_camera import LONG_SIDE
from backend.analysis.pipeline import Pipeline
from backend.errors import AppError, BadRequest, Unauthorized
from backend.jobs import Jobs
from backend.report.build import to_live
from backend.report.error_rates import Rates
from backend.settings import Settings
from backend.storage.store import Storage
from backend.web.access import Access
from backend.web.links import Links
from backend.web.live.camera import Cameras
from backend.web.live.chunked_upload import CHUNK, ChunkedUpload
from backend.web.live.client import Client
from backend.web.live.messages import About, UploadBegin, UploadChunk, Wanted, id_of
from backend.web.live.progress_feed import Followers

WATCH = 5.0  # s between two checks of what a client holds
CAMERA_REST = 30.0  # s without a picture after which a camera place is given to others

log = structlog.get_logger()


class Live:
    """The handlers, with what all connections share.

    Args:
        access: says who may come in.
        links: fetches files from links.
        measured: errors of the model; None where they are not known.
        admit: asked before each upload or link; raises RateLimited.
        result: what is told of a finished analysis, beside its id and address.
    """

    def __init__(
        self,
        settings: Settings,
        storage: Storage,
        jobs: Jobs,
        pipeline: Pipeline,
        socketio: SocketIO,
        access: Access,
        links: Links,
        measured: Rates | None,
        admit: Callable[[], None],
        result: Callable[[str], dict],
    ):
        self._settings, self._storage, self._jobs = settings, storage, jobs
        self._socketio = socketio
        self._measured, self._admit = measured, admit
        self._access = access
        self._card = pipeline.faces.classifier.of("video").card
        self._cameras = Cameras(pipeline.faces.camera, settings.cameras)
        self._links = links
        self._followers = Followers(jobs, self._send, self._waiting, result)
        self._clients: dict[str, Client] = {}

    def connect(self, auth: object = None) -> None:
        """Let a client in; with keys set, one must stand in the header or in `auth.key`, or the
        cookie of somebody signed in must come along."""
        given = request.headers.get("X-API-Key")
        if given is None and isinstance(auth, dict):
            given = str(auth.get("key", ""))
        try:
            sender = self._access.sender(given)
        except Unauthorized as error:
            raise ConnectionRefusedError(str(error), error.detail) from None
        self._clients[request.sid] = Client(request.sid, sender)
        self._send(request.sid, "connection_status", {"models_ready": True})

    def disconnect(self, _reason: str = "") -> None:
        """Forget a client and all that it held."""
        client = self._clients.pop(request.sid, None)
        if client is None:  # it was never let in
            return
        # A lost connection is noticed in another thread than its own. Each is left in any case.
        with client.turn, ExitStack() as left:
            client.over = True
            left.callback(self._followers.remove, client.sid)
            left.callback(self._forget_camera, client)
            left.callback(self._forget_upload, client)

    def handle(self, handler: Callable[..., dict], *args: object) -> dict:
        """Run the handler of an event, and return what it is acknowledged by."""
        client = self._clients.get(request.sid)
        if client is not None:
            with client.turn:
                if not client.over:
                    return handler(self, client, *args)
        raise BadRequest("This connection has ended.")

    def start_analysis(self, client: Client, data: object = None, *_: object) -> dict:
        wanted = Wanted.model_validate(data)
        if wanted.media_url is not None:
            return self._begin_fetch(client, wanted.media_url)
        self._followers.add(client.sid, wanted.id)
        return {"id": wanted.id}

    def stop_analysis(self, client: Client, data: object = None, *_: object) -> dict:
        id = About.model_validate(data).id
        self._followers.remove(client.sid, id)
        return {"id": id}

    def upload_begin(self, client: Client, data: object = None, *_: object) -> dict:
        begin = UploadBegin.model_validate(data)
        if client.upload is not None:
            raise BadRequest("Send one file at a time.")
        self._admit()
        self._storage.check_space()
        with self._jobs.place(client.sender):  # a full house refuses before the bytes come
            client.upload = ChunkedUpload(
                self._storage,
                begin.name,
                begin.size,
                self._settings.max_upload_mb,
                self._settings.upload_timeout,
            )
        self._watch(client)
        return {"id": client.upload.id, "chunk_bytes": CHUNK}

    def upload_chunk(self, client: Client, data: object = None, *_: object) -> dict:
        chunk = UploadChunk.model_validate(data)
        upload = _upload(client, chunk.id)
        try:
            return {"id": chunk.id, "received": upload.add(chunk.index, chunk.data)}
        except BaseException:
            self._forget_upload(client)
            raise

    def upload_end(self, client: Client, data: object = None, *_: object) -> dict:
        upload = _upload(client, About.model_validate(data).id)
        with self._jobs.place(client.sender):  # when it is busy, the end can be sent again
            try:
                status = self._jobs.submit(upload.finish(), upload.label, client.sender)
            finally:
                self._forget_upload(client)
        self._followers.add(client.sid, status["id"])
        return status

    def camera_start(self, client: Client, *_: object) -> dict:
        if client.camera is None:
            client.camera = self._cameras.take()
            client.heard = time.monotonic()
            self._watch(client)
        return {"long_side": LONG_SIDE}

    def camera_frame(self, client: Client, data: object = None, *_: object) -> dict:
        if not isinstance(data, bytes):
            raise BadRequest("Expected a JPEG.")
        if client.camera is None:
            raise BadRequest("Send camera_start first.")
        client.heard = time.monotonic()
        moment = client.camera.judge(data)
        return to_live(moment, self._card, self._measured).model_dump(mode="json")

    def camera_stop(self, client: Client, *_: object) -> dict:
        self._forget_camera(client)
        return {}

    def unknown(self, _client: Client, *_: object) -> dict:
        raise BadRequest("There is no such event.")

    def failed(self, error: Exception) -> dict:
        """Answer an event whose handler raised; returns what it is acknowledged by."""
        error = _told(error)
        self._send(request.sid, "analysis_error", {"id": id_of(request.event), **error.detail})
        return {"error": error.detail}

    def _begin_fetch(self, client: Client, link: str) -> dict:
        """Have a link fetched while the client's other events go on."""
        self._links.check()
        if client.fetches:
            raise BadRequest("Send one link at a time.")
        self._admit()
        self._storage.check_space()
        client.fetches = True
        threading.Thread(target=self._fetch, args=(client, link), daemon=True).start()
        return {"media_url": link}

    def _fetch(self, client: Client, link: str) -> None:
        try:
            with self._jobs.place(client.sender):
                id = self._jobs.submit(*self._links.fetch(link), client.sender)["id"]
            with client.turn:
                client.fetches = False
                if client.over:  # nobody else knows of it
                    self._jobs.cancel(id)
                else:
                    self._followers.add(client.sid, id)
        except Exception as error:
            client.fetches = False
            self._send(client.sid, "analysis_error", {"id": None, **_told(error).detail})

    def _watch(self, client: Client) -> None:
        """Watch over what a client holds for as long as it does: it may fall silent."""
        if client.watch is None or not client.watch.is_alive():
            client.watch = threading.Timer(WATCH, self._take_back, (client,))
            client.watch.daemon = True
            client.watch.start()

    def _take_back(self, client: Client) -> None:
        with client.turn:
            if client.upload is not None and client.upload.is_late:
                self._forget_upload(client)
            if client.camera is not None and time.monotonic() - client.heard > CAMERA_REST:
                self._forget_camera(client)
            client.watch = None
            if client.upload is not None or client.camera is not None:
                self._watch(client)

    def _forget_upload(self, client: Client) -> None:
        upload, client.upload = client.upload, None
        if upload is not None:
            upload.discard()

    def _forget_camera(self, client: Client) -> None:
        camera, client.camera = client.camera, None
        if camera is not None:
            self._cameras.give_back(camera)

    def _send(self, sid: str, event: str, payload: dict) -> None:
        self._socketio.emit(event, payload, to=sid)

    def _waiting(self, sid: str) -> int:
        """How many messages wait for a client; 0 for one that has gone."""
        server = self._socketio.server
        connection = server.eio.sockets.get(server.manager.eio_sid_from_sid(sid, "/"))
        return connection.queue.qsize() if connection else 0


def _told(error: Exception) -> AppError:
    """What a client is told of a failure."""
    if isinstance(error, AppError):
        return error
    if isinstance(error, ValidationError):
        return BadRequest("The event could not be understood.")
    log.error("internal error", kind=type(error).__name__, exc_info=error)
    return AppError()


def _upload(client: Client, id: str) -> ChunkedUpload:
    if client.upload is None or client.upload.id != id:
        raise BadRequest("There is no such upload.")
    return client.upload
