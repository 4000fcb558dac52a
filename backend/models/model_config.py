"""The members that judge in one run of the application, and how they are read together."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from backend.models.calibration import Reading
from backend.models.members import Kind, Member, Network, Readings, TrackNetwork

# Fields of a member that say nothing about its answers.
ASIDE = {"file", "mask_floor", "precisions", "trained_on", "licence"}


@dataclass(frozen=True)
class ModelConfig:
    """What serving must know about the networks in use; see `backend.models.model_file`.

    Attributes:
        name: shown with every answer.
        members: those that decide; the crop of the first that looks at faces is what the quality
            of a face is measured on.
        readings: how the members' calibrated logits become answers, for clips and for pictures.
        guests: those that are asked too, and shown, without a weight in the answer: they were not
            calibrated together with the others.
        idle: those that are there and not asked.
        made_with: the command that made the weights, for people.
    """

    name: str
    members: tuple[Member, ...]
    readings: Readings
    guests: tuple[Member, ...] = ()
    idle: tuple[Member, ...] = ()
    made_with: str = ""

    @cached_property
    def sha256(self) -> str:
        """Hex digest of the weights: of the one file, or of the digests of several, in order."""
        digests = [member.sha256 for member in self.members]
        return digests[0] if len(digests) == 1 else _digest("".join(digests))

    @property
    def facts(self) -> dict:
        """All that the answers rest on, ready for JSON: models with the same facts answer alike."""
        members = [facts_of(member) for member in self.members]
        readings = self.readings.model_dump(mode="json")
        return {"sha256": self.sha256, "members": members, "readings": readings}

    def asked(self, kind: Kind) -> tuple[Member, ...]:
        """The members that can judge files of a kind, also those that weigh nothing there."""
        return tuple(each for each in (*self.members, *self.guests) if each.reading(kind))

    def logits(self, kind: Kind, heads: Mapping[str, np.ndarray]) -> np.ndarray:
        """The calibrated logits of single faces, float64, shape (N,).

        Args:
            kind: of the files.
            heads: "member.head" -> raw logits, shape (N,), of all that count and judge single
                faces; those that judge tracks are undecided.
        """
        counted = self.readings.of(kind).counted
        undecided = np.zeros_like(next(iter(heads.values())))
        return self.readings.of(kind).logits(
            {
                m.name: undecided if isinstance(m, TrackNetwork) else own_logits(m, kind, heads)
                for m in self.members
                if m.name in counted
            }
        )


def facts_of(member: Network) -> dict:
    """All that a member's own answers rest on, ready for JSON."""
    return member.model_dump(mode="json", exclude=ASIDE)


def own_logits(member: Network, kind: Kind, heads: Mapping[str, np.ndarray]) -> np.ndarray:
    """What a member says by itself: its calibrated logits, float64, shape (N,).

    Args:
        kind: of the files, one that it can judge.
        heads: "member.head" -> raw logits, shape (N,).
    """
    own = {head: heads[f"{member.name}.{head}"] for head in member.heads}
    return member.reading(kind).logits(own)


def alone(member: Network) -> Readings:
    """The readings of an ensemble of one member: those of its own, the member counting once."""

    def once(reading: Reading | None) -> Reading | None:
        return reading and reading.model_copy(update={"weights": {member.name: 1.0}, "bias": 0.0})

    return Readings(**{kind: once(own) for kind, own in member.readings})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
