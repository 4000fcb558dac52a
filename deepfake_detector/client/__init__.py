"""A typed client of the server: `Client` waits, `AsyncClient` is for asyncio.

    from deepfake_detector.client import Client

    with Client("http://localhost:5000") as detector:
        report = detector.analyse("clip.mp4")
        for outcome in detector.analyse_many(folder.iterdir()):
            ...

Answers are the server's JSON, typed in `deepfake_detector.client.answers`; docs/api.md tells what
their fields mean. It needs httpx alone, and nothing of the server.
"""

from deepfake_detector.client.answers import Health, Report, Status
from deepfake_detector.client.async_client import AsyncClient
from deepfake_detector.client.connection import Outcome
from deepfake_detector.client.errors import (
    AnalysisFailed,
    APIError,
    DetectorError,
    NoAnswer,
    ServerBusy,
)
from deepfake_detector.client.sync_client import Client

__all__ = [
    "APIError", "AnalysisFailed", "AsyncClient", "Client", "DetectorError", "Health", "NoAnswer",
    "Outcome", "Report", "ServerBusy", "Status",
]  # fmt: skip
