"""Which faces are drawn: no large collection outweighs the others, and partners belong together."""

from collections import Counter
from types import SimpleNamespace

import numpy as np

from backend.training.data.pools import Partners, fakes, spread
from tests.training_data import row


def face(file, time=0.0, **fields):
    return SimpleNamespace(row=row(file, **fields), record={"time": time})


def drawn(draw, count=2000):
    rng = np.random.default_rng(0)
    return [draw(rng) for _ in range(count)]


def test_a_method_of_many_groups_counts_more_but_not_by_their_number():
    many = [face(f"a{n}", family="swap", method="A") for n in range(100)]
    few = [face(f"b{n}", family="swap", method="B") for n in range(4)]
    counts = Counter(each.row.method for each in drawn(fakes([*many, *few]).draw))
    assert 2 < counts["A"] / counts["B"] < 5  # the root of 40 to that of 4


def test_many_moments_of_one_clip_count_once():
    clip = [face("clip", n, family="swap", method="A", group="clip") for n in range(50)]
    others = [face(f"b{n}", family="swap", method="A") for n in range(4)]
    counts = Counter(each.row.file for each in drawn(fakes([*clip, *others]).draw))
    assert all(300 < count < 500 for count in counts.values())


def test_partners_are_of_the_group_at_the_nearest_moment_else_of_the_source_half_the_time():
    real = [face("a", time, kind="video", group="a") for time in (0.0, 1.0, 2.0)]
    real += [face("b", kind="video", group="b", source="other"), face("c", source="page")]
    partners = Partners(real)
    own = face("f", 1.2, kind="video", group="a", family="swap")
    assert {each.record["time"] for each in drawn(lambda rng: partners.of(own, rng), 50)} == {1.0}
    alone = face("f", kind="video", group="f", source="other", family="swap")
    counts = Counter(each.row.source for each in drawn(lambda rng: partners.of(alone, rng)))
    assert 0.6 < counts["other"] / 2000 < 0.9
    picture = face("f", kind="image", source="nowhere", family="gan")
    assert {each.row.file for each in drawn(lambda rng: partners.of(picture, rng), 50)} == {"c"}


def test_a_kind_of_file_without_real_faces_borrows_them():
    partners = Partners([face("a", kind="video")])
    assert partners.kinds() == {"video"}
    lone = face("f", kind="image", source="else", family="gan")
    assert partners.of(lone, np.random.default_rng(0)).row.file == "a"


def test_a_spread_takes_one_face_a_file_of_all_sources():
    large = [face(f"a{n}", m, source="large") for n in range(6) for m in range(9)]
    small = [face(f"b{n}", source=f"small{n}") for n in range(3)]
    chosen = spread([*large, *small], 9)
    counts = Counter(each.row.source for each in chosen)
    assert counts == {"large": 6, "small0": 1, "small1": 1, "small2": 1}
    assert len({each.row.file for each in chosen}) == 9
    assert spread([*large, *small], 9) == chosen and not spread([], 9)
