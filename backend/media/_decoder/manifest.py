"""Reads a C2PA manifest with c2pa-python: what is claimed, by whom, and whether it holds."""

import json
import os
import resource

import wire
from metadata import NAME, VALUE, printable

# What the library knows; whoever asks has seen the beginning of a manifest in the file.
_TYPES = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "tiff": "image/tiff",
    "webp": "image/webp",
    "heic": "image/heic",
    "avif": "image/avif",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "avi": "video/avi",
}
# Nothing is fetched: no remote manifest, no revocation, and there is no list of trusted signers.
_OFFLINE = {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": False}
_MOST_ACTIONS = 12


def read(job: dict, out: wire.Wire) -> dict:
    """The facts of the manifest in the file `job["path"]`; pictures are not looked at."""
    import c2pa

    context = c2pa.Context.from_dict({"verify": _OFFLINE})
    with open(job["path"], "rb") as stream:
        _close_the_network()
        with c2pa.Reader(_TYPES[job["format"]], stream, context=context) as reader:
            store = json.loads(reader.json())
    return {"manifest": _facts(store)}


def _close_the_network() -> None:
    """Leave no file descriptor free: then no socket can be opened, whatever a library tries."""
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, free))


def _facts(store: dict) -> dict:
    manifest = store["manifests"][store["active_manifest"]]
    signature = manifest.get("signature_info") or {}
    actions = [
        action
        for assertion in manifest.get("assertions", [])
        if assertion.get("label", "").startswith("c2pa.actions")
        for action in assertion["data"].get("actions", [])
    ]
    makers = [maker.get("name") for maker in manifest.get("claim_generator_info") or []]
    return {
        "valid": store.get("validation_state") in ("Valid", "Trusted"),
        "signer": _text(signature.get("issuer")),
        "time": _text(signature.get("time")),
        "maker": _text(next(filter(None, makers), manifest.get("claim_generator"))),
        "ingredients": min(len(manifest.get("ingredients") or []), 1000),
        "actions": [
            {
                "action": _text(action.get("action"), NAME),
                "source": _text(str(action.get("digitalSourceType") or "").rsplit("/")[-1], NAME),
                "agent": _text(_name(action.get("softwareAgent")), NAME),
            }
            for action in actions[:_MOST_ACTIONS]
        ],
    }


def _name(agent) -> str | None:
    return agent.get("name") if isinstance(agent, dict) else agent


def _text(value, most: int = VALUE) -> str | None:
    return printable(value, most) or None if value is not None else None
