"""Fits the network: `python -m backend train CONFIG`, resumable, seeded, on CPU or GPU."""

from __future__ import annotations

import copy
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from backend.errors import SetupError
from backend.memory import drop_signal_stack, keep_memory
from backend.training.data.index import Dataset, Sample
from backend.training.data.pair_sampler import PairSource, without_pictures
from backend.training.fit.checkpoint import AVERAGE, CHECKPOINT, UNFIT, restore, save
from backend.training.fit.loader import batches
from backend.training.fit.log import Log
from backend.training.fit.step import build_optimizer, follow, rate_at, train_step
from backend.training.recipe import IMAGENET, Recipe


def fit(recipe: Recipe, dataset: Dataset, folder: Path):
    """Train to the end, or go on from the checkpoint in `folder`.

    Writes `folder/run.csv` (one row each 10 steps) and checkpoints.

    Returns:
        The network with the averaged weights, on the CPU. Runs that the recipe names in
        `average_with`, with a past in common, are averaged with it (Wortsman et al., "Model
        soups", ICML 2022).

    Raises:
        SetupError: the checkpoint, or a run to start from or to average with, is missing or
            belongs to another network; the data lacks pictures for a kind of the mix; a checkpoint
            cannot be written; a process died.
    """
    samples = material(recipe, dataset)
    folder.mkdir(parents=True, exist_ok=True)
    source = PairSource(
        samples,
        recipe.mix,
        recipe.size,
        recipe.margin,
        recipe.seed,
        recipe.untouched,
        regions=recipe.regions,
        redraw=recipe.redraw,
    )
    return _fit(recipe, folder, source)


def material(recipe: Recipe, dataset: Dataset) -> list[Sample]:
    """The samples that a run learns from.

    Raises:
        SetupError: they lack pictures for a kind of the mix.
    """
    samples = [s for s in dataset.select("train") if s.source not in recipe.leave_out]
    if lacking := without_pictures(recipe.mix, samples):
        raise SetupError(
            f"The training data has no pictures for these kinds of the mix: {', '.join(lacking)}."
        )
    return samples


def mean_of(folders: Sequence[Path]):
    """The mean of the averaged networks of finished runs with a past in common, on the CPU.

    Raises:
        SetupError: a run is missing or belongs to another network.
    """
    keep_memory()
    from backend.training.networks.efficientnet_b0 import EfficientNetB0

    return _mean(_read_runs(EfficientNetB0(), folders)).eval()


def _read_runs(network, folders: Sequence[Path]) -> list:
    """The averaged networks of finished runs, shaped like `network`."""
    from backend.training.networks.state_file import read_state

    found = []
    for folder in folders:
        if not (folder / AVERAGE).is_file():
            raise SetupError(f"The run {folder.name} is needed and has no {AVERAGE}.")
        found.append(copy.deepcopy(network))
        try:
            found[-1].load_state_dict(read_state(folder / AVERAGE))
        except UNFIT:
            raise SetupError(f"The run {folder.name} is of another network.") from None
    return found


def _mean(networks: list):
    """The mean of networks with a past in common, whose weights are given up to it."""
    first, *others = networks
    for count, other in enumerate(others, 1):
        follow(first, other, count / (count + 1))
    return first


def _fit(recipe: Recipe, folder: Path, source: PairSource):
    keep_memory()
    drop_signal_stack()
    import torch

    from backend.training.networks.efficientnet_b0 import EfficientNetB0
    from backend.training.networks.imagenet import load_lite0

    torch.manual_seed(recipe.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = EfficientNetB0(recipe.dropout, recipe.drop_path)
    if recipe.start == IMAGENET:
        load_lite0(network)
    else:
        network = _mean(_read_runs(network, [folder.parent / name for name in recipe.start]))
    # Read first: that one is missing is not found out after an hour.
    twins = _read_runs(network, [folder.parent / name for name in recipe.average_with])
    network.to(device, memory_format=torch.channels_last).train()
    average = copy.deepcopy(network).requires_grad_(False)
    optimizer = build_optimizer(network, recipe)
    first = 0
    checkpoint = folder / CHECKPOINT
    if checkpoint.is_file():
        first = restore(checkpoint, recipe, network, average, optimizer)
        print(f"going on from step {first}", file=sys.stderr)

    log = Log(folder / "run.csv", recipe, first)
    made = batches(source, range(first, recipe.last), recipe.pairs)
    with closing(log), closing(made):
        for step, (images, labels, masks, kinds) in enumerate(made, first + 1):
            for group in optimizer.param_groups:
                group["lr"] = rate_at(step, recipe)
            images = torch.from_numpy(images).to(device).permute(0, 3, 1, 2)
            labels, masks = torch.from_numpy(labels).to(device), torch.from_numpy(masks).to(device)
            generated = torch.tensor([k == "generated" for k in kinds for _ in (0, 1)]).to(device)
            batch = images, labels, masks, generated
            with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
                loss, logits = train_step(network, optimizer, *batch, recipe)
            # The average follows quickly at first, so that it forgets the start.
            follow(average, network, min(recipe.ema, (1 + step) / (10 + step)))
            log.add(step, loss, logits, kinds)
            if step % recipe.checkpoint_every == 0 or step == recipe.last:
                state = {
                    "network": network.state_dict(),
                    "average": average.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "random": torch.get_rng_state(),
                    "step": step,
                    "recipe": asdict(recipe),
                }
                save(state, checkpoint)
    # Only what is finished can be begun from or averaged with; saved again by a run that is gone on
    # with, as the one before may have died between the two files.
    save(average.state_dict(), folder / AVERAGE)
    return _mean([average.cpu().eval(), *twins])
