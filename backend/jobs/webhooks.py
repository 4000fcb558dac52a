"""Tells the address that came with a job how it ended: signed, and tried again where that fails.

    uploads/.webhooks/<id>.<tries>    the address; its time is when the next try is due

Whoever renames it to one try more makes that try. So two processes never make the same one, and
what a process that dies leaves undone is done by another.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from backend.errors import Gone, LinkRefused, NoSuchResult, WebhookRefused
from backend.jobs.metrics import Metrics
from backend.outbound.addresses import check_url, reachable
from backend.settings import Settings
from backend.storage.store import STAGING, Storage

SENDERS = 2  # threads of a process: one slow receiver must not hold up all others
PATIENCE = 10.0  # s for one try
WAITS = (5, 30, 120, 600)  # s from a failure to the next try; the one after the last is final
LONGEST = 2_048  # characters of an address
PORTS = {"http": 80, "https": 443}

log = structlog.get_logger()


class Webhooks:
    """Keeps addresses, and sends to them once their jobs have ended; thread-safe.

    Args:
        settings: `webhook_secret` and `trusted_networks`.
        storage: where they are kept, and the reports.
        status: how a job stands, see `Jobs.status`.
        metrics: counts what becomes of them.
    """

    def __init__(
        self,
        settings: Settings,
        storage: Storage,
        status: Callable[[str], dict],
        metrics: Metrics,
    ):
        self._secret = base64.b64decode(settings.webhook_secret.removeprefix("whsec_"))
        self._trusted = settings.trusted_networks
        self._storage, self._status, self._metrics = storage, status, metrics

    @property
    def senders(self) -> int:
        """How many threads are to call `send`: none where no webhooks are sent."""
        return SENDERS if self._secret else 0

    def check(self, url: object) -> None:
        """Make sure that an address can be sent to.

        Raises:
            WebhookRefused: its sentence says why not.
        """
        if not self._secret:
            raise WebhookRefused(
                "This server sends no webhooks: the setting DEEPFAKE_WEBHOOK_SECRET is empty."
            )
        if not isinstance(url, str) or len(url) > LONGEST:
            raise WebhookRefused(f"The address of a webhook may have {LONGEST} characters.")
        try:
            check_url(url)
            parts = urlsplit(url)
            reachable(parts.hostname, parts.port or PORTS[parts.scheme], self._trusted)
        except LinkRefused as error:
            raise WebhookRefused(f"Nothing is sent to this webhook. {error}") from None

    def keep(self, id: str, url: str) -> None:
        """Note that an address is to be told of a job."""
        draft = self._storage.webhooks / f"{STAGING}{id}"
        draft.parent.mkdir(parents=True, exist_ok=True)
        draft.touch(mode=0o600)  # it may hold a secret of the receiver's
        draft.write_text(url, encoding="utf-8")
        self._due(draft, 0.0)
        draft.rename(draft.with_name(f"{id}.0"))

    def send(self) -> bool:
        """Make one try that is due; False where none is."""
        now = self._storage.now()
        for path in self._storage.webhooks.glob("[!.]*"):
            with suppress(FileNotFoundError):  # another one was faster
                if path.stat().st_mtime <= now and self._send(path):
                    return True
        return False

    def _send(self, path: Path) -> bool:
        id, _, tries = path.name.rpartition(".")
        try:
            body = self._message(id)
        except (NoSuchResult, Gone):  # cancelled, deleted or expired: there is nothing to tell
            path.unlink()
            return False
        if body is None:
            return False
        number = int(tries)
        wait = WAITS[number] if number < len(WAITS) else None
        claimed = path.with_name(f"{id}.{number + 1}")
        self._due(path, PATIENCE + (wait or 0))
        path.rename(claimed)
        trouble = self._post(claimed.read_text(encoding="utf-8"), id, body)
        if trouble is None or wait is None:
            claimed.unlink(missing_ok=True)
        # The address is left out: it may hold a secret.
        if trouble is None:
            self._metrics.webhook("delivered")
            log.info("webhook delivered", attempt=number + 1)
        else:
            self._metrics.webhook("failed" if wait is not None else "given_up")
            log.warning("webhook failed", attempt=number + 1, reason=trouble, next_in=wait)
        return True

    def _message(self, id: str) -> bytes | None:
        """What is told of a job, the same at each try; None as long as it has not ended."""
        status = self._status(id)
        if status["state"] not in ("done", "failed"):
            return None
        report = self._storage.report(id) if status["state"] == "done" else None
        told = {"id": id, "state": status["state"], "report": report, "error": status["error"]}
        return json.dumps(told, ensure_ascii=False, allow_nan=False).encode()

    def _post(self, url: str, id: str, body: bytes) -> str | None:
        """Send it once; returns what went wrong, without the address."""
        import httpx  # it would delay every start

        from backend.outbound.transport import open_client

        headers = {"Content-Type": "application/json", **self._signed(id, body)}
        try:
            with (
                open_client(PATIENCE, self._trusted) as client,
                client.stream("POST", url, content=body, headers=headers) as answer,
            ):
                return None if answer.is_success else f"status {answer.status_code}"
        except (httpx.HTTPError, httpx.InvalidURL, LinkRefused) as error:
            return type(error).__name__

    def _signed(self, id: str, body: bytes) -> dict[str, str]:
        """The headers that https://www.standardwebhooks.com describes."""
        moment = str(int(time.time()))
        digest = hmac.digest(self._secret, f"{id}.{moment}.".encode() + body, "sha256")
        return {
            "Webhook-Id": id,
            "Webhook-Timestamp": moment,
            "Webhook-Signature": f"v1,{base64.b64encode(digest).decode()}",
        }

    def _due(self, path: Path, seconds: float) -> None:
        moment = self._storage.now() + seconds
        os.utime(path, (moment, moment))
