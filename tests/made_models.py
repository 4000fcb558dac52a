"""Small Keras models, and the JSON that stands beside a model."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

# What `save` in a program of `keras_models` may use.
HEAD = """import keras, sys
I, C, D, G = keras.Input, keras.layers.Conv2D, keras.layers.Dense, keras.layers.GlobalAveragePooling2D
keras.utils.set_random_seed(1)
def save(name, inputs, outputs):
    keras.Model(inputs, outputs).save(f"{sys.argv[1]}/{name}.h5")
def stack(name, *ending):
    keras.Sequential([I((64, 64, 3)), C(4, 3, strides=8), *ending]).save(f"{sys.argv[1]}/{name}.h5")
"""  # noqa: E501


def keras_models(folder: Path, program: str) -> Path:
    """Save models in a process of its own: this one stays free of TensorFlow's threads."""
    run = [sys.executable, "-c", HEAD + program, str(folder)]
    subprocess.run(run, check=True, capture_output=True)
    return folder


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def member(path: Path, **changes) -> dict:
    """A face network of 64 px as the JSON beside it describes it; changes of None are left out."""
    heads = changes.get("heads", ["fake"])
    own = reading(weights=dict.fromkeys(heads, 1.0))
    usual = {
        "name": "face", "file": path.name, "sha256": sha256(path), "input": "face",
        "input_size": 64, "margin": 0.2, "scale": 1 / 255, "output": "logits", "heads": heads,
        "readings": {"video": own, "image": own},
    }  # fmt: skip
    return {name: value for name, value in (usual | changes).items() if value is not None}


def windows_member(path: Path, **changes) -> dict:
    """A network of windows of 64 px."""
    own = {"image": reading(weights=dict.fromkeys(changes.get("heads", ["fake"]), 1.0))}
    usual = {"name": "pixels", "input": "windows", "margin": None, "readings": own}
    return member(path, **(usual | changes))


def reading(real: float | None = 0.3, fake: float = 0.7, **changes) -> dict:
    """A reading of one head; the same thresholds in all profiles."""
    thresholds = dict.fromkeys(("strict", "balanced", "sensitive"), {"real": real, "fake": fake})
    return {"weights": {"fake": 1.0}, "thresholds": thresholds} | changes


def together(*names: str, **readings: dict) -> dict:
    """An ensemble whose members count the same."""
    usual = {kind: reading(weights=dict.fromkeys(names, 1.0)) for kind in ("video", "image")}
    return {"members": names, "readings": usual | readings}


def describe(model: Path, members: list[dict] | None = None, *ensembles: dict) -> Path:
    """Write the JSON beside the weights; returns these. The first ensemble is the default."""
    default = ensembles[0]["members"] if ensembles else []
    described = {
        "name": "own", "members": members or [member(model)], "default": default,
        "ensembles": ensembles,
    }  # fmt: skip
    model.with_suffix(".json").write_text(json.dumps(described))
    return model


def rewrite(model: Path, change) -> None:
    """Change the JSON beside the weights: `change` gets and changes what it holds."""
    path = model.with_suffix(".json")
    described = json.loads(path.read_text())
    change(described)
    path.write_text(json.dumps(described))
