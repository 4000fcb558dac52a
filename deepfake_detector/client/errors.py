"""What can go wrong between a client and its server: one class each, each with a code."""

from __future__ import annotations


class DetectorError(Exception):
    """Base of all. `str(error)` is a sentence for people.

    Attributes:
        code: stable name for programs, such as "cannot_decode"; docs/api.md says where they are.
    """

    def __init__(self, message: str, code: str):
        super().__init__(message)
        self.code = code


class NoAnswer(DetectorError):
    """The server cannot be reached, or broke off."""

    def __init__(self, message: str):
        super().__init__(message, "no_answer")


class APIError(DetectorError):
    """The server answered with an error.

    Attributes:
        status: that of HTTP, 400 to 599.
    """

    def __init__(self, message: str, code: str, status: int):
        super().__init__(message, code)
        self.status = status


class ServerBusy(APIError):
    """The server has no place now, and still had none when the client's patience ended.

    Attributes:
        retry_after: seconds after which it wants to be asked again.
    """

    def __init__(self, message: str, code: str, status: int, retry_after: float):
        super().__init__(message, code, status)
        self.retry_after = retry_after


class AnalysisFailed(DetectorError):
    """The file was taken, and its analysis came to no answer."""
