"""The voices of a data folder: what spoke, of which family, and the stretches with speech."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import av
import numpy as np

from backend.audio.speech import SpeechDetector
from backend.records.sound import RATE
from backend.training.augment.sound_losses import decode
from backend.training.data.index import Row

STRETCH = 5 * RATE  # samples that are kept of each place: a window, and room to move it
MOST = 3  # stretches of a file
BELOW = 5.0  # log10 of power below the loudest band, where the bandwidth ends
LEAST = 0.6  # s of the shortest stretch

# Parts of a synthesiser's name -> family; a name such as "tacotron2+hifigan" has two parts.
FAMILIES = {
    "vocoder": (
        "hifigan", "bighifigan", "bigvgan", "bigvgan-base", "univnet", "melgan", "parallelwavegan",
        "vocos", "istftnet", "waveglow", "waveflow", "clarinet", "clarinet-klaxad", "wavenet",
        "wavenet(google)", "sc-wavernn", "wavefake_gen", "hifigan~melgan", "snakegan",
        "flowvocoder", "nanoflow", "e1-vocoder",
    ),
    "autoregressive": (
        "tacotron", "tacotron2", "espnet", "deepvoice3", "dctts-nyanko", "valle", "tortoise",
        "voicecraft", "transformer-tts", "bark", "chatterbox", "clam-tts", "cosyvoice",
        "autostyle-tts", "csm", "indextts", "llasa", "parler-tts", "qwen3-tts", "rwkv-tts",
        "spark-tts", "uniaudio", "xtts",
    ),
    "diffusion": (
        "diffwave", "wavegrad", "fastdiff", "fastdiff-tts", "gradtts", "naturalspeech2", "diffvc",
        "diffhiervc", "ditto", "ardit", "diffgan-tts", "diffspeech", "e1-tts", "f5-tts",
        "face-tts", "flashspeech", "grad-stylespeech", "matcha-tts", "meanspeech",
        "naturalspeech3", "omnivoice", "p-flow", "priorgrad", "voicebox", "zet-speech",
    ),
    "parallel": (
        "vits", "fastspeech", "fastspeech2", "fastspeech2s", "glowtts", "jets", "styletts",
        "naturalspeech", "fluentspeech", "yourtts", "adaspeech", "bvae-tts", "calm-tts",
        "denoispeech", "face-stylespeech", "ganspeech", "maskgct", "mega-tts", "mobilespeech",
        "portaspeech", "speedyspeech", "viettts",
    ),
    "conversion": (
        "autovc", "stargan-vc", "starganv2-vc", "freevc", "vqmivc", "bne-ppg-vc", "hiervst",
        "dddmvc", "voicemixer", "bottleneck-vc", "openvoice", "vcc2020-t10", "vcc2020-t13",
        "vcc2020-t25", "xvc", "yourtts-vc",
    ),
    "classic": ("griffinlim",),
    "engine": ("espeak-ng", "flite", "festival", "piper", "kokoro"),
}  # fmt: skip
_FAMILY_OF = {part: family for family, parts in FAMILIES.items() for part in parts}


def families(row: Row) -> tuple[str, ...]:
    """The families of what made a voice, that of its first part first; the index's own beats all.

    Returns:
        Words of `FAMILIES` or of the index; empty of a real voice, "other" of an unknown name.
    """
    if not row.fake:
        return ()
    if row.family != "none":
        return (row.family,)
    return tuple(dict.fromkeys(_FAMILY_OF.get(part, "other") for part in row.method.split("+")))


def stretches(folder: Path, row: Row) -> Iterator[np.ndarray]:
    """Up to `MOST` stretches of a file in which somebody speaks, float32, up to `STRETCH` long.

    Silence at both ends is cut. A file without sound, or one that cannot be read, gives none.
    """
    try:
        wave = decode(str(folder / row.file))
    except (av.FFmpegError, OSError):
        return
    wave = spoken(wave)
    count = min(MOST, max(1, len(wave) // STRETCH))
    room = max(0, len(wave) - STRETCH)
    for start in np.linspace(0, room, count).astype(int) if count > 1 else [room // 2]:
        if len(wave) >= LEAST * RATE:
            yield wave[start : start + STRETCH]


def spoken(wave: np.ndarray) -> np.ndarray:
    """A sound from where somebody begins to speak to where the last one ends; empty without."""
    speech = _detector().find(wave) if len(wave) else ()
    if not speech:
        return wave[:0]
    return wave[int(speech[0].start * RATE) : int(speech[-1].end * RATE)]


def properties(wave: np.ndarray) -> dict[str, float]:
    """What could give a label away beside the voice: "bandwidth", "loudness", "silence".

    Args:
        wave: float32 at 16 kHz, at least 512 samples.
    """
    frames = wave[: len(wave) // 512 * 512].reshape(-1, 512)
    loud = np.sqrt((frames**2).mean(1))
    spectrum = np.log10((np.abs(np.fft.rfft(frames * np.hanning(512))) ** 2).mean(0) + 1e-10)
    return {
        "bandwidth": float(np.flatnonzero(spectrum > spectrum.max() - BELOW).max()),
        "loudness": float(np.log10(loud.mean() + 1e-6)),
        "silence": float((loud > 0.1 * loud.max()).argmax()),
    }


@cache
def _detector() -> SpeechDetector:
    """One a process."""
    return SpeechDetector()
