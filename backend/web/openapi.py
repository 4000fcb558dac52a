"""What the OpenAPI document says beside the schemas: failures, the upload's body, the key."""

from __future__ import annotations

import json
import re
from copy import deepcopy

from pydantic import BaseModel

from backend import errors
from backend.jobs.schema import Ended, Status
from backend.media.formats import sentence
from backend.web.schema import ErrorAnswer

SERVERS = [{"url": "/", "description": "The server that this document comes from."}]
TAGS = {
    "Analyses": "Files, and what was found in them.",
    "Server": "How the server stands.",
    "Compatibility": "Addresses of other systems, for their clients.",
}
STATUSES = (400, 401, 403, 408, 413, 415, 422, 429, 503, 504)  # of what analyses at once
PLACE = "#/components/schemas/{model}"
ENDED = {
    "operationId": "ended",
    "tags": ["Analyses"],
    "summary": "Be told how an analysis ended.",
    "description": "Sent to the address that came with it, signed as Standard Webhooks has it.",
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": PLACE.format(model="Ended")}}},
    },
    "responses": {"2XX": {"description": "It was heard. Anything else is tried again."}},
}

# Failures of the command line, and one that another stands for.
_UNSENT = (errors.NoSuchFile, errors.Unreadable, errors.NoSound)


def response(description: str, schema: type[BaseModel]) -> dict:
    """An OpenAPI response. The framework keeps schemas of its own answers alone, not of these."""
    reference = {"$ref": PLACE.format(model=schema.__name__)}
    return {"description": description, "content": {"application/json": {"schema": reference}}}


def file_of_type(type_: str, description: str) -> dict:
    """The OpenAPI response 200 with something else than JSON."""
    schema = {"type": "string", "contentMediaType": type_}
    if not type_.startswith("text/"):
        schema["format"] = "binary"
    return {200: {"description": description, "content": {type_: {"schema": schema}}}}


def failures(*statuses: int, schema: type[BaseModel] = ErrorAnswer) -> dict:
    """The OpenAPI responses of these HTTP statuses, each with its codes and sentences."""
    answers = {}
    for status in statuses:
        kinds = [kind for kind in _kinds(errors.AppError) if kind.status == status]
        kinds = [kind for kind in kinds if kind not in _UNSENT]
        text = " ".join(f"`{kind.code}`: {kind.message}" for kind in kinds)
        answers[status] = response(text, schema)
    return answers


def _kinds(base: type) -> list[type]:
    return [kind for child in base.__subclasses__() for kind in (child, *_kinds(child))]


def form_body(*fields: str, many: bool = False) -> dict:
    """The OpenAPI body of an upload: one file in any of these fields, or many; or a link."""
    file = {
        "type": "string",
        "format": "binary",  # as OpenAPI 3.0 has it: what generators of clients look for
        "contentMediaType": "application/octet-stream",
        "description": f"{sentence()} The content counts, whatever the name.",
    }
    link = {"type": "string", "description": "A link to the file, in place of it."}
    sent = dict.fromkeys(fields, {"type": "array", "items": file} if many else file)
    form = {"type": "object", "properties": {**sent, "media_url": link}}
    if many:
        webhook = {"type": "string", "description": "An address that is told how each ends."}
        form["properties"]["webhook"] = webhook
    return {"required": True, "content": {"multipart/form-data": {"schema": form}}}


def json_body(model: type[BaseModel]) -> dict:
    """The OpenAPI body of a request in JSON."""
    schema = model.model_json_schema(ref_template=PLACE)
    return {"required": True, "content": {"application/json": {"schema": schema}}}


BODIES = {"/predict": form_body("file"), "/api/v1/analyses": form_body("file", many=True)}


def complete_spec(
    spec: dict, bodies: dict[str, dict], refusals: tuple[type[BaseModel], ...] = ()
) -> dict:
    """Add what the framework cannot know: the bodies, two kinds of answer, the key.

    Args:
        bodies: of the requests that POST to these addresses; `BODIES`, and those of contracts.
        refusals: that `failures` speak of, beside `ErrorAnswer`.
    """
    components = spec.setdefault("components", {})
    known = components.setdefault("schemas", {})
    for path, body in deepcopy(bodies).items():
        spec["paths"][path]["post"]["requestBody"] = body
        for each in body["content"].values():
            known.update(each["schema"].pop("$defs", {}))
    for model in (ErrorAnswer, Status, Ended, *refusals):
        schema = model.model_json_schema(ref_template=PLACE)
        known.update(schema.pop("$defs", {}) | {model.__name__: schema})
    answers = spec["paths"]["/api/v1/analyses/{id}"]["get"]["responses"]
    answers["200"]["description"] = "The report, or the status of an analysis that failed."
    done, waiting = (answers[code]["content"]["application/json"] for code in ("200", "202"))
    done["schema"] = {"oneOf": [done["schema"], waiting["schema"]]}
    key = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    bearer = {"type": "http", "scheme": "bearer"}
    components["securitySchemes"] = {"key": key, "bearer": bearer}
    spec["paths"]["/metrics"]["get"]["security"] = [{}, {"bearer": []}]
    spec["security"] = [{}, {"key": []}]
    spec["webhooks"] = {"ended": {"post": ENDED}}
    _name_calls(spec)
    return _by_own_names(spec)


def _name_calls(spec: dict) -> None:
    """Give each call a name, where it has none, and tell of the tags in use."""
    used = set()
    for path, calls in spec["paths"].items():
        for call in calls.values():  # a contract's address is its name
            call.setdefault("operationId", re.sub(r"\W+", "_", path).strip("_"))
            used.update(call["tags"])
    spec["tags"] = [{"name": tag, "description": TAGS[tag]} for tag in TAGS if tag in used]


def _by_own_names(spec: dict) -> dict:
    """Give each object one name: the framework says "Report.File" and "Accepted.File"."""
    spec = json.loads(re.sub(rf'("{PLACE.format(model="")})\w+\.', r"\1", json.dumps(spec)))
    named = {}
    for name, schema in spec["components"]["schemas"].items():
        if named.setdefault(name.rpartition(".")[2], schema) != schema:
            raise ValueError(f"Expected one object of this name: {name}.")
    spec["components"]["schemas"] = named
    return spec
