"""The layers: who may import whom, and that TensorFlow stays out until it is needed."""

import ast
import subprocess
import sys

import pytest

from backend.settings import ROOT

BACKEND = ROOT / "backend"
FLASK = {
    "flask", "werkzeug", "apiflask", "flask_cors", "flask_limiter",
    "flask_socketio", "socketio", "engineio", "simple_websocket",
}  # fmt: skip
LEAVES = {"errors.py", "settings.py"}


def imports(path, top_level=False):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def modules(*folders):
    for folder in folders:
        yield from sorted((BACKEND / folder).rglob("*.py"))


def test_only_the_web_and_the_factory_import_flask():
    allowed = {*modules("web"), BACKEND / "__init__.py"}
    for path in modules("."):
        if path not in allowed:
            assert not FLASK & {name.split(".")[0] for name in imports(path)}, path


def test_tensorflow_only_in_its_engine_and_in_training():
    allowed = {*modules("training"), BACKEND / "engines" / "tensorflow.py"}
    for path in modules("."):
        names = {name.split(".")[0] for name in imports(path, path in allowed)}
        if path not in allowed or path.parent.name == "engines":
            assert not {"tensorflow", "keras", "torch"} & names, path


def test_the_queue_is_known_in_one_place():
    for path in modules("."):
        names = {name.split(".")[0] for name in imports(path)}
        assert path == BACKEND / "jobs" / "queue.py" or not {"huey"} & names, path


def test_only_the_process_that_reads_uploads_imports_what_parses_them():
    for path in modules("."):
        names = {name.split(".")[0] for name in imports(path)}
        place = path.relative_to(BACKEND).parts
        if place[:2] != ("media", "_decoder") and place[0] not in ("training", "bench"):
            assert not {"av", "c2pa"} & names, path


def test_layers_point_one_way():
    for path in modules("."):
        used = {name for name in imports(path) if name.startswith("backend.")}
        place = path.relative_to(BACKEND).parts
        if place[0] != "web" and place[0] != "__init__.py":
            assert not any(name.startswith("backend.web") for name in used), path
        if place[0] in ("media", "faces", "models", "engines"):
            above = ("backend.jobs", "backend.analysis", "backend.storage", "backend.report")
            assert not any(name.startswith(above) for name in used), path
        if place[0] in ("analysis", "storage"):
            assert not any(name.startswith("backend.jobs") for name in used), path
        if place[0] == "evidence":
            below = ("evidence", "records")
            assert all(name.startswith(tuple(f"backend.{n}" for n in below)) for name in used), path
        if place[0] in LEAVES:
            assert all(name.startswith("backend.errors") for name in used), path


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("from backend import create_app; create_app()", ["tensorflow", "keras"]),
        ("from backend.cli.commands import main; main(['predict', {photo!r}])",
         ["tensorflow", "keras", "flask", "huey"]),
    ],
)  # fmt: skip
def test_heavy_packages_stay_out(code, absent, pipeline, portrait):
    """`pipeline` has converted the model before: with a warm cache nothing needs TensorFlow."""
    code = code.format(photo=str(portrait))
    check = f"import sys; {code}; found = set({absent}) & set(sys.modules); assert not found, found"
    subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=True)
