"""Reads the body of an upload straight into the storage, within limits of time and size."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from flask import Request, current_app, request

from backend.errors import AppError, BadRequest, NoFile, StorageFull, TooLarge, UploadStalled
from backend.web.hang_up import hang_up_after

FORM_OVERHEAD = 64 * 1024  # bytes: room for boundaries and headers beside the file
FORM_PARTS = 16
MAX_LABEL = 255  # characters of the user's file name; its end holds the extension
STALL_TIMEOUT = 30.0  # s without a single byte after which a sender is given up
UNREADABLE = "The form cannot be read: a part is missing, or a file's name is not in UTF-8."
GRACE = 5.0  # s beyond the time of a file until its sender is hung up on


@dataclass(frozen=True, slots=True)
class Received:
    """One file of a request: its bytes and the user's name for it, or why it was not taken."""

    path: Path | None
    label: str
    size: int
    error: AppError | None


class UploadRequest(Request):
    """A request whose files go into `uploads/.incoming`, where the sweep knows them.

    Werkzeug would put them into anonymous temporary files, which the analysis would have to copy.

    Attributes:
        files_expected: as many as it may hold.
        admit: asked before each file after the first; the AppError that it raises is that file's.
            None: a second file is refused together with the first.
    """

    admit: Callable[[], None] | None = None
    files_expected = 1

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.incoming: list[_Incoming] = []
        self.began = time.monotonic()

    def make_form_data_parser(self):
        parser = super().make_form_data_parser()
        parser.silent = False  # else a form that cannot be read looks like one without a file
        return parser

    def _get_file_stream(
        self, total_content_length, content_type, filename=None, content_length=None
    ):
        if self.incoming and self.admit is None:
            raise BadRequest("Send one file at a time.")
        error = None
        if self.incoming:
            try:
                self.admit()
            except AppError as refusal:
                error = refusal
        limits = _limits()
        self.incoming.append(_Incoming(limits, self.began + limits.together, error))
        return self.incoming[-1]


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What the files of a request may take.

    Attributes:
        receive: opens a file.
        seconds, megabytes: for each of them; megabytes are 1,000,000 bytes.
        together: seconds for all: the first must not be swept away while the last arrives.
    """

    receive: Callable[[], BinaryIO]
    seconds: float
    megabytes: int
    together: float


class _Incoming:
    """A file that may be written until a moment, up to a size; what is refused is dropped.

    Args:
        end: of all files of the request, by the monotonic clock.
        error: why nothing of it will be kept; such a file is not even opened.
    """

    def __init__(self, limits: UploadLimits, end: float, error: AppError | None):
        self._limits, self.error = limits, error
        self._file = io.BytesIO() if error else limits.receive()
        self._end = min(end, time.monotonic() + limits.seconds)
        self.path, self.size = None if error else Path(self._file.name), 0

    def write(self, data: bytes) -> int:
        if time.monotonic() > self._end:
            raise UploadStalled()
        self.size += len(data)
        if self.error is None and self.size > self._limits.megabytes * 1_000_000:
            self.error = TooLarge(
                f"The file is larger than the limit of {self._limits.megabytes} MB."
            )
            self._file.truncate(0)
        if self.error:
            return len(data)
        try:
            return self._file.write(data)
        except OSError:
            raise StorageFull() from None

    def close(self) -> None:
        """Flush what is kept; twice does no harm."""
        try:
            self._file.close()
        except OSError:  # the disk is full: what was buffered cannot be written
            self.error = self.error or StorageFull()

    def discard(self) -> None:
        """Delete it, if nobody else has taken it."""
        self.close()
        if self.path is not None:
            current_app.extensions["storage"].discard(self.path)

    def __getattr__(self, name: str):
        return getattr(self._file, name)


def receive_file(*fields: str) -> tuple[Path, str]:
    """Read the body of this request, which holds one file.

    Args:
        fields: those of the form that may hold it; by default `file`.

    Returns:
        Where its bytes are, and the user's name for them.

    Raises:
        NoFile: the field is missing or nothing was chosen.
        UploadStalled: the bytes came too slowly.
    """
    file = next(_receive(fields or ("file",)))
    if file.error is not None:
        raise file.error
    return file.path, file.label


def receive_files(admit: Callable[[], None], most: int) -> list[Received]:
    """Read the body of this request, which holds files in the form field `file`.

    Args:
        admit: see `UploadRequest`.
        most: files of the largest size that the body may hold.

    Raises:
        NoFile, UploadStalled: like `receive_file`.
    """
    request.admit = admit
    request.files_expected = most
    one = _limits().megabytes * 1_000_000 + FORM_OVERHEAD
    request.max_content_length = most * one
    request.max_form_parts = FORM_PARTS * most
    return list(_receive(("file",)))


def _receive(fields: Sequence[str]) -> Iterator[Received]:
    if request.mimetype != "multipart/form-data":
        raise NoFile()  # Werkzeug would read any other form into memory, whole and in pieces
    connection = request.environ.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(STALL_TIMEOUT)
    # Bytes are counted in pieces of 64 kB: between two of them nobody looks at the time.
    limits = _limits()
    longest = min(request.files_expected * limits.seconds, limits.together)
    with hang_up_after(connection, longest + GRACE):
        try:
            sent = [file for field in fields for file in request.files.getlist(field)]
        except ValueError:
            raise BadRequest(UNREADABLE) from None
    chosen = [file for file in sent if file.filename]
    if not chosen:
        raise NoFile()
    for each in chosen:
        file = each.stream
        file.close()  # flushed: other processes read the file from here on
        yield Received(file.path, label_of(each.filename), file.size, file.error)


def label_of(name: str) -> str:
    """A user's name for a file without its folders, as it is kept."""
    label = name.replace("\\", "/").rsplit("/", 1)[-1]
    return label.encode("utf-8", "replace").decode()[-MAX_LABEL:]


def _limits() -> UploadLimits:
    return current_app.extensions["upload_limits"]


def forget_uploads(_error: BaseException | None = None) -> None:
    """Delete what this request received, if nobody else has done it; runs after every request."""
    for file in getattr(request, "incoming", ()):
        file.discard()
