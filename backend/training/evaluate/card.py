"""Writes `docs/MODEL_CARD.md` from what was measured; no number in it is typed by hand."""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from backend.analysis.face_scores import SEVERAL
from backend.training import calibrate
from backend.training.augment.conditions import CONDITIONS
from backend.training.evaluate import metrics

PACKAGES = (
    "numpy", "scikit-learn", "opencv-python-headless", "openvino", "av", "keras",
    "tensorflow-cpu", "torch",
)  # fmt: skip


def sources(rows: Iterable[dict[str, str]]) -> list[dict]:
    """Rows {split, source, label, generator, licence, files} of `index.csv`."""
    order = {"train": 0, "val": 1, "dev": 2}
    counts = Counter(
        (r["split"], r["source"], r["label"], r.get("generator", ""), r.get("licence", ""))
        for r in rows
    )
    names = ("split", "source", "label", "generator", "licence")
    return [
        dict(zip(names, key, strict=True)) | {"files": count}
        for key, count in sorted(counts.items(), key=lambda each: (order.get(each[0][0], 3), each))
    ]


def environment() -> dict[str, str]:
    """What the measurement ran on: name -> version or model."""
    cpu = platform.processor() or platform.machine()
    described = Path("/proc/cpuinfo")
    if described.is_file():
        lines = described.read_text(encoding="utf-8").splitlines()
        cpu = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), cpu)
    found = {"CPU": cpu, "system": platform.system(), "Python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # a GPU build of TensorFlow has another name
            continue
    return found


def read_measurements(folder: Path) -> dict:
    """What other commands measured: name -> content of `<name>.json`, None where it is missing."""
    found = {}
    for name in ("ablations", "engines", "maps", "pooling"):
        path = folder / f"{name}.json"
        found[name] = json.loads(path.read_text()) if path.is_file() else None
    return found


def render(document: dict) -> str:
    """The card as Markdown.

    Args:
        document: of `evaluate`, with `command`, `recipes` (name -> text of the TOML file), `beside`
            (whether two networks stand side by side), `data` (see `sources`), `shortcuts`,
            `failures`, `environment` and `measured` (see `read_measurements`).
    """
    place = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown, not HTML; all of it is the project's own
    )
    place.filters |= {"number": number, "percent": percent, "interval": interval, "shares": shares}
    place.globals |= {
        "rules": {
            "false_fake": calibrate.FALSE_FAKE,
            "false_real": calibrate.FALSE_REAL,
            "unseen": calibrate.UNSEEN,
            "conditions": list(CONDITIONS),
            "bins": metrics.BINS,
            "low_fpr": metrics.LOW_FPR,
            "several": SEVERAL,
        }
    }
    return place.get_template("card.md.j2").render(document)


def table(document: dict) -> str:
    """The sets alone, as printed by the command."""
    lines = [
        "| set | real | fake | faces found | AUC | EER | real called Fake | fake called Real "
        "| Inconclusive |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in document["sets"]:
        lines.append(
            f"| {row['name']} | {row['real']} | {row['fake']} | {row['coverage']:.1%} "
            f"| {number(row['auc'])} | {percent(row['eer'])} | {percent(row['real_called_fake'])} "
            f"| {percent(row['fake_called_real'])} | {percent(row['inconclusive'])} |"
        )
    return "\n".join(lines)


def number(value: dict | float | None) -> str:
    """An estimate or a number with three digits; a dash for none."""
    value = value["value"] if isinstance(value, dict) else value
    return "–" if value is None else f"{value:.3f}"


def percent(value: dict | float | None) -> str:
    """As `number`, in per cent with one digit."""
    value = value["value"] if isinstance(value, dict) else value
    return "–" if value is None else f"{value:.1%}"


def interval(value: dict | None, show: Callable[[dict | float | None], str] = number) -> str:
    """An estimate with its interval, written by `number` or `percent`."""
    if value is None:
        return "–"
    return f"{show(value)} ({show(value['low'])}–{show(value['high'])})"


def shares(value: dict | None) -> str:
    """A share with its interval, in per cent."""
    return interval(value, percent)
