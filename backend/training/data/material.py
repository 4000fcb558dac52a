"""What a data folder has pictures for: which kinds of a mix can be drawn from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from backend.training.data.index import Sample
from backend.training.data.pair_sampler import Mix


def without_pictures(mix: Mix, samples: Iterable[Sample]) -> list[str]:
    """The kinds that have a share and cannot be drawn, by what `PairSource` makes each of."""
    labels = defaultdict(set)  # of each clip, and of all stills
    for sample in samples:
        video = sample.archive == "dfdc.tar"
        labels[sample.group if video else None].add(sample.fake)
    stills = labels.pop(None, set())
    has = {
        "swap": any(len(both) == 2 for both in labels.values()),
        "blend_video": any(False in both for both in labels.values()),
        "generated": stills == {False, True},
    }
    real = False in stills  # all other kinds change a real still, if not always
    return [kind for kind in Mix.__slots__ if getattr(mix, kind) > 0 and not has.get(kind, real)]
