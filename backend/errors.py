"""One class per failure: HTTP status, stable code, and a sentence that is safe to show."""

from __future__ import annotations


class AppError(Exception):
    """A failure with an answer. `str(error)` is the sentence shown to people.

    Attributes:
        status: HTTP status code.
        code: stable name for programs.
        retry_after: seconds for the `Retry-After` header, or None.
    """

    status = 500
    code = "internal_error"
    message = "Something went wrong on our side. Please try again."
    retry_after: int | None = None

    def __init__(self, message: str | None = None, retry_after: int | None = None):
        super().__init__(message or self.message)
        if retry_after is not None:
            self.retry_after = retry_after

    @property
    def detail(self) -> dict[str, str]:
        """What an answer says about it."""
        return {"code": self.code, "message": str(self)}


class NoFile(AppError):
    status, code = 400, "no_file"
    message = "No file was sent. Send one file in the form field 'file'."


class BadRequest(AppError):
    status, code = 400, "bad_request"
    message = "The request could not be understood."


class Unauthorized(AppError):
    status, code = 401, "unauthorized"
    message = (
        "A valid API key is needed in the X-API-Key header. In a browser, load the page again and "
        "sign in."
    )


class NotFound(AppError):
    status, code = 404, "not_found"
    message = "There is nothing at this address."


class NoSuchResult(NotFound):
    message = "There is no such result. Results are deleted after their time."


class Forbidden(AppError):
    status, code = 403, "forbidden"
    message = (
        "This page may not send requests to this server: its origin is not listed in the setting "
        "DEEPFAKE_CORS_ORIGINS."
    )


class MethodNotAllowed(AppError):
    status, code = 405, "method_not_allowed"
    message = "This address does not answer that kind of request."


class WrongRange(AppError):
    status, code = 416, "wrong_range"
    message = "The file has no such part."


class UploadStalled(AppError):
    status, code = 408, "upload_stalled"
    message = "The upload did not arrive in time."


class Gone(AppError):
    status, code = 410, "gone"
    message = "This result has been deleted, as every result is after its time."


class Unreadable(AppError):
    status, code = 403, "unreadable"
    message = "This file cannot be read: permission is missing."


class NoSuchFile(AppError):
    status, code = 404, "no_such_file"
    message = "There is no such file."


class EmptyFile(AppError):
    status, code = 422, "empty_file"
    message = "The file is empty."


class TooLarge(AppError):
    status, code = 413, "too_large"
    message = "The file is larger than the limit."


class UnsupportedType(AppError):
    status, code = 415, "unsupported_type"
    message = "This type of file is not supported."


class TypeMismatch(AppError):
    status, code = 415, "type_mismatch"
    message = "The content of the file is not what its name says."


class UnsupportedCodec(AppError):
    status, code = 415, "unsupported_codec"
    message = "The video uses a codec that is not supported."


class CannotDecode(AppError):
    status, code = 422, "cannot_decode"
    message = "The file is damaged or incomplete and could not be decoded."


class NoVideo(AppError):
    status, code = 422, "no_video"
    message = "The file has neither a picture nor sound in it."


class NoSound(AppError):
    status, code = 422, "no_sound"
    message = "The file has no sound in it."


class TooManyPixels(AppError):
    status, code = 422, "too_many_pixels"
    message = "The picture has more pixels than the limit."


class TooLong(AppError):
    status, code = 422, "too_long"
    message = "The clip is longer than the limit."


class LinksOff(AppError):
    status, code = 403, "links_off"
    message = (
        "This server fetches no links. Send the file itself, or ask the operator to set "
        "DEEPFAKE_LINKS=true."
    )


class LinkRefused(AppError):
    status, code = 422, "link_refused"
    message = "This link is not followed."


class LinkFailed(AppError):
    status, code = 422, "link_failed"
    message = "The file behind the link could not be fetched."


class LinkSlow(AppError):
    status, code = 504, "link_slow"
    message = "The server of the link took too long."


class WebhookRefused(AppError):
    status, code = 422, "webhook_refused"
    message = "Nothing is sent to this webhook."


class RateLimited(AppError):
    status, code = 429, "rate_limited"
    message = "Too many requests. Please wait a moment."


class Busy(AppError):
    status, code, retry_after = 503, "busy", 5
    message = "All places are taken at the moment. Please try again in a few seconds."


class QueueDown(AppError):
    status, code, retry_after = 503, "queue_down", 30
    message = "The queue cannot be reached at the moment. Please try again later."


class StorageFull(AppError):
    status, code, retry_after = 503, "storage_full", 300
    message = "The server has too little free disk space. Please try again later."


class TooSlow(AppError):
    status, code = 504, "too_slow"
    message = "The analysis took longer than the limit and was stopped."


class WorkerDied(AppError):
    status, code = 500, "worker_died"
    message = (
        "The process that analysed this file died twice, for want of memory or because of the file."
    )


class SetupError(AppError):
    """The installation is wrong (settings, model, missing package); shown at start, exit code 2."""

    code = "setup_error"


def failure(code: str, message: str) -> AppError:
    """The failure that was noted as these two."""
    kinds = {kind.code: kind for kind in AppError.__subclasses__()}
    return kinds.get(code, AppError)(message)
