"""The layers: who may import whom, no circles, and what stays out until it is needed."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter

import pytest

from backend.settings import ROOT

BACKEND = ROOT / "backend"
FLASK = {
    "flask", "werkzeug", "apiflask", "flask_cors", "flask_limiter",
    "flask_socketio", "socketio", "engineio", "simple_websocket",
}  # fmt: skip
LEAVES = {"errors.py", "logs.py", "memory.py", "settings.py", "wording.py"}
# From the bottom up; all of them may import leaves and what lies below their own layer.
LAYERS = (
    {"records", "outbound"},
    {"engines"},
    {"media", "faces", "models", "audio", "evidence", "report"},
    {"analysis", "storage"},
    {"jobs"},
    {"web", "cli"},
    {"training", "bench", "__init__.py", "__main__.py"},
)
BESIDE = {  # in the same layer
    "audio": {"media", "evidence", "models"},
    "report": {"faces", "models"},
    "cli": {"web"},
}
# What starts a program that lies above it, once it is asked to.
STARTS = {
    "cli/commands.py": {"training", "bench"},
    "cli/measure.py": {"training", "bench"},
    "web/server.py": {"__init__.py"},
    "training/measure/files/requests.py": {"__init__.py"},
}
# The files of `report` that make one; all others read it and know nothing of how it is made.
MAKING = {
    "annotate.py", "build.py", "build_faces.py", "build_sound.py", "pictures.py", "schema.py",
    "schema_faces.py", "schema_models.py", "schema_parts.py", "schema_sound.py", "spectrogram.py",
}  # fmt: skip


def imports(path, top_level=False):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports relative to itself"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def modules(*folders):
    for folder in folders:
        yield from sorted((BACKEND / folder).rglob("*.py"))


def file_of(name, root):
    """The file that `from a.b import c` is about: a/b/c.py, else where a.b says what c is."""
    for place in (root / name.replace(".", "/"), root / name.rpartition(".")[0].replace(".", "/")):
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            if place != root and path.is_file():
                return path
    return None


def graph(root=ROOT):
    """Each file of backend/ and those that it imports, inside functions and for types as well."""
    found = {}
    for path in sorted((root / "backend").rglob("*.py")):
        names = list(imports(path))
        if "_decoder" in path.parts:  # a program of its own, which knows its files by bare names
            used = {file_of(name, path.parent) for name in names}
        else:
            used = {file_of(name, root) for name in names if name.split(".")[0] == "backend"}
        found[path] = used - {None}
    return found


def circle(root=ROOT):
    """The files of a circle of imports, the first one again at its end; none where there is none"""
    try:
        TopologicalSorter(graph(root)).prepare()
    except CycleError as error:
        return [path.relative_to(root / "backend").as_posix() for path in error.args[1]]
    return []


def area(path):
    """The folder of backend/, or the file that lies at its top."""
    return path.relative_to(BACKEND).parts[0]


def test_no_file_is_in_a_circle_of_imports():
    assert not circle()


@pytest.mark.parametrize(
    "back",
    [
        "from backend.a import one",
        "from backend import a",
        "import backend.a",
        "def two():\n    from backend.a import one",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from backend.a import One",
    ],
)
def test_a_circle_is_seen_however_it_is_closed(tmp_path, back):
    folder = tmp_path / "backend" / "b"
    folder.mkdir(parents=True)
    (tmp_path / "backend" / "__init__.py").touch()
    (folder / "__init__.py").touch()
    (tmp_path / "backend" / "a.py").write_text("from backend.b.c import two\n")
    (folder / "c.py").write_text("import os\n")
    assert not circle(tmp_path)
    (folder / "c.py").write_text(back)
    assert set(circle(tmp_path)) == {"a.py", "b/c.py"}


def test_layers_point_one_way():
    height = {name: level for level, layer in enumerate(LAYERS) for name in layer}
    for path, used in graph().items():
        own = area(path)
        allowed = LEAVES | {own}
        if own not in LEAVES:
            allowed |= {name for name, level in height.items() if level < height[own]}
            allowed |= BESIDE.get(own, set())
            allowed |= STARTS.get(path.relative_to(BACKEND).as_posix(), set())
        for other in used:
            assert area(other) in allowed, f"{path} imports {other}"


def test_a_verdict_and_its_evidence_are_pure():
    for path, used in graph().items():
        if area(path) == "evidence":
            assert {area(other) for other in used} <= {"evidence", "records", "wording.py"}, path


def test_what_reads_reports_knows_nothing_of_how_they_are_made():
    reading = {*modules("report")} - {BACKEND / "report" / name for name in MAKING}
    for path, used in graph().items():
        if path in reading:
            assert used <= reading | {BACKEND / "wording.py"}, path


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


def test_nothing_is_joined_by_where_it_lies_in_memory():
    for path in modules("."):
        calls = [n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call)]
        assert "id" not in {getattr(call.func, "id", None) for call in calls}, path


def test_the_queue_is_known_in_one_place():
    for path in modules("."):
        names = {name.split(".")[0] for name in imports(path)}
        assert path == BACKEND / "jobs" / "queue.py" or not {"huey"} & names, path


def test_the_client_needs_nothing_of_the_server():
    for path in sorted((ROOT / "deepfake_detector").rglob("*.py")):
        names = {name.split(".")[0] for name in imports(path)}
        assert names - {"httpx", "deepfake_detector"} <= sys.stdlib_module_names, path


def test_only_the_process_that_reads_uploads_imports_what_parses_them():
    for path in modules("."):
        names = {name.split(".")[0] for name in imports(path)}
        place = path.relative_to(BACKEND).parts
        if place[:2] != ("media", "_decoder") and place[0] not in ("training", "bench"):
            assert not {"av", "c2pa"} & names, path


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
