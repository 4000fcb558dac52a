"""Words for what a file says of where it comes from; pure, and no part of the verdict."""

from __future__ import annotations

from backend.records.media import Action, Credentials, FileFacts, Origin
from backend.records.results import Manifest, Provenance

TEXT = (
    "None of this decided the answer. Anyone can write such notes, and most sites remove them. So "
    "what they say is a claim, and where they are missing it means nothing."
)
REMOTE = "XMP dcterms:provenance"

# The terms of the C2PA specification 2.2 (actions) and of IPTC (digital source types).
ACTIONS = {
    "c2pa.created": "created",
    "c2pa.opened": "opened from another file",
    "c2pa.placed": "put together with another file",
    "c2pa.edited": "edited",
    "c2pa.converted": "converted",
    "c2pa.transcoded": "encoded again",
    "c2pa.cropped": "cropped",
    "c2pa.resized": "resized",
    "c2pa.color_adjustments": "changed in colour",
    "c2pa.published": "published",
}
SOURCES = {
    "digitalCapture": "captured by a camera",
    "computationalCapture": "captured by a camera that computes pictures",
    "screenCapture": "captured from a screen",
    "digitalCreation": "made by a person with software",
    "trainedAlgorithmicMedia": "made by a generative model",
    "compositeWithTrainedAlgorithmicMedia": "partly made by a generative model",
    "algorithmicMedia": "made by an algorithm",
    "composite": "put together of several sources",
    "compositeCapture": "put together of several captures",
}


def provenance(facts: FileFacts, origin: Origin) -> Provenance:
    """Put into words what the decoder and the manifest say."""
    return Provenance(
        sha256=origin.sha256,
        metadata=facts.metadata,
        container=facts.container,
        c2pa=_manifest(origin, dict(facts.metadata)),
        text=TEXT,
    )


def _manifest(origin: Origin, metadata: dict[str, str]) -> Manifest:
    if origin.credentials is not None:
        return _read(origin.credentials)
    if origin.embedded:
        return Manifest("unreadable", "There are Content Credentials, but they cannot be read.")
    if REMOTE in metadata:
        return Manifest(
            "remote",
            "The file names an address for its Content Credentials. It was not asked, so that "
            "nobody learns of this analysis.",
        )
    return Manifest(
        "absent", "The file has no Content Credentials (C2PA). Most files have none; it means "
        "nothing."
    )  # fmt: skip


def _read(credentials: Credentials) -> Manifest:
    if credentials.valid:
        text = (
            "The Content Credentials are intact and belong to this file. Whether to trust the "
            "signer was not checked."
        )
    else:
        text = (
            "The Content Credentials did not pass the check: the file was changed after it was "
            "signed, or the signature or its certificate does not hold, for instance because it "
            "has expired. Do not rely on what they claim, and take it for no proof of tampering."
        )
    claims = [f"Made with {credentials.maker}."] if credentials.maker else []
    claims += [_claim(action) for action in credentials.actions]
    if credentials.ingredients:
        several = "other files" if credentials.ingredients > 1 else "other file"
        claims.append(f"Made of {credentials.ingredients} {several}.")
    return Manifest(
        "valid" if credentials.valid else "invalid",
        text,
        credentials.signer,
        credentials.time,
        tuple(claims),
    )


def _claim(action: Action) -> str:
    done = ACTIONS.get(action.action, action.action or "something was done")
    source = SOURCES.get(action.source, action.source)
    words = f"Says it was {done}"
    if source:
        words += f": {source}"
    if action.agent:
        words += f", with {action.agent}"
    return words + "."
