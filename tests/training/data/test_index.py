"""Training data that is damaged, incomplete or mixed up: told in one sentence, or listed."""

import csv
import io
import tarfile

import cv2
import numpy as np
import pytest

from backend.cli.exit_codes import answered
from backend.errors import SetupError
from backend.training.data.index import load, read_clip_index
from backend.training.measure.face_scenes import read_clips, read_photographs
from backend.training.measure.pooling import whole_clips
from tests import made_media

COLUMNS = ["archive", "file", "label", "source", "split", "group"]
REAL, FAKE = "real/0.png", "fake/0.png"


def picture(left, alpha=1.0):
    """An encoded face that begins further right the smaller `left` is."""
    image = cv2.convertScaleAbs(made_media.astronaut()[:300, left : left + 300], alpha=alpha)
    return cv2.imencode(".png", image[..., ::-1])[1].tobytes()


def write(folder, contents):
    """Archives that hold `contents`, {(archive, file): bytes}."""
    for archive in {archive for archive, _ in contents}:
        with tarfile.open(folder / "faces" / archive, "w") as tar:
            for (own, name), content in contents.items():
                if own == archive:
                    info = tarfile.TarInfo(name)
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))


@pytest.fixture(scope="module")
def contents():
    """Two archives whose members have the same names."""
    return {
        (archive, f"{label}/0.png"): picture(left, alpha)
        for archive, left in (("dfdc.tar", 80), ("stills.tar", 50))
        for label, alpha in (("real", 1.0), ("fake", 0.8))
    }


@pytest.fixture
def folder(tmp_path, contents):
    folder = tmp_path / "data"
    (folder / "faces").mkdir(parents=True)
    write(folder, contents)
    with (folder / "faces" / "index.csv").open("w", newline="") as file:
        rows = [[a, f, f[:4], "studio", "val", f"{a}:0"] for a, f in contents]
        csv.writer(file).writerows([COLUMNS, *rows])
    return folder


@pytest.fixture
def found(folder, tmp_path):
    """Reads the folder: {(archive, file): sample}, and the data set."""

    def read():
        dataset = load(folder, tmp_path / "cache", ("val",))
        return {(s.archive, s.file): s for s in dataset.samples}, dataset

    return read


def refusal(command, capsys):
    assert answered(command) == 2
    (said,) = capsys.readouterr().err.splitlines()
    return said


def test_members_of_the_same_name_stay_apart(found, contents):
    samples, _ = found()
    assert {key: sample.data for key, sample in samples.items()} == contents
    moved = samples["stills.tar", REAL].box[0] - samples["dfdc.tar", REAL].box[0]
    assert moved == pytest.approx(30, abs=5)


@pytest.mark.parametrize(
    "content",
    [None, b"", b"no picture", picture(80)[:100]],
    ids=["missing", "empty", "no picture", "cut"],
)
def test_a_missing_or_damaged_picture_is_listed_with_its_archive(found, folder, contents, content):
    spoiled = contents | {("stills.tar", FAKE): content}
    write(folder, {key: data for key, data in spoiled.items() if data is not None})
    for _ in range(2):  # also where its face was looked for before
        samples, dataset = found()
        assert dataset.unreadable == [f"stills.tar/{FAKE}"] and len(samples) == 3
        assert not dataset.faceless


def second_header(content):
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return tar.getmembers()[1].offset


@pytest.mark.parametrize(
    "spoil",
    [
        lambda c: c[: second_header(c)],
        lambda c: c[: second_header(c) + 100],
        lambda c: c[: second_header(c) + 1000],
        lambda c: c[: second_header(c)] + b"x" * 512 + c[second_header(c) + 512 :],
    ],
    ids=["before a header", "in a header", "in a picture", "a damaged header"],
)
def test_an_archive_that_ends_early_is_refused(found, folder, capsys, spoil):
    path = folder / "faces" / "dfdc.tar"
    path.write_bytes(spoil(path.read_bytes()))
    assert "faces/dfdc.tar is damaged or cut short" in refusal(found, capsys)


def test_faces_are_those_of_what_the_archives_hold_now(found, folder, contents):
    before, _ = found()
    write(folder, {key: picture(20, 0.9 if "fake" in key[1] else 1.0) for key in contents})
    after, _ = found()
    for key, shift in ((("dfdc.tar", REAL), 60), (("stills.tar", FAKE), 30)):
        assert after[key].box[0] - before[key].box[0] == pytest.approx(shift, abs=5)
    write(folder, contents | {("dfdc.tar", REAL): contents["dfdc.tar", REAL][:1000]})
    assert found()[1].unreadable == [f"dfdc.tar/{REAL}"]


def test_a_damaged_cache_is_none_and_an_interrupted_one_leaves_what_was_there(
    found, folder, contents, tmp_path, monkeypatch
):
    before, _ = found()
    (store,) = (tmp_path / "cache").iterdir()
    whole = store.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :]
    for damaged in (b"", b"x", whole[:middle], flipped):
        store.write_bytes(damaged)
        assert found()[0].keys() == before.keys()
        with np.load(store) as saved:
            assert len(saved["faces"]) == len(contents)
    whole = store.read_bytes()

    def interrupted(path, **arrays):
        with open(path, "wb") as file:
            file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", interrupted)
    write(folder, {key: picture(20) for key in contents})
    with pytest.raises(KeyboardInterrupt):
        found()
    assert store.read_bytes() == whole and list(store.parent.iterdir()) == [store]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (",real,", ",Real,", "row 1: expected as label real or fake, received 'Real'."),
        (",val,", ",valid,", "row 1: expected as split train or val or dev, received 'valid'."),
        (",val,", ",train,", "has the group dfdc.tar:0 in train and in val: a group must stay"),
        ("dfdc.tar,", ",", "row 1: expected as archive a name, received ''."),
        (",real,studio,val,dfdc.tar:0", "", "row 1: expected as label real or fake, received ''."),
        (",studio,", ",Caf\udce9,", "cannot be read: expected a CSV table in UTF-8."),
        ("studio", "x" * 200_000, "cannot be read: expected a CSV table in UTF-8."),
        ("group", "grope", "lacks the columns group."),
        ("fake/0.png,fake", "real/0.png,real", "lists dfdc.tar/real/0.png twice."),
    ],
)
def test_an_index_that_cannot_be_right_is_refused(found, folder, capsys, old, new, sentence):
    index = folder / "faces" / "index.csv"
    text = index.read_text().replace(old, new, 1)
    index.write_bytes(text.encode(errors="surrogateescape"))
    said = refusal(found, capsys)
    assert said.startswith("error: faces/index.csv") and sentence in said


def test_an_index_of_nothing_is_refused(found, folder, capsys):
    (folder / "faces" / "index.csv").write_text(",".join(COLUMNS) + "\n")
    assert "faces/index.csv lists nothing." in refusal(found, capsys)


def test_an_index_may_begin_with_a_byte_order_mark(found, folder):
    index = folder / "faces" / "index.csv"
    index.write_bytes(b"\xef\xbb\xbf" + index.read_bytes())
    assert len(found()[0]) == 4


def test_a_folder_of_runs_below_a_file_is_refused(folder, tmp_path, capsys):
    (tmp_path / "runs").write_text("a file")
    cache = tmp_path / "runs" / "cache"
    said = refusal(lambda: load(folder, cache, ("val",)), capsys)
    assert said == f"error: The faces found cannot be kept in {cache}: Not a directory."


def test_photographs_to_measure_by_must_be_there_and_whole(folder, contents):
    assert len(read_photographs(folder, "dfdc.tar", 1, 0)) == 1
    write(folder, contents | {("dfdc.tar", REAL): b""})
    with pytest.raises(SetupError, match=f"{REAL} in faces/dfdc.tar is missing or damaged"):
        read_photographs(folder, "dfdc.tar", 1, 0)


def test_clips_that_are_listed_must_be_there_and_labelled(tmp_path):
    clips = tmp_path / "clips"
    clips.mkdir()
    (clips / "index.csv").write_text("file,label\na.mp4,real\nb.mp4,fake\n")
    (clips / "a.mp4").touch()
    with pytest.raises(SetupError, match="clips/index.csv lists b.mp4, which is missing"):
        read_clip_index(tmp_path)
    (clips / "b.mp4").touch()
    assert [row["label"] for row in read_clip_index(tmp_path)] == ["real", "fake"]
    (clips / "index.csv").write_text("file,label\na.mp4,Fake\n")
    with pytest.raises(SetupError, match="row 1: expected as label real or fake"):
        read_clip_index(tmp_path)


@pytest.mark.parametrize(
    "measure",
    [
        lambda data, pipeline, settings: whole_clips(
            pipeline, settings, data / "clips", read_clip_index(data)
        ),
        lambda data, pipeline, settings: read_clips(data / "clips", 1),
    ],
)
def test_a_damaged_clip_is_named(measure, tmp_path, pipeline, settings):
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "index.csv").write_text("file,label\na.mp4,real\n")
    (tmp_path / "clips" / "a.mp4").write_bytes(b"no clip at all")
    with pytest.raises(SetupError, match="The clip a.mp4 cannot be used. "):
        measure(tmp_path, pipeline, settings)


def test_unreadable_pictures_are_listed_and_not_dropped(data, tmp_path):
    copy = tmp_path / "data"
    (copy / "faces").mkdir(parents=True)
    (copy / "faces" / "index.csv").write_bytes((data / "faces" / "index.csv").read_bytes())
    for name in ("dfdc.tar", "stills.tar"):
        with (
            tarfile.open(data / "faces" / name) as old,
            tarfile.open(copy / "faces" / name, "w") as new,
        ):
            for member in old:
                content = old.extractfile(member).read()
                if member.name == "dfdc/real/val0.png":
                    content = content[:100]
                    member.size = 100
                new.addfile(member, io.BytesIO(content))
    dataset = load(copy, tmp_path / "cache", ("val",))
    assert dataset.unreadable == ["dfdc.tar/dfdc/real/val0.png"] and len(dataset.samples) == 15
