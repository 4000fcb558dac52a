"""Reads the body of an upload straight into the storage, within a time limit."""

from __future__ import annotations

import time
from pathlib import Path
from typing import BinaryIO

from flask import Request, current_app, request

from backend.errors import BadRequest, NoFile, UploadStalled

FORM_OVERHEAD = 64 * 1024  # bytes: room for boundaries and headers beside the file
MAX_LABEL = 255  # characters of the user's file name; its end holds the extension
STALL_TIMEOUT = 30.0  # s without a single byte after which a sender is given up


class UploadRequest(Request):
    """A request whose one file goes into `uploads/.incoming`, where the sweep knows it.

    Werkzeug would put it into an anonymous temporary file, which the analysis would have to copy.
    """

    incoming: BinaryIO | None = None

    def _get_file_stream(
        self, total_content_length, content_type, filename=None, content_length=None
    ):
        if self.incoming is not None:
            raise BadRequest("Send one file at a time.")
        self.incoming = current_app.extensions["storage"].receive()
        end = time.monotonic() + current_app.extensions["upload_timeout"]
        return _TimedFile(self.incoming, end)


class _TimedFile:
    """A file that may be written until a moment of the monotonic clock."""

    def __init__(self, file: BinaryIO, end: float):
        self._file = file
        self._end = end

    def write(self, data: bytes) -> int:
        if time.monotonic() > self._end:
            raise UploadStalled()
        return self._file.write(data)

    def __getattr__(self, name: str):
        return getattr(self._file, name)


def receive_file() -> tuple[Path, str]:
    """Read the body of this request.

    Returns:
        Where the bytes of the form field `file` are, and the user's name for them.

    Raises:
        NoFile: the field is missing or nothing was chosen.
        UploadStalled: the bytes came too slowly.
    """
    connection = request.environ.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(STALL_TIMEOUT)
    field = request.files.get("file")
    if field is None or not field.filename:
        raise NoFile()
    request.incoming.close()  # flushed: other processes read the file from here on
    label = field.filename.replace("\\", "/").rsplit("/", 1)[-1]
    return Path(request.incoming.name), label.encode("utf-8", "replace").decode()[-MAX_LABEL:]


def forget_upload(_error: BaseException | None = None) -> None:
    """Delete what this request received, if nobody else has done it; runs after every request."""
    incoming = getattr(request, "incoming", None)
    if incoming is not None:
        incoming.close()
        current_app.extensions["storage"].discard(Path(incoming.name))
