"""An index that is damaged, incomplete or mixed up: told in one sentence."""

import pytest

from backend.cli.exit_codes import answered
from backend.errors import SetupError
from backend.training.data.index import COLUMNS, read_index
from tests.training_data import row, write_index


@pytest.fixture
def folder(tmp_path):
    write_index(
        tmp_path,
        [
            row("real/a.png", group="a", split="val"),
            row("fake/a.png", group="a", split="val", family="swap", method="X", unseen=True),
            row("b.mp4", "video", "studio", split="dev-a", part=(0.5, 0.0, 1.0, 0.5)),
        ],
    )
    return tmp_path


def refusal(folder, capsys):
    assert answered(lambda: read_index(folder)) == 2
    (said,) = capsys.readouterr().err.splitlines()
    return said


def edit(folder, old, new):
    path = folder / "index.csv"
    text = path.read_text()
    assert old in text
    path.write_bytes(text.replace(old, new, 1).encode(errors="surrogateescape"))


def test_rows_say_what_the_table_says(folder):
    real, fake, clip = read_index(folder)
    assert (real.file, real.fake, real.kind, real.source) == ("real/a.png", False, "image", "page")
    assert (real.family, real.method, real.unseen) == ("none", "none", False)
    assert (fake.fake, fake.family, fake.method, fake.unseen) == (True, "swap", "X", True)
    assert (fake.group, fake.split) == ("a", "val")
    assert (clip.kind, clip.split, clip.part) == ("video", "dev-a", (0.5, 0.0, 1.0, 0.5))


def test_columns_that_may_be_left_out(tmp_path):
    values = ("a.png", "fake", "image", "page", "a", "train")
    (tmp_path / "index.csv").write_text(f"{','.join(COLUMNS)}\n{','.join(values)}\n")
    (only,) = read_index(tmp_path)
    assert (only.family, only.part, only.licence) == ("none", (0, 0, 1, 1), "")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (",real", ",Real", "row 2: expected as label real or fake, received 'Real'."),
        (",image", ",photo", "row 2: expected as kind image or video or audio, received 'photo'."),
        (",val,", ",valid,", "row 2: expected as split train or val or dev-a or dev-b, received"),
        (",val,", ",train,", "has the group a in train and in val: a group must stay in one split"),
        ("real/a.png", "", "row 2: expected as file a name, received ''."),
        ("real/a.png", "/a.png", "row 2: the file must lie below the data folder."),
        ("real/a.png", "../a.png", "row 2: the file must lie below the data folder."),
        ("0.5,0.0,1.0,0.5", "0.5,0.0,0.5,0.5", "row 4: x0, y0, x1, y1 must be shares"),
        ("0.5,0.0,1.0,0.5", "half,0.0,1.0,0.5", "row 4: x0, y0, x1, y1 must be shares"),
        ("studio", "Caf\udce9", "cannot be read: expected a CSV table in UTF-8."),
        ("studio", "x" * 200_000, "cannot be read: expected a CSV table in UTF-8."),
        ("group", "grope", "lacks the columns group."),
        ("fake/a.png", "real/a.png", "lists real/a.png twice."),
    ],
)
def test_an_index_that_cannot_be_right_is_refused(folder, capsys, old, new, sentence):
    edit(folder, old, new)
    said = refusal(folder, capsys)
    assert said.startswith("error: index.csv") and sentence in said


def test_an_index_of_nothing_is_refused(folder, capsys):
    (folder / "index.csv").write_text(",".join(COLUMNS) + "\n")
    assert "index.csv lists nothing." in refusal(folder, capsys)


def test_an_index_may_begin_with_a_byte_order_mark(folder):
    index = folder / "index.csv"
    index.write_bytes(b"\xef\xbb\xbf" + index.read_bytes())
    assert len(read_index(folder)) == 3


def test_a_folder_without_an_index_is_refused(tmp_path):
    with pytest.raises(SetupError, match="There is no training data at .*: index.csv is missing"):
        read_index(tmp_path)
