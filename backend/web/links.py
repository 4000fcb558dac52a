"""The file of a request: sent along, or fetched from the link that was sent instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from flask import request

from backend.errors import BadRequest, LinksOff, NoFile, StorageFull
from backend.settings import Settings
from backend.storage.store import Storage
from backend.web.hang_up import hang_up_after
from backend.web.uploads import Received, label_of, receive_file, receive_files

FIELD = "media_url"  # holds a link, in a form or in JSON
SMALL = 65_536  # bytes of a body without a file
SLOWEST = 15.0  # s that it may take to arrive


class Links:
    """Fetches files from links, where the settings allow it.

    Args:
        settings: `links`, `link_timeout`, `max_upload_mb`, `trusted_networks`.
        storage: where the bytes go.
    """

    def __init__(self, settings: Settings, storage: Storage):
        self._settings, self._storage = settings, storage
        if settings.links:
            from backend.outbound.links import fetch  # its libraries would delay every start

            self._fetch = fetch

    def check(self) -> None:
        """Raise LinksOff where no links are fetched."""
        if not self._settings.links:
            raise LinksOff()

    def fetch(self, url: object) -> tuple[Path, str]:
        """Fetch what a link leads to.

        Args:
            url: as it was sent.

        Returns:
            Where its bytes are, and a name for them.

        Raises:
            AppError: see `backend.outbound.links.fetch`; nothing is left of it.
        """
        self.check()
        if not isinstance(url, str) or not url:
            raise BadRequest(f"Expected a link in `{FIELD}`.")
        settings = self._settings
        file = self._storage.receive()
        try:
            with file:
                name = self._fetch(
                    url.strip(),
                    file,
                    settings.max_upload_mb,
                    settings.link_timeout,
                    settings.trusted_networks,
                )
        except BaseException as error:
            self._storage.discard(Path(file.name))
            if isinstance(error, OSError):  # what was buffered could not be written
                raise StorageFull() from None
            raise
        return Path(file.name), label_of(name)

    def receive(self, *fields: str) -> tuple[Path, str]:
        """The one file of this request, whichever way it comes.

        Args:
            fields: those of a form that may hold a file; by default `file`.

        Returns:
            Where its bytes are, and the user's name for them.

        Raises:
            AppError: see `backend.web.uploads.receive_file` and `fetch`.
        """
        try:
            return receive_file(*fields)
        except NoFile as error:
            return self._receive_link(error)

    def receive_files(self, admit: Callable[[], None], most: int) -> list[Received]:
        """The files of this request, or the one behind its link; like `uploads.receive_files`."""
        try:
            return receive_files(admit, most)
        except NoFile as error:
            path, label = self._receive_link(error)
            return [Received(path, label, path.stat().st_size, None)]

    def _receive_link(self, otherwise: NoFile) -> tuple[Path, str]:
        link = sent_fields().get(FIELD)
        if link is None:
            raise otherwise
        return self.fetch(link)


def sent_fields() -> Mapping:
    """The fields of this request beside its files, in whichever way they come."""
    return request.form if request.mimetype == "multipart/form-data" else small_body()


def small_body() -> dict:
    """The fields of a body that is JSON or a plain form.

    Empty for any other, and for one that is larger than a few links are: that is not read.

    Raises:
        BadRequest: it is no JSON object.
    """
    plain = request.mimetype == "application/x-www-form-urlencoded"
    if not (request.is_json or plain) or (request.content_length or 0) > SMALL:
        return {}
    request.max_content_length = SMALL
    with hang_up_after(request.environ.get("gunicorn.socket"), SLOWEST):
        sent = request.get_json(silent=True) if request.is_json else request.form.to_dict()
    if not isinstance(sent, dict):
        raise BadRequest("The body could not be read as a JSON object.")
    return sent
