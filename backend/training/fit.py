"""Fits the network: `python -m backend train CONFIG`, resumable, seeded, on CPU or GPU."""

from __future__ import annotations

import copy
import sys
import tomllib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from backend.errors import SetupError
from backend.training.batches import Mix, PairSource
from backend.training.blend import REGIONS
from backend.training.checkpoint import save
from backend.training.data import Dataset
from backend.training.log import Log
from backend.training.step import build_optimizer, follow, keep_memory, rate_at, train_step
from backend.training.workers import batches


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training configuration; the fields are explained in `configs/first.toml`."""

    name: str
    size: int
    margin: float
    steps: int
    pairs: int
    warmup: int
    learning_rate: float
    weight_decay: float
    label_smoothing: float
    ema: float
    dropout: float
    drop_path: float
    mask_weight: float
    sam: float
    seed: int
    workers: int
    checkpoint_every: int
    untouched: float
    start: tuple[str, ...]
    mix: Mix
    leave_out: tuple[str, ...] = ()
    regions: tuple[str, ...] = tuple(REGIONS)
    average_with: tuple[str, ...] = ()
    until: int = 0
    redraw: float = 0.0

    @property
    def last(self) -> int:
        """The step that a run ends with: `until`, or else all `steps` of its schedule."""
        return self.until or self.steps


def read_recipe(path: Path) -> Recipe:
    """Read a configuration.

    Raises:
        SetupError: it is missing, is not TOML, or has a missing or unknown field.
    """
    try:
        return to_recipe(tomllib.loads(path.read_text()))
    except (OSError, tomllib.TOMLDecodeError, TypeError) as error:
        raise SetupError(
            f"The training configuration {path.name} cannot be used: {error}."
        ) from None


def to_recipe(fields: dict) -> Recipe:
    """Build a recipe.

    Raises:
        TypeError: a field is missing or unknown, or one name stands where a list should.
    """
    for name in ("start", "average_with", "leave_out", "regions"):
        if isinstance(fields.get(name), str):
            raise TypeError(f'{name} must be a list, such as ["{fields[name]}"]')
    lists = {k: tuple(v) for k, v in fields.items() if isinstance(v, list)}
    return Recipe(**{**fields, **lists, "mix": Mix(**fields.get("mix", {}))})


def fit(recipe: Recipe, dataset: Dataset, folder: Path):
    """Train to the end, or go on from the checkpoint in `folder`.

    Writes `folder/run.csv` (one row each 10 steps) and checkpoints.

    Returns:
        The network with the averaged weights, on the CPU. Runs that the recipe names in
        `average_with`, with a past in common, are averaged with it (Wortsman et al., "Model
        soups", ICML 2022).

    Raises:
        SetupError: the checkpoint, or a run to start from or to average with, is missing or
            belongs to another network; a checkpoint cannot be written; a process died.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = PairSource(
        [s for s in dataset.select("train") if s.source not in recipe.leave_out],
        recipe.mix,
        recipe.size,
        recipe.margin,
        recipe.seed,
        recipe.untouched,
        regions=recipe.regions,
        redraw=recipe.redraw,
    )
    return _fit(recipe, folder, source)


def _read_runs(network, folders: list[Path]) -> list:
    """The averaged networks of finished runs, shaped like `network`."""
    from backend.training.weights import read_state

    found = []
    for folder in folders:
        weights = folder / "average.pt"
        if not weights.is_file():
            raise SetupError(f"The run {folder.name} is needed and has no {weights.name}.")
        found.append(copy.deepcopy(network))
        try:
            found[-1].load_state_dict(read_state(weights))
        except (RuntimeError, ValueError):
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
    import torch

    from backend.training.network import EfficientNetB0
    from backend.training.weights import load_lite0, read_state

    torch.manual_seed(recipe.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = EfficientNetB0(recipe.dropout, recipe.drop_path)
    if recipe.start == ("lite0",):
        load_lite0(network)
    else:
        network = _mean(_read_runs(network, [folder.parent / name for name in recipe.start]))
    # Read first: that one is missing is not found out after an hour.
    twins = _read_runs(network, [folder.parent / name for name in recipe.average_with])
    network.to(device, memory_format=torch.channels_last).train()
    average = copy.deepcopy(network).requires_grad_(False)
    optimizer = build_optimizer(network, recipe)
    first = 0
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.is_file():
        try:
            saved = read_state(checkpoint)
            network.load_state_dict(saved["network"])
            average.load_state_dict(saved["average"])
            optimizer.load_state_dict(saved["optimizer"])
            torch.set_rng_state(saved["random"])
        except (RuntimeError, KeyError, ValueError):
            raise SetupError(f"The checkpoint in {folder.name} is of another network.") from None
        first = saved["step"]
        print(f"going on from step {first}", file=sys.stderr)

    log = Log(folder / "run.csv", recipe, first)
    made = batches(source, range(first, recipe.last), recipe.pairs, recipe.workers)
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
                }
                save(state, checkpoint)
                if step == recipe.last:  # only what is finished can be begun from or averaged with
                    save(state["average"], folder / "average.pt")
    return _mean([average.cpu().eval(), *twins])
