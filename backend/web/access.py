"""Who may come in: programs by an API key, people by a signed session that such a key began."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Collection
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, request, session
from flask.sessions import SecureCookieSessionInterface

from backend.errors import SetupError, Unauthorized
from backend.settings import Settings

LASTS = timedelta(hours=12)  # a session, a long day of work
SECRET = "session-secret"  # the file in the cache folder


class Access:
    """Tells who sends the current request; without keys everybody may come in.

    A session names the key that began it, by a digest that tells nothing to whom it is shown:
    without that key in the settings it is over.

    Args:
        settings: `api_keys`, the `password` that is for people alone, and the `metrics_key` that
            opens nothing else.
        secret: what sessions are signed with.
    """

    def __init__(self, settings: Settings, secret: bytes):
        self._programs = [key.encode() for key in settings.api_keys]
        self._people = [*self._programs, *filter(None, [settings.password.encode()])]
        watchers = [*self._programs, settings.metrics_key.encode()]
        self._watchers = list(filter(None, watchers))
        self._secret = secret

    @property
    def is_asked_for(self) -> bool:
        """Whether there are keys."""
        return bool(self._programs)

    def sender(self, key: str | None) -> str:
        """A name for who sends the request that tells nothing about them; it is stored.

        Args:
            key: API key that was given.

        Raises:
            Unauthorized: no key or session lets them in.
        """
        if not self.is_asked_for:
            return mark(request.remote_addr or "")
        if key is not None and _match(key, self._programs):
            return mark(key)
        if self.is_signed_in:
            return mark(session["id"])
        raise Unauthorized()

    def check_watcher(self) -> None:
        """Let in who may read the metrics; without any key everybody may.

        Raises:
            Unauthorized: no key or session lets them in.
        """
        bearer = request.authorization.token if request.authorization else None
        given = bearer or request.headers.get("X-API-Key") or ""
        if self._watchers and not _match(given, self._watchers) and not self.is_signed_in:
            raise Unauthorized("A valid key is needed in the header Authorization: Bearer KEY.")

    @property
    def is_signed_in(self) -> bool:
        """Whether the request carries a session, and none but our own pages can have sent it."""
        if not self.is_asked_for or not is_welcome(request.headers.get("Origin"), request.host, ()):
            return False
        began = session.get("began", "")
        return _match(began, [self._digest(key).encode() for key in self._people])

    def sign_in(self, given: str) -> bool:
        """Begin a session for who gives a key or the password; false where it is neither."""
        if not _match(given, self._people):
            return False
        session.clear()
        session["began"] = self._digest(given.encode())
        session["id"] = secrets.token_hex(16)
        return True

    def _digest(self, key: bytes) -> str:
        return hmac.new(self._secret, key, "sha256").hexdigest()


class _Sessions(SecureCookieSessionInterface):
    """Keeps the cookie to HTTPS where the pages are reached over it, also behind a proxy."""

    def get_cookie_secure(self, app: Flask) -> bool:
        page = urlsplit(request.headers.get("Origin", "")).scheme  # of the form that was sent
        return request.is_secure or page == "https"


def sign_sessions(app: Flask, secret: bytes) -> None:
    """Have an application sign its sessions; they are for our own pages, and for no script."""
    app.session_interface = _Sessions()
    app.secret_key = secret
    app.config.update(
        SESSION_COOKIE_NAME="deepfake-session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=LASTS,
    )


def session_secret(settings: Settings) -> bytes:
    """What sessions are signed with: from the settings, else made once and kept for all workers.

    Raises:
        SetupError: it cannot be kept.
    """
    if settings.secret:
        return settings.secret.encode()
    path = settings.cache / SECRET
    try:
        return path.read_bytes() if path.exists() else _kept(path, secrets.token_bytes(32))
    except OSError as error:
        raise SetupError(
            f"The secret of the sign-in page cannot be kept in {settings.cache}: {error.strerror}. "
            "Set DEEPFAKE_SECRET or DEEPFAKE_CACHE."
        ) from None


def _kept(path: Path, secret: bytes) -> bytes:
    """Write a secret for us alone; of two that do so at once, both get that of the first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    own = path.with_name(f"{path.name}.{os.getpid()}")
    with open(own, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(secret)
    with suppress(FileExistsError):
        os.link(own, path)
    own.unlink()
    return path.read_bytes()


def _match(given: str, accepted: Collection[bytes]) -> bool:
    # All are compared, so the time tells nothing about which one was close.
    bytes_given = given.encode("utf-8", "replace")
    return True in [hmac.compare_digest(bytes_given, each) for each in accepted]


def is_welcome(origin: str | None, host: str, friends: Collection[str]) -> bool:
    """Whether a page of this origin may send to us: it is ours, a friend's, or no page at all."""
    try:
        return origin is None or origin in friends or urlsplit(origin).netloc == host
    except ValueError:  # it is no address at all
        return False


def mark(text: str) -> str:
    """A name for whoever sends a request that tells nothing about them."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
