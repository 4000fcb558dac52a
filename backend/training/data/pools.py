"""Draws the faces of training: fakes balanced by method, and beside each a real one of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence

import numpy as np

from backend.records.media import Kind
from backend.training.data.face_cache import CutFace

MOST = 40  # groups of a source or method that raise its share


class Tree:
    """Faces below names, such as family, method and group; drawn from the top down.

    A branch is as likely as the root of its groups: neither a large collection nor the single clip
    of a page outweighs the others. Groups are equally likely.

    Args:
        faces: to draw from.
        names: of each level; the last is the group.
        most: groups that raise a branch's share at each level; None for all.
    """

    def __init__(
        self,
        faces: Iterable[CutFace],
        names: Sequence[Callable[[CutFace], Hashable]],
        most: Sequence[int | None],
    ):
        self._faces = [] if names else list(faces)
        below: dict[Hashable, list[CutFace]] = defaultdict(list)
        for face in faces if names else ():
            below[names[0](face)].append(face)
        self._branches = [Tree(own, names[1:], most[1:]) for _, own in sorted(below.items())]
        self.groups = sum(branch.groups for branch in self._branches) if names else 1
        limit = most[0] or self.groups if names else 1
        weights = np.array([min(branch.groups, limit) ** 0.5 for branch in self._branches])
        self._edges = np.cumsum(weights / weights.sum()) if len(weights) else weights

    def __bool__(self) -> bool:
        return bool(self._faces or self._branches)

    def draw(self, rng: np.random.Generator) -> CutFace:
        """One face."""
        if self._faces:
            return self._faces[rng.integers(len(self._faces))]
        place = int(np.searchsorted(self._edges[:-1], rng.random(), "right"))
        return self._branches[place].draw(rng)


class Partners:
    """The real faces that may stand beside a fake: of its group, else of its source, else any.

    Args:
        real: faces to choose from.
    """

    def __init__(self, real: Sequence[CutFace]):
        self._groups: dict[tuple, list[CutFace]] = defaultdict(list)
        self._sources: dict[tuple, list[CutFace]] = defaultdict(list)
        kinds: dict[Kind, list[CutFace]] = defaultdict(list)
        for face in real:
            kinds[face.row.kind].append(face)
            self._groups[face.row.group, face.row.kind].append(face)
            self._sources[face.row.source, face.row.kind].append(face)
        self._any = {
            kind: Tree(own, (lambda face: face.row.source, group), (MOST, 1))
            for kind, own in kinds.items()
        }

    def of(self, fake: CutFace, rng: np.random.Generator) -> CutFace:
        """A real face to stand beside `fake`; of the group at the nearest moment."""
        kind = fake.row.kind
        if own := self._groups.get((fake.row.group, kind)):
            apart = [abs(float(face.record["time"] - fake.record["time"])) for face in own]
            near = [face for face, gap in zip(own, apart, strict=True) if gap <= min(apart)]
            return near[rng.integers(len(near))]
        # One page shows few people: half the time anybody keeps them from being learned by heart.
        if (own := self._sources.get((fake.row.source, kind))) and rng.random() < 0.5:
            return own[rng.integers(len(own))]
        return self.draw(kind, rng)

    def draw(self, kind: Kind, rng: np.random.Generator) -> CutFace:
        """Any real face of a kind of file, or of the other where there is none."""
        return (self._any.get(kind) or next(iter(self._any.values()))).draw(rng)

    def kinds(self) -> set[Kind]:
        """Of which kinds there are real faces."""
        return set(self._any)


def spread(faces: Iterable[CutFace], most: int, seed: int = 0) -> list[CutFace]:
    """Some of the faces, one a file, of as many sources of real and methods of fake ones as there
    are.

    Args:
        faces: to choose from.
        most: how many.
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    files: dict[str, dict[str, list[CutFace]]] = defaultdict(lambda: defaultdict(list))
    for face in faces:
        files[face.row.method if face.row.fake else face.row.source][face.row.key].append(face)
    queues = [
        [own[rng.integers(len(own))] for own in files[name].values()] for name in sorted(files)
    ]
    for queue in queues:
        rng.shuffle(queue)
    drawn: list[CutFace] = []
    while any(queues) and len(drawn) < most:
        drawn += [queue.pop() for queue in queues if queue]
    return drawn[:most]


def family(face: CutFace) -> str:
    """Of the method that made it."""
    return face.row.family


def method(face: CutFace) -> str:
    """That made it."""
    return face.row.method


def group(face: CutFace) -> str:
    """Of what shares a person, a scene or a page."""
    return face.row.group


def fakes(faces: Iterable[CutFace]) -> Tree:
    """Fakes by family, method and group; families of `MOST` groups and more are equally likely."""
    return Tree(faces, (family, method, group), (MOST, MOST, 1))
