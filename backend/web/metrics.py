"""`GET /metrics`: what this process did, for Prometheus; see `backend.jobs.metrics`."""

from __future__ import annotations

from collections.abc import Callable

from apiflask import APIBlueprint
from flask import Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from backend.web.access import Access
from backend.web.openapi import failures, file_of_type

SECONDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)  # upper ends of the buckets
METHODS = {"GET", "HEAD", "POST", "DELETE", "OPTIONS"}
OTHER = "other"  # what clients make up must not become a label


class Requests:
    """Counts requests; thread-safe.

    Args:
        registry: gets the counts.
    """

    def __init__(self, registry: CollectorRegistry):
        self._count = Counter(
            "deepfake_http_requests",
            "Requests answered, by route, method and status.",
            ["route", "method", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "deepfake_http_request_seconds",
            "Seconds until the answer began, by route and method.",
            ["route", "method"],
            buckets=SECONDS,
            registry=registry,
        )

    def note(self, route: str | None, method: str, status: int, seconds: float) -> None:
        """Count one.

        Args:
            route: the rule of its address, such as "/results/<id>"; None where there is none.
        """
        route, method = route or OTHER, method if method in METHODS else OTHER
        self._count.labels(route, method, status).inc()
        self._seconds.labels(route, method).observe(seconds)


def build(
    registry: CollectorRegistry, access: Access, connections: Callable[[], int]
) -> APIBlueprint:
    """The route.

    Args:
        access: says who may read it.
        connections: how many live connections are open.
    """
    live = Gauge("deepfake_live_connections", "Live connections that are open.", registry=registry)
    live.set_function(connections)
    metrics = APIBlueprint("metrics", __name__, tag="Server")

    @metrics.get("/metrics")
    @metrics.doc(
        operation_id="read_metrics",
        responses=file_of_type("text/plain", "The metrics.") | failures(401),
    )
    def read():
        """Read the metrics of this process in the format of Prometheus.

        With keys set, send one as `Authorization: Bearer KEY`, or the one of DEEPFAKE_METRICS_KEY.
        """
        access.check_watcher()
        text = generate_latest(registry)
        headers = {"Cache-Control": "no-store"}
        return Response(text, headers=headers, content_type=CONTENT_TYPE_PLAIN_0_0_4)

    return metrics
