"""Fetches the file behind a link, as a stranger's: into an open file, up to a size, in time."""

from __future__ import annotations

from collections.abc import Collection
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

import httpx

from backend.errors import LinkFailed, LinkSlow, StorageFull, TooLarge
from backend.outbound import addresses
from backend.outbound.addresses import Network, Resolve
from backend.outbound.transport import MOST_REDIRECTS, open_client

PIECE = 65_536  # bytes


def fetch(
    url: str,
    into: BinaryIO,
    megabytes: int,
    seconds: float,
    trusted: Collection[Network] = (),
    resolve: Resolve = addresses.resolve,
) -> str:
    """Fetch what a link leads to.

    Args:
        url: begins with http:// or https://; up to 3 redirects are followed.
        into: what comes is written to it, as it comes.
        megabytes: the limit of its size, of 1,000,000 bytes.
        seconds: for all of it.
        trusted, resolve: see `transport.open_client`.

    Returns:
        A name for the file: the end of the link.

    Raises:
        LinkRefused: it, or one that it is redirected to, may not be reached.
        LinkFailed: no file came: another status, too many redirects, a broken connection.
        LinkSlow: it took too long.
        TooLarge: more came, or was announced, than the limit.
        StorageFull: the disk is full.
    """
    try:
        with (
            open_client(seconds, trusted, resolve) as client,
            client.stream("GET", url, follow_redirects=True) as answer,
        ):
            _check(answer, megabytes)
            _write(answer, into, megabytes)
    except httpx.TimeoutException:
        raise LinkSlow() from None
    except httpx.TooManyRedirects:
        raise LinkFailed(f"The link was redirected more than {MOST_REDIRECTS} times.") from None
    except (httpx.HTTPError, httpx.InvalidURL):
        raise LinkFailed() from None
    return _name(url)


def _check(answer: httpx.Response, megabytes: int) -> None:
    """Refuse an answer by its head."""
    if answer.status_code != 200:
        raise LinkFailed(f"The server of the link answered with status {answer.status_code}.")
    coding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if coding != "identity":  # we asked for none; a few bytes could become any number of them
        raise LinkFailed("The server of the link sent the file compressed, unasked.")
    announced = answer.headers.get("Content-Length", "")
    if announced.isdecimal() and int(announced) > megabytes * 1_000_000:
        raise _too_large(megabytes)


def _write(answer: httpx.Response, into: BinaryIO, megabytes: int) -> None:
    for piece in answer.iter_raw(PIECE):
        if answer.num_bytes_downloaded > megabytes * 1_000_000:
            raise _too_large(megabytes)
        try:
            into.write(piece)
        except OSError:
            raise StorageFull() from None


def _too_large(megabytes: int) -> TooLarge:
    return TooLarge(f"The file is larger than the limit of {megabytes} MB.")


def _name(url: str) -> str:
    parts = urlsplit(url)
    return unquote(parts.path).rstrip("/").rpartition("/")[2] or parts.hostname or "link"
