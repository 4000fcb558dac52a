"""Reads the OpenAPI document into what the page of the API shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from markdown_it import MarkdownIt
from markupsafe import Markup

MARKDOWN = MarkdownIt("commonmark", {"html": False})


class Part(NamedTuple):
    """A piece of what a value is: words, or the name of an object that has a table of its own."""

    words: str
    object: str | None = None


Type = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an object or a form, or an answer, which has the status for its name."""

    name: str
    type: Type
    text: Markup


@dataclass(frozen=True, slots=True)
class Call:
    """One address and method.

    Attributes:
        anchor: id of its heading.
        sent: the fields of its address and of its form.
        answers: by status.
    """

    method: str
    path: str
    anchor: str
    summary: str
    text: Markup
    sent: tuple[Field, ...]
    answers: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Object:
    """An object that is sent or answered."""

    name: str
    text: Markup
    fields: tuple[Field, ...]


def calls(spec: dict) -> Iterator[Call]:
    """The calls of an OpenAPI document, in its order."""
    for path, methods in spec["paths"].items():
        for method, call in methods.items():
            form = [_content(call["requestBody"])] if "requestBody" in call else []
            yield Call(
                method=method.upper(),
                path=path,
                anchor=re.sub(r"[^a-z0-9]+", "-", f"{method}{path}".lower()).strip("-"),
                summary=call["summary"],
                text=written(call),
                sent=(
                    *(
                        Field(each["name"], _type(each["schema"]), written(each))
                        for each in call.get("parameters", ())
                    ),
                    *(field for schema in form for field in _fields(schema)),
                ),
                answers=tuple(
                    Field(status, _type(_content(answer)), written(answer))
                    for status, answer in call["responses"].items()
                ),
            )


def objects(spec: dict) -> Iterator[Object]:
    """The objects of an OpenAPI document, by name."""
    for name, schema in sorted(spec["components"]["schemas"].items()):
        yield Object(name, written(schema), tuple(_fields(schema)))


def _content(entry: dict) -> dict:
    """The schema of a body or an answer; empty where it has none."""
    return next((each["schema"] for each in entry.get("content", {}).values()), {})


def _fields(schema: dict) -> Iterator[Field]:
    for name, each in schema.get("properties", {}).items():
        about = each.get("items", {}) if "description" not in each else each
        yield Field(name, _type(each), written(about))


def written(entry: dict) -> Markup:
    """The description of something, from Markdown."""
    # Our own words, and without HTML of their own.
    return Markup(MARKDOWN.renderInline(entry.get("description", "")))


def _type(schema: dict) -> Type:
    """What a value is."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return (Part(name, name),)
    if "enum" in schema or "const" in schema:
        return (Part(_either(f'"{each}"' for each in schema.get("enum", [schema.get("const")]))),)
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        first, *others = map(_type, choices)
        return (*first, *(part for other in others for part in (Part(" or "), *other)))
    if "contentMediaType" in schema:
        return (Part("file"),)
    kind = schema.get("type")
    if kind == "array":
        return (Part("list of "), *_type(schema.get("items", {})))
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return (Part("object of "), *_type(schema["additionalProperties"]))
    if kind in ("number", "integer") and {"minimum", "maximum"} <= schema.keys():
        return (Part(f"{kind}, {schema['minimum']:g} to {schema['maximum']:g}"),)
    if schema.get("format") == "date-time":
        return (Part("date and time"),)
    return (Part(kind or ""),)


def _either(words: Iterator[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last
