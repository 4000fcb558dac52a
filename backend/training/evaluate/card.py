"""Writes the model card and the page of sources from what was measured; no number is typed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from backend.models.model_config import ModelConfig
from backend.records.bands import LEANS
from backend.training.data.index import SPLITS, Row
from backend.training.evaluate import markdown_tables
from backend.training.evaluate.markdown_tables import DASH, KINDS, table
from backend.training.recipe import RECIPES, read_recipe
from backend.training.thresholds import FALSE_FAKE, FALSE_REAL, SOURCES

LARGE = 100  # files of a real source that the card shows by itself
FEW = 10  # fakes of a family that may be called the best or the worst told
ADJECTIVES = {"edit": "edited", "swap": "swapped", "gan": "GAN"}  # of the families' files
UNSTATED = re.compile("none stated|no licence|not stated|unstated|$")
FIELDS = ("split", "kind", "label", "family", "method", "source", "licence")


def sources(rows: Sequence[Row]) -> list[dict]:
    """What the data holds: rows {split, kind, label, family, method, source, licence, files}."""
    counts = Counter(
        (r.split, r.kind, "fake" if r.fake else "real", r.family, r.method, r.source, r.licence)
        for r in rows
    )
    order = sorted(counts, key=lambda key: (SPLITS.index(key[0]), key))
    return [dict(zip(FIELDS, key, strict=True)) | {"files": counts[key]} for key in order]


def sources_page(document: dict) -> str:
    """Every source with its terms, its methods and its files in each split, in Markdown."""
    pools: dict[tuple, list[dict]] = {}
    for row in document["data"]:
        pools.setdefault((row["source"], row["label"], row["licence"]), []).append(row)
    lines = []
    for (source, label, licence), own in sorted(pools.items(), key=lambda item: item[0][0].lower()):
        methods = dict.fromkeys(row["method"] for row in own if label == "fake")
        files = Counter()
        for row in own:
            files[row["split"]] += row["files"]
        lines.append((source, label, ", ".join(methods) or DASH, licence or "not stated",
                      *(files[split] or DASH for split in SPLITS)))  # fmt: skip
    return "\n\n".join(
        [
            "<!-- Every source of the data, with the terms that it states. -->",
            "# Sources of the data",
            f"Written by `{document['command']}`. The numbers are files of each split. The "
            "networks learned from `train`; `val` and `dev-a` chose weights and thresholds; "
            "`dev-b` was measured on alone.",
            table(("source", "label", "methods", "terms as stated", *SPLITS), lines) + "\n",
        ]
    )


def render(document: dict, config: ModelConfig, measurements: Path) -> str:
    """The card as Markdown.

    Args:
        document: of `python -m backend evaluate`.
        config: of the model.
        measurements: folder of the pages of other measurements, which the card links to.
    """
    split = markdown_tables.splits(document)[-1]
    place = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown, not HTML; all of it is the project's own
    )
    place.filters |= {"number": markdown_tables.number, "percent": markdown_tables.percent}
    return place.get_template("card.md.j2").render(
        document=document,
        model=document["model"],
        config=config,
        split=split,
        kinds=KINDS,
        tables=markdown_tables,
        large=LARGE,
        families=_ranked(document, split),
        drops=_drops(document),
        never_real=_never_real(config, document["model"]["profile"]),
        members=[(member, member.input) for member in config.members],
        recipes=_recipes(config),
        thresholds=_thresholds(config),
        data=_families(document),
        trained=_trained(document),
        rules={"fake": FALSE_FAKE, "real": FALSE_REAL, "sources": SOURCES, "leans": LEANS},
        sheet=(measurements.parent / "contact_sheet.jpg").is_file(),
        pages=_pages(measurements),
    )


def _ranked(document: dict, split: str) -> list[dict]:
    """The rows of families that are not too few, from the best told to the worst, with a name."""
    rows = [
        {"name": f"{ADJECTIVES.get(row['family'], row['family'])} {KINDS[row['kind']]}", **row}
        for row in document["sets"]
        if row["split"] == split and row["family"] != "all" and row["fake"] >= FEW
    ]
    return sorted(rows, key=lambda row: -row["auc"]["value"])


def _drops(document: dict) -> list[tuple[str, dict]]:
    """For each kind of file the condition that costs most: (kind in words, row)."""
    found = []
    for kind, name in KINDS.items():
        rows = [row for row in document["robustness"] if row["kind"] == kind]
        if rows:
            found.append((name, max(rows, key=lambda row: row["drop"]["value"])))
    return found


def _never_real(config: ModelConfig, profile: str) -> list[str]:
    ends = {kind: getattr(config.readings.of(kind).thresholds, profile) for kind in KINDS}
    return [KINDS[kind] for kind in ("video", "image") if ends[kind].real is None]


def _recipes(config: ModelConfig) -> str:
    """What each member was trained by, a column each; "" where there are no recipes of the name."""
    paths = [RECIPES / f"{member.name}.toml" for member in config.members]
    recipes = [read_recipe(path) for path in paths if path.is_file()]
    fields = ("network", "start", "steps", "pairs", "learning_rate", "size", "margin")
    rows = [(name.replace("_", " "), *(getattr(r, name) for r in recipes)) for name in fields]
    mixes = [", ".join(f"{kind} {share:.0%}" for kind, share in r.mix.items()) for r in recipes]
    names = [recipe.name for recipe in recipes]
    return table(("", *names), [*rows, ("kinds of pairs", *mixes)]) if recipes else ""


def _thresholds(config: ModelConfig) -> str:
    rows = []
    for kind, name in KINDS.items():
        for profile, ends in config.readings.of(kind).thresholds:
            real = "never" if ends.real is None else f"{ends.real:.2%}"
            rows.append((name, profile, real, f"{ends.fake:.2%}"))
    return table(("files", "profile", "Real up to", "Fake from"), rows)


def _families(document: dict) -> str:
    """Files and methods of each family in each split."""
    pools: dict[str, dict[str, list[dict]]] = {}
    for row in document["data"]:
        name = f"{KINDS[row['kind']]}, {'real' if row['label'] == 'real' else row['family']}"
        pools.setdefault(name, {}).setdefault(row["split"], []).append(row)
    rows = [
        (name, *(_counted(own.get(split, [])) for split in SPLITS)) for name, own in pools.items()
    ]
    return table(("files (methods)", *SPLITS), rows)


def _counted(rows: Sequence[dict]) -> str:
    files = sum(row["files"] for row in rows)
    methods = {row["method"] for row in rows if row["label"] == "fake"}
    return (f"{files} ({len(methods)})" if methods else f"{files}") if rows else DASH


def _trained(document: dict) -> dict:
    """Totals of what training saw."""
    own = [row for row in document["data"] if row["split"] == "train"]
    counts = {label: Counter() for label in ("real", "fake")}
    for row in own:
        counts[row["label"]][row["kind"]] += row["files"]
    names = {row["source"] for row in own}
    stated = {row["source"] for row in own if not UNSTATED.match(row["licence"].lower())}
    return {
        "real": counts["real"],
        "fake": counts["fake"],
        "methods": len({row["method"] for row in own if row["label"] == "fake"}),
        "sources": len(names),
        "unstated": len(names - stated),
    }


def _pages(measurements: Path) -> list[tuple[str, str]]:
    """The pages of the folder: (first heading, file name)."""
    found = []
    for path in sorted(measurements.glob("*.md")):
        heading = re.search("^# (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        found.append((heading[1] if heading else path.stem, path.name))
    return found
