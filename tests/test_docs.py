"""The pages for people: short sentences, links that lead somewhere, a tree that is true."""

import re

import pytest

from backend.media import formats
from backend.settings import ROOT

README = ROOT / "README.md"
MADE_WITH_THE_WEIGHTS = {ROOT / "docs" / "MODEL_CARD.md"}  # see tests/training/evaluate/test_card
PAGES = [
    README,
    ROOT / "examples" / "README.md",
    *sorted({*(ROOT / "docs").glob("*.md")} - MADE_WITH_THE_WEIGHTS),
]
LONGEST_SENTENCE = 30  # words


def sentences(text):
    """The sentences of a page in Markdown; each cell, heading, title and point of a list is one."""
    text = re.sub(r"```.*?```|<!--.*?-->", "\n\n", text, flags=re.DOTALL)
    text = re.sub(r"^\|(.*)\|$", lambda row: row[1].replace("|", "\n\n"), text, flags=re.MULTILINE)
    text = re.sub(r"^(#.*|[-*]|\d+\.)(?=\s)", r"\n\n\1\n\n", text, flags=re.MULTILINE)
    text = re.sub(r"`[^`]*`", "code", text)
    for part in re.split(r"\n\s*\n|(?<=[.?!])\*{0,2}\s", text):
        yield " ".join(part.split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_sentences_are_short(page):
    for sentence in sentences(page.read_text(encoding="utf-8")):
        assert len(sentence.split()) <= LONGEST_SENTENCE, sentence


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_the_readme_is_read_in_five_minutes():
    assert len(README.read_text(encoding="utf-8").split()) <= 1000


def test_what_is_read_is_printed_from_the_table_of_formats():
    assert formats.sentence() in README.read_text(encoding="utf-8")
    assert formats.table() in (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


def test_the_architecture_is_seen_at_a_glance():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    for path in re.findall(r"`([\w/]+/\w+\.py)`", text):
        assert (ROOT / "backend" / path).exists(), path


def test_the_readme_shows_where_things_are():
    tree = README.read_text(encoding="utf-8").partition("## Where things are")[2]
    named = re.findall(r"`([\w/]+)/`", tree)
    for folder in named:
        assert (ROOT / folder).is_dir() or (ROOT / "tests" / folder).is_dir(), folder
    for package in (ROOT / "backend").glob("*/__init__.py"):
        assert f"backend/{package.parent.name}" in named, package.parent
