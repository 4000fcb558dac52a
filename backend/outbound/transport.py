"""An HTTP client that reaches public addresses alone, and gives up at a fixed time.

It is imported where it is used: httpx would delay every start.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Collection

import httpcore
import httpx

from backend.outbound import addresses
from backend.outbound.addresses import Network, Resolve, check_url, reachable

MOST_REDIRECTS = 3
PATIENCE = 10.0  # s for a connection, and for each piece of an answer
HEADERS = {"User-Agent": "deepfake-detector", "Accept-Encoding": "identity"}


def open_client(
    seconds: float, trusted: Collection[Network] = (), resolve: Resolve = addresses.resolve
) -> httpx.Client:
    """A client for one errand: to be used by one thread, and closed.

    Each address, also one that it is redirected to, is checked as `addresses` says, and looked up
    once. Proxies and passwords of the environment are not used. Redirects are followed where the
    caller says so.

    Args:
        seconds: from now on for all of it; then `httpx.TimeoutException` is raised.
        trusted: networks of the operator's that may be reached beside the public ones.
        resolve: looks up a host.

    Raises:
        LinkRefused: while it is used, for an address that may not be reached.
    """
    return httpx.Client(
        transport=_Transport(_Network(time.monotonic() + seconds, trusted, resolve)),
        trust_env=False,
        timeout=PATIENCE,
        max_redirects=MOST_REDIRECTS,
        headers=HEADERS,
        event_hooks={"request": [lambda request: check_url(str(request.url))]},
    )


class _Transport(httpx.HTTPTransport):
    """Sends requests through a network of our own."""

    def __init__(self, network: httpcore.NetworkBackend):
        context = httpx.create_ssl_context(trust_env=False)
        super().__init__(verify=context, trust_env=False)
        # The library has no option for it; its version is pinned, and the tests hold on to this.
        self._pool = httpcore.ConnectionPool(ssl_context=context, network_backend=network)


class _Network(httpcore.NetworkBackend):
    """Connects to addresses that were checked, until its time is over."""

    def __init__(self, end: float, trusted: Collection[Network], resolve: Resolve):
        self._end, self._trusted, self._resolve = end, trusted, resolve
        self._inside = httpcore.SyncBackend()

    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        found = reachable(host, port, self._trusted, self._resolve)
        for address in found:
            seconds = _left(self._end, timeout, httpcore.ConnectTimeout)
            try:
                line = self._inside.connect_tcp(
                    address, port, seconds, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if address == found[-1]:
                    raise
            else:
                return _Line(line, self._end)


class _Line(httpcore.NetworkStream):
    """A connection whose every step ends in time: who sends a byte now and then gains nothing."""

    def __init__(self, inside: httpcore.NetworkStream, end: float):
        self._inside, self._end = inside, end
        self.close, self.get_extra_info = inside.close, inside.get_extra_info

    def read(self, max_bytes, timeout=None):
        return self._inside.read(max_bytes, _left(self._end, timeout, httpcore.ReadTimeout))

    def write(self, buffer, timeout=None):
        self._inside.write(buffer, _left(self._end, timeout, httpcore.WriteTimeout))

    def start_tls(self, ssl_context: ssl.SSLContext, server_hostname=None, timeout=None):
        seconds = _left(self._end, timeout, httpcore.ConnectTimeout)
        line = self._inside.start_tls(ssl_context, server_hostname, seconds)
        return _Line(line, self._end)


def _left(end: float, timeout: float | None, late: type[Exception]) -> float:
    """Seconds for the next step."""
    left = end - time.monotonic()
    if left <= 0:
        raise late
    return left if timeout is None else min(left, timeout)
