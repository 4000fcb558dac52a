"""Where a file says it comes from: read safely, told apart from the verdict, nothing fetched."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import threading
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from backend.evidence.provenance import provenance
from backend.media import credentials as credentials_module
from backend.media import decode as decode_module
from backend.media.credentials import OriginReader
from backend.media.decode import Decoder
from backend.media.intake import check
from backend.settings import load_settings
from tests import credentials, made_media

HOSTILE = "<script>alert(1)</script>\u202egnp.exe\0\x1b[31m" + "A" * 5000
TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".mp4": "video/mp4"}


def read(path: Path):
    """The provenance of a file."""
    settings = load_settings(_env_file=None)
    upload = check(path, path.name, settings)
    decoder = Decoder(settings)
    with decoder.open(upload) as clip:
        for _ in clip:
            pass
    (origin,) = OriginReader(upload, decoder, settings)
    return provenance(clip.facts, origin)


@pytest.fixture(scope="module")
def signed(tmp_path_factory) -> dict[str, Path]:
    """A photo, a PNG and a clip with Content Credentials, by extension."""
    folder = tmp_path_factory.mktemp("signed")
    plain = [
        made_media.astronaut_jpeg(folder / "plain.jpg"),
        made_media.astronaut_image(folder / "plain.png"),
        made_media.astronaut_clip(folder / "plain.mp4", seconds=0.5),
    ]
    return {
        path.suffix: credentials.sign(path, folder / f"signed{path.suffix}", TYPES[path.suffix])
        for path in plain
    }


@pytest.mark.parametrize("extension", TYPES)
def test_intact_credentials_are_told_with_signer_and_claims(signed, extension):
    found = read(signed[extension])
    assert found.c2pa.state == "valid" and found.c2pa.signer == credentials.SIGNER
    assert "not checked" in found.c2pa.text  # nobody vouches for the signer
    assert any("made by a generative model" in claim for claim in found.c2pa.assertions)
    assert found.sha256 == hashlib.sha256(signed[extension].read_bytes()).hexdigest()


def test_a_picture_changed_after_signing_is_told(signed, tmp_path):
    content = bytearray(signed[".jpg"].read_bytes())
    content[-2000] ^= 1
    path = tmp_path / "changed.jpg"
    path.write_bytes(content)
    assert read(path).c2pa.state == "invalid"


@pytest.mark.parametrize("extension", TYPES)
def test_damaged_credentials_are_told_and_stop_nothing(signed, tmp_path, extension):
    content = bytearray(signed[extension].read_bytes())
    at = content.find(b"jumdc2pa")
    content[at + 60 : at + 400] = os.urandom(340)
    if extension == ".png":  # its chunk has a checksum, which the decoder looks at
        content = bytearray(signed[".jpg"].read_bytes())
        at = content.find(b"jumdc2pa")
        content[at + 8 : at + 40] = b"\xff" * 32
    path = tmp_path / f"damaged{'.jpg' if extension == '.png' else extension}"
    path.write_bytes(content)
    found = read(path)
    assert found.c2pa.state == "unreadable" and found.c2pa.signer is None


def test_the_beginning_of_a_manifest_in_a_file_without_one_is_unreadable(tmp_path):
    path = made_media.astronaut_jpeg(tmp_path / "a.jpg")
    path.write_bytes(path.read_bytes() + b"jumdc2pa" * 1000)
    assert read(path).c2pa.state == "unreadable"


def test_a_file_without_credentials_says_that_this_means_nothing(portrait):
    found = read(portrait)
    assert found.c2pa.state == "absent" and "means nothing" in found.c2pa.text
    assert "means nothing" in found.text


def test_an_address_of_credentials_is_told_and_never_asked(tmp_path):
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/manifest.c2pa"

        def listen():
            try:
                asked.append(server.accept())
            except OSError:
                return

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        plain = made_media.astronaut_jpeg(tmp_path / "plain.jpg")
        path = credentials.sign(plain, tmp_path / "remote.jpg", "image/jpeg", remote=address)
        found = read(path)
        path.write_bytes(path.read_bytes() + b"jumdc2pa")  # so that the library does look at it
        both = read(path)
        server.shutdown(socket.SHUT_RDWR)
        listener.join()
    assert found.c2pa.state == "remote" and both.c2pa.state == "unreadable" and not asked
    assert ("XMP dcterms:provenance", address) in found.metadata


def _read_by(code: str, folder: Path, monkeypatch) -> None:
    """Have decoders that are started from now on read manifests with another `manifest.py`."""
    program = shutil.copytree(decode_module.PROGRAM, folder / "program")
    (program / "manifest.py").write_text(code)
    monkeypatch.setattr(decode_module, "PROGRAM", program)


def test_the_process_that_reads_credentials_cannot_open_a_connection(tmp_path, monkeypatch):
    """Whatever the library would try: the descriptors for it have run out."""
    manifest = (decode_module.PROGRAM / "manifest.py").read_text()
    reads = "        with c2pa.Reader"
    tries = f"        import socket; socket.socket()\n{reads}"
    _read_by(manifest.replace(reads, tries), tmp_path, monkeypatch)
    plain = made_media.astronaut_jpeg(tmp_path / "plain.jpg")
    path = credentials.sign(plain, tmp_path / "signed.jpg", "image/jpeg")
    assert read(path).c2pa.state == "unreadable"


HANGS = "import time\ndef read(job, out): time.sleep(60)"


@pytest.mark.parametrize("code", [HANGS, "import os; os.abort()", "x = ["])
def test_a_reader_that_hangs_or_dies_stops_nothing(signed, tmp_path, monkeypatch, code):
    _read_by(code, tmp_path, monkeypatch)
    monkeypatch.setattr(credentials_module, "PATIENCE", 0.5)
    before = made_media.decoders()
    assert read(signed[".jpg"]).c2pa.state == "unreadable"
    assert made_media.decoders() == before


def test_metadata_of_photos_is_read(tmp_path):
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0131] = "Canon", "EOS R5", "Firmware 1.2"
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description xmp:CreatorTool="Photoshop 25" '
        b'Iptc4xmpExt:DigitalSourceType="trainedAlgorithmicMedia"/></x:xmpmeta>'
    )
    path = made_media.astronaut_jpeg(tmp_path / "a.jpg", exif=exif, xmp=xmp, comment=b"by hand")
    found = dict(read(path).metadata)
    assert found["EXIF Make"] == "Canon" and found["EXIF Model"] == "EOS R5"
    assert found["EXIF DateTimeOriginal"] == "2024:05:06 07:08:09"
    assert found["XMP xmp:CreatorTool"] == "Photoshop 25"
    assert found["XMP Iptc4xmpExt:DigitalSourceType"] == "trainedAlgorithmicMedia"
    assert found["comment"] == "by hand"


def test_texts_of_a_png_are_read(tmp_path):
    texts = PngInfo()
    texts.add_text("parameters", "portrait of a woman, Steps: 20")
    path = made_media.astronaut_image(tmp_path / "a.png", pnginfo=texts)
    assert dict(read(path).metadata)["parameters"] == "portrait of a woman, Steps: 20"


def test_container_and_encoder_of_a_clip_are_read(clip):
    found = read(clip)
    assert found.container["video codec"] == "h264" and "Lavf" in found.container["written by"]


def hostile_photo(path: Path) -> Path:
    exif = Image.Exif()
    for tag in (0x010F, 0x0110, 0x0131, 0x010E, 0x013B):
        exif[tag] = HOSTILE
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0" + b"\xff\xfe" * 2000
    xmp = ('<rdf:Description xmp:CreatorTool="' + "B" * 60000 + '"/>').encode()
    return made_media.astronaut_jpeg(path, exif=exif, xmp=xmp, comment=HOSTILE.encode())


def test_hostile_metadata_becomes_one_short_printable_line(tmp_path):
    found = read(hostile_photo(tmp_path / "a.jpg"))
    assert len(found.metadata) >= 5
    assert all(len(name) <= 60 and len(value) <= 200 for name, value in found.metadata)
    assert all((name + value).isprintable() for name, value in found.metadata)


def test_very_many_and_broken_tags_stop_nothing(tmp_path):
    texts = PngInfo()
    for number in range(500):
        texts.add_text(f"key{number}", "x" * 1000)
    many = made_media.astronaut_image(tmp_path / "many.png", pnginfo=texts)
    assert len(read(many).metadata) <= 60
    broken = made_media.astronaut_jpeg(
        tmp_path / "broken.jpg", exif=b"Exif\0\0II*\0" + b"\xff" * 500
    )
    assert read(broken).c2pa.state == "absent"


def test_hostile_metadata_is_in_the_answer_and_obeyed_by_no_page(client, tmp_path):
    path = hostile_photo(tmp_path / "a.jpg")
    with path.open("rb") as file:
        report = client.post("/predict", data={"file": (file, path.name)}).get_json()
    assert any("<script>" in entry["value"] for entry in report["provenance"]["metadata"])
    page = client.get(report["url"], headers={"Accept": "text/html"}).get_data(as_text=True)
    assert "<script>alert" not in page and json.loads(json.dumps(report)) == report


def test_credentials_do_not_change_the_verdict(client, signed, portrait):
    answers = []
    for path in (portrait, signed[".jpg"]):
        with path.open("rb") as file:
            answers.append(client.post("/predict", data={"file": (file, path.name)}).get_json())
    plain, with_credentials = answers
    assert plain["provenance"]["c2pa"]["state"] == "absent"
    assert with_credentials["provenance"]["c2pa"]["state"] == "valid"
    assert plain["probability_fake"] == with_credentials["probability_fake"]
    assert plain["reasons"] == with_credentials["reasons"]


def test_an_analysis_that_waits_for_credentials_can_be_stopped(
    pipeline, settings, signed, tmp_path, monkeypatch
):
    class Stop(Exception):
        pass

    def stop(progress):
        if progress.frames_done:
            raise Stop

    _read_by(HANGS, tmp_path, monkeypatch)
    monkeypatch.setattr(pipeline, "_decoder", Decoder(settings))
    before = made_media.decoders()
    upload = check(signed[".jpg"], "a.jpg", settings)
    with pytest.raises(Stop):
        pipeline.analyse(upload, None, stop)
    assert made_media.decoders() == before
