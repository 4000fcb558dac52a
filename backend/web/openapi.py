"""What the OpenAPI document says beside the schemas: failures, the upload's body, the key."""

from __future__ import annotations

from backend import errors
from backend.web.schemas import ErrorAnswer


def failures(*statuses: int) -> dict:
    """The OpenAPI responses of these HTTP statuses, each with its codes and sentences."""
    answers = {}
    for status in statuses:
        kinds = [kind for kind in _kinds(errors.AppError) if kind.status == status]
        kinds = [kind for kind in kinds if kind not in (errors.NoSuchFile, errors.Unreadable)]
        text = " ".join(f"`{kind.code}`: {kind.message}" for kind in kinds)
        schema = {"schema": ErrorAnswer}
        answers[status] = {"description": text, "content": {"application/json": schema}}
    return answers


def _kinds(base: type) -> list[type]:
    return [kind for child in base.__subclasses__() for kind in (child, *_kinds(child))]


def complete_spec(spec: dict) -> dict:
    """Add what the framework cannot know: the upload's body and the optional key."""
    binary = {"type": "string", "contentMediaType": "application/octet-stream"}
    form = {"type": "object", "required": ["file"], "properties": {"file": binary}}
    many = {**form, "properties": {"file": {"type": "array", "items": binary}}}
    for path, schema in (("/predict", form), ("/api/v1/analyses", many)):
        spec["paths"][path]["post"]["requestBody"] = {
            "required": True,
            "content": {"multipart/form-data": {"schema": schema}},
        }
    key = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    spec.setdefault("components", {})["securitySchemes"] = {"key": key}
    spec["security"] = [{}, {"key": []}]
    return spec
