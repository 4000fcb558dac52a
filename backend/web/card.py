"""The model card as a page, with the pages and pictures it links to."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from apiflask import APIBlueprint
from flask import render_template, send_from_directory
from markdown_it import MarkdownIt

from backend.errors import NotFound

CARD = "MODEL_CARD.md"
SERVED = {".jpg", ".png", ".csv", ".json"}  # beside Markdown


def build(folder: Path, is_measured: bool) -> APIBlueprint:
    """The routes.

    Args:
        folder: of the card; nothing outside it is served.
        is_measured: whether the card is about the model and the profile in use.
    """
    card = APIBlueprint("card", __name__, enable_openapi=False, url_prefix="/model")
    # Our own pages: the HTML in them is ours too.
    markdown = MarkdownIt("commonmark").enable("table")
    markdown.add_render_rule("table_open", _wide_table)
    markdown.add_render_rule("table_close", lambda *_: "</table></div>\n")

    @card.get("/", strict_slashes=False)  # the slash is gone: see backend.web.addresses
    @card.get("/<path:name>")
    def page(name: str = CARD):
        path = PurePosixPath(name)
        if path.suffix in SERVED:
            return send_from_directory(folder, name)
        if path.suffix != ".md" or ".." in path.parts:
            raise NotFound()
        try:
            text = (folder / path).read_text(encoding="utf-8")
        except (OSError, ValueError):  # there is none, a folder, too long a name, or a null byte
            raise NotFound() from None
        return render_template("card.html", content=markdown.render(text), other=not is_measured)

    return card


def _wide_table(*_) -> str:
    """A box that scrolls where the table is wider than the page, also by keyboard."""
    return '<div class="wide" tabindex="0"><table>\n'
