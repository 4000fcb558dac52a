"""Which faces are measured together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backend.training.data.index import Sample

# Sets whose reliability is measured, those of one kind of file each: people are told of them.
RELIABLE = ("val dfdc", "val stills", "dev deepfaketimit", "dev stills")


def sets(samples: Sequence[Sample]) -> Iterator[tuple[str, list[int]]]:
    """The sets that are reported: (name, indices of their samples).

    Each archive of `val`, each source of `dev`, single sources (real ones alone, and generators
    against all real stills of the same split), and each split as a whole.
    """

    def pick(test) -> list[int]:
        return [i for i, s in enumerate(samples) if test(s)]

    yield "val dfdc", pick(lambda s: s.split == "val" and s.archive == "dfdc.tar")
    yield "val stills", pick(lambda s: s.split == "val" and s.archive == "stills.tar")
    for name in sorted({s.source for s in samples if s.split == "val" and s.archive != "dfdc.tar"}):
        own = [s for s in samples if s.split == "val" and s.source == name]
        generated = any(s.fake for s in own)
        yield (
            f"val {name}" + (" + all real stills" if generated else ""),
            pick(
                lambda s, name=name, generated=generated: (
                    s.split == "val"
                    and s.archive == "stills.tar"
                    and (s.source == name or (generated and not s.fake))
                )
            ),
        )
    yield "val all", pick(lambda s: s.split == "val")
    for name in sorted({s.source for s in samples if s.split == "dev"}):
        yield f"dev {name}", pick(lambda s, name=name: s.split == "dev" and s.source == name)
    yield (
        "dev flux-dev-pro + all real dev stills",
        pick(
            lambda s: (
                s.split == "dev"
                and s.archive == "stills.tar"
                and (s.source == "flux-dev-pro" or not s.fake)
            )
        ),
    )
    yield "dev stills", pick(lambda s: s.split == "dev" and s.archive == "stills.tar")
    yield "dev all", pick(lambda s: s.split == "dev")
