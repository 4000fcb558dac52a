"""The OpenAPI document: valid, complete, and good enough for a generator of clients."""

import compileall
import importlib
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from openapi_spec_validator import validate

CONFIG = {  # of openapi-python-client, which does not know PDF
    "content_type_overrides": {"application/pdf": "application/octet-stream"},
    "project_name_override": "generated",
}


@pytest.fixture(scope="module")
def spec(live_server):
    with urllib.request.urlopen(live_server.url + "/openapi.json", timeout=60) as answer:
        return json.load(answer)


def test_it_is_valid_and_names_every_call(spec):
    validate(spec)
    calls = [call for methods in spec["paths"].values() for call in methods.values()]
    ids = [call.get("operationId") for call in calls]
    assert all(id and id.isidentifier() for id in ids) and len(set(ids)) == len(ids), ids
    tags = {tag["name"] for tag in spec["tags"]}
    assert {tag for call in calls for tag in call["tags"]} == tags
    assert len(tags) == len(spec["tags"]) and all(tag["description"] for tag in spec["tags"])
    assert [server["url"] for server in spec["servers"]] == ["/"]
    for call in calls:
        for status, answer in call["responses"].items():
            said = answer.get("content", {}).get("application/json")
            assert said or not status.startswith(("4", "5")), (call["operationId"], status)


@pytest.fixture(scope="module")
def generated(spec, tmp_path_factory):
    """The package that openapi-python-client makes of the document."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "openapi.json").write_text(json.dumps(spec))
    (folder / "config.json").write_text(json.dumps(CONFIG))
    tools = Path(sys.executable).parent
    command = [tools / "openapi-python-client", "generate", "--path", "openapi.json", "--meta"]
    command += ["none", "--config", "config.json", "--output-path", "generated"]
    done = subprocess.run(
        [*command, "--fail-on-warning"],
        cwd=folder,
        env=os.environ | {"PATH": f"{tools}:{os.environ['PATH']}"},  # it calls ruff
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert compileall.compile_dir(folder / "generated", quiet=1)
    return folder


def test_a_generated_client_works(generated, live_server, portrait, monkeypatch):
    monkeypatch.syspath_prepend(str(generated))
    load = importlib.import_module
    models, File = load("generated.models"), load("generated.types").File
    calls = load("generated.api.analyses"), load("generated.api.server")
    analyses, server = (
        lambda name, module=module: load(f"{module.__name__}.{name}") for module in calls
    )
    with load("generated").Client(base_url=live_server.url, timeout=120) as client:
        assert server("read_health").sync(client=client).ready is True

        def file(content):
            return File(payload=content, file_name="a.jpg")

        picture = portrait.read_bytes()
        report = analyses("predict").sync(
            client=client, body=models.PredictBody(file=file(picture))
        )
        assert isinstance(report, models.Report)
        assert report.file.size == len(picture) and report.tracks
        again = analyses("read_analysis").sync(report.id, client=client)
        assert again.to_dict() == report.to_dict()
        assert analyses("download_pdf").sync(report.id, client=client).payload.read(4) == b"%PDF"
        body = models.QueueFilesBody(file=[file(picture), file(b"<html>")])
        queued, refused = analyses("queue_files").sync(client=client, body=body).analyses
        assert isinstance(queued, models.Status) and refused.error.code == "type_mismatch"
        assert (
            analyses("delete_analysis").sync_detailed(queued.id, client=client).status_code == 204
        )
        gone = analyses("read_analysis").sync(queued.id, client=client)
        assert isinstance(gone, models.ErrorAnswer) and gone.error.code == "gone"
