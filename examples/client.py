"""Asks a deepfake detector about files: `python client.py FILE...`; one line of JSON a file.

Standard library only. Each file is queued by `POST /api/v1/analyses`, then asked for until it is
done; a busy server is asked again when it said so. A file that is not answered is a line with its
error. The exit code is 0 when every file was answered, else 3.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

TRIES = 100


def main() -> int:
    """Read the arguments, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--server", default="http://localhost:5000")
    parser.add_argument("--key", help="sent as X-API-Key")
    arguments = parser.parse_args()
    headers = {"X-API-Key": arguments.key} if arguments.key else {}
    code = 0
    for path in arguments.files:
        try:
            answer = analyse(arguments.server, path, headers)
        except OSError as error:  # also urllib's own, where no server answers
            answer = {"error": {"code": "no_answer", "message": str(error)}}
        row = {"path": str(path), **answer}
        code = 3 if row.get("error") else code
        print(json.dumps(row), flush=True)
    return code


def analyse(server: str, path: Path, headers: dict[str, str]) -> dict:
    """The report of one file, or its error: {"error": {"code", "message"}}."""
    boundary, name = uuid.uuid4().hex, path.name.replace('"', "'")
    body = b"".join(
        (
            f"--{boundary}\r\n".encode(),
            # A name that is no UTF-8 is only a label: it is sent with question marks.
            f'Content-Disposition: form-data; name="file"; filename="{name}"'.encode(
                "utf-8", "replace"
            ),
            b"\r\nContent-Type: application/octet-stream\r\n\r\n",
            path.read_bytes(),
            f"\r\n--{boundary}--\r\n".encode(),
        )
    )
    form = headers | {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    answer = ask(urllib.request.Request(f"{server}/api/v1/analyses", body, form))
    if answer.get("error"):
        return answer
    status = answer["analyses"][0]
    while status.get("state") in ("queued", "running"):
        time.sleep(0.5)
        status = ask(urllib.request.Request(server + status["status_url"], headers=headers))
    return status


def ask(request: urllib.request.Request) -> dict:
    """The server's JSON; waits and asks again where the server is busy."""
    for _ in range(TRIES):
        try:
            with urllib.request.urlopen(request) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            seconds = error.headers["Retry-After"]
            if error.code not in (429, 503) or seconds is None:
                return json.load(error)
            time.sleep(float(seconds))
    return {"error": {"code": "busy", "message": f"The server was busy {TRIES} times."}}


if __name__ == "__main__":
    sys.exit(main())
