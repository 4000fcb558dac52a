"""What judges faces: each scorer cuts what its network needs of a picture, and scores a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from backend.engines import Engine
from backend.models.crops import Box, crop_face, cut_side, middle, views_of
from backend.models.members import FaceNetwork, Network, TrackNetwork, WindowNetwork
from backend.models.quality import brightened, brightness
from backend.models.windows import windows


class Judged(NamedTuple):
    """What a network says of N faces.

    Attributes:
        logits: float32, shape (N, K), one for each head, positive for fake.
        maps: float32, shape (N, h, w, M): logits of h x w equal cells of the first view; M is 1
            for the mask of a network that has one, else K. None where it has no such map.
        features: float32, shape (N, h / 2, w / 2, C): what the mask is made of; None without one.
    """

    logits: np.ndarray
    maps: np.ndarray | None = None
    features: np.ndarray | None = None


class Scorer(Protocol):
    """One member of a model, loaded. Safe to share between threads."""

    member: Network
    engine: Engine

    def cut(self, image: np.ndarray, box: Box, roll: float = 0.0) -> np.ndarray:
        """Cut out what the network needs of a picture to judge a face.

        Args:
            image: uint8 RGB, shape (height, width, 3).
            box: of the face, (left, top, right, bottom) px.
            roll: degrees clockwise that the face lies turned, which are undone.

        Returns:
            uint8 RGB, for `judge`.
        """
        ...

    def judge(self, cuts: Sequence[np.ndarray], views: int | None = None) -> Judged:
        """Judge faces in one pass of the network.

        Args:
            cuts: of `cut`, one a face.
            views: of each face, where it has several; None for as many as the member says.

        Raises:
            ValueError: the cuts are not those of this member, or show nothing.
        """
        ...


class FaceScorer:
    """Judges the crops of faces: several views of each, and their mean."""

    def __init__(self, member: FaceNetwork, engine: Engine):
        self.member, self.engine = member, engine
        self._side = cut_side(member.input_size, member.views)

    def cut(self, image: np.ndarray, box: Box, roll: float = 0.0) -> np.ndarray:
        """What all views need: uint8 RGB, shape (C, C, 3); see `Scorer.cut`."""
        longer = self._side / self.member.input_size
        return crop_face(image, box, (1 + self.member.margin) * longer - 1, self._side, roll)

    def crop(self, cut: np.ndarray) -> np.ndarray:
        """The network's own view, the middle of a cut: uint8 RGB, shape (S, S, 3)."""
        return middle(cut, self.member.input_size)

    def judge(self, cuts: Sequence[np.ndarray], views: int | None = None) -> Judged:
        """See `Scorer.judge`."""
        if not len(cuts):
            return _nothing(self.member)
        stack, wanted = np.stack(cuts), (self._side, self._side, 3)
        if stack.shape[1:] != wanted:
            raise ValueError(f"Expected cuts of shape {wanted}. Received: {stack.shape[1:]}.")
        if self.member.dim:
            lit = [brightened(cut, brightness(self.crop(cut)), self.member.dim) for cut in stack]
            stack = np.stack(lit)
        count = min(views or self.member.views, self.member.views)
        seen = np.concatenate(views_of(stack, self.member.input_size, count))
        found = self.engine.infer(seen)
        logits = _logits(found.score, self.member).reshape(count, len(stack), -1)
        first = found.part(slice(len(stack)))
        return Judged(logits.mean(axis=0), self._located(first.map), first.features)

    def _located(self, maps: np.ndarray | None) -> np.ndarray | None:
        if maps is None:
            return None
        if self.member.output == "softmax" and maps.shape[-1] == 2:
            return maps[..., 1:] - maps[..., :1]
        is_mask = self.member.mask_floor is not None
        return maps if maps.shape[-1] == (1 if is_mask else len(self.member.heads)) else None


class WindowScorer:
    """Judges windows of a picture around faces, at its own resolution: the mean over each face's.

    It has no maps: a window is no picture of the face. Windows are turned by quarters alone: any
    other turn would draw anew the pixels that they are looked at for.
    """

    def __init__(self, member: WindowNetwork, engine: Engine):
        self.member, self.engine = member, engine

    def cut(self, image: np.ndarray, box: Box, roll: float = 0.0) -> np.ndarray:
        """The windows: uint8 RGB, shape (W, S, S, 3), W at least 1; see `Scorer.cut`.

        Args:
            image: at the file's own resolution.

        Raises:
            ValueError: no window fits into the picture.
        """
        found = windows(image, box, self.member.input_size, self.member.reductions)
        if not len(found):
            size = self.member.input_size
            raise ValueError(f"Expected a picture of {size} px or more. Received: {image.shape}.")
        return np.ascontiguousarray(np.rot90(found, round(roll / 90), axes=(1, 2)))

    def judge(self, cuts: Sequence[np.ndarray], views: int | None = None) -> Judged:
        """See `Scorer.judge`."""
        if not len(cuts):
            return _nothing(self.member)
        ends = np.cumsum([len(cut) for cut in cuts])
        score = self.engine.infer(np.concatenate(cuts)).score
        parts = np.split(_logits(score, self.member), ends[:-1])
        return Judged(np.stack([part.mean(axis=0) for part in parts]))


class TrackScorer:
    """Judges how a face changes from moment to moment of a clip.

    Each moment alone is the face network's; this sees only what moves. Faces that were drawn by a
    machine change less, and otherwise, than filmed ones do.
    """

    def __init__(self, member: TrackNetwork, engine: Engine):
        self.member, self.engine = member, engine

    def judge(self, track: Sequence[np.ndarray]) -> np.ndarray | None:
        """Judge one track.

        Args:
            track: features of its moments, see `Judged`, in order of time.

        Returns:
            The logits of the heads, float32, shape (K,); None where there are too few moments.
        """
        count = self.member.moments
        if len(track) < count:
            return None
        chosen = [track[place] for place in spread(len(track), count)]
        return _logits(self.engine.infer(np.stack(chosen)[None]).score, self.member)[0]


def by_head(member: Network, logits: np.ndarray) -> dict[str, np.ndarray]:
    """Logits of the heads, shape (N, K), as "member.head" -> shape (N,)."""
    return {f"{member.name}.{head}": logits[:, n] for n, head in enumerate(member.heads)}


def spread(length: int, count: int) -> np.ndarray:
    """The places of `count` moments out of `length`, the middles of equal parts: int, (count,)."""
    return ((np.arange(count) + 0.5) * length / count).astype(int)


def _nothing(member: Network) -> Judged:
    return Judged(np.zeros((0, len(member.heads)), np.float32))


def _logits(score: np.ndarray, member: Network) -> np.ndarray:
    """The logits of the heads, float32, shape (N, K), from a network's output."""
    score = score.reshape(len(score), member.columns)
    if member.output == "logits":
        return score
    fake = np.clip(score[:, -1:].astype(np.float64), 1e-7, 1 - 1e-7)
    return np.log(fake / (1 - fake)).astype(np.float32)
