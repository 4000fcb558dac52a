"""Fits one network by its recipe: resumable, seeded, on CPU or GPU, the best weights kept."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from backend.errors import SetupError
from backend.memory import drop_signal_stack, keep_memory
from backend.training.data.face_cache import FaceCache
from backend.training.fit.checkpoint import (
    CHECKPOINT,
    CHOSEN,
    UNFIT,
    damaged,
    progress_of,
    restore,
    save,
)
from backend.training.fit.choose import Judge
from backend.training.fit.loader import Sampler, batches
from backend.training.fit.log import Log
from backend.training.fit.step import build_optimizer, follow, rate_at, train_step
from backend.training.networks import build, start_from
from backend.training.networks.state_file import read_state
from backend.training.recipe import RECIPES, Recipe, read_recipe

SMALL = 0.8  # of the steps are made with small pictures, where a recipe says how small


def sampler_of(recipe: Recipe, faces: Sequence) -> Sampler:
    """What makes the batches of a recipe from the faces of "train"."""
    from backend.training.data.pair_sampler import PairSampler
    from backend.training.data.window_sampler import WindowSampler

    return {"face": PairSampler, "windows": WindowSampler}[recipe.sampler](faces, recipe)


def check(recipe: Recipe, faces: FaceCache) -> None:
    """See that everything that a recipe wants can be drawn, before the first step.

    Raises:
        SetupError: the data lacks pictures for a kind of the mix.
    """
    if lacking := sampler_of(recipe, faces.of("train")).lacking():
        raise SetupError(
            f"The training data has no pictures for these kinds of pairs of {recipe.name}: "
            f"{', '.join(lacking)}."
        )


def fit(
    recipe: Recipe,
    faces: FaceCache,
    open_faces: Callable[[], FaceCache],
    weights: Path,
    folder: Path,
    teacher: Path | None = None,
):
    """Train to the end, or go on from the checkpoint in `folder`.

    Every `choose_every` steps the averaged weights are marked on `val` and `dev-a`; the best are
    kept, since more steps begin to learn the sources by heart. At the end the middle between them
    and what the run started from is marked too, see `_Run.halfway`.

    Writes `folder/run.csv` (one row each 10 steps), `folder/chosen.csv` and checkpoints.

    Args:
        recipe: of the network.
        faces: of all splits.
        open_faces: opens the same faces, in each process that makes batches.
        weights: in place, from which "committed" starts.
        folder: of the run.
        teacher: the weights of the face network, which a recipe with a `teacher` learns from too.

    Returns:
        The network with the chosen weights, on the CPU.

    Raises:
        SetupError: the checkpoint or the start belongs to another network or recipe; a checkpoint
            cannot be written; a process died.
    """
    keep_memory()
    drop_signal_stack()
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = build(recipe)
    progress = progress_of(folder, recipe)
    if not progress.step:
        start_from(network, recipe, weights)
    network.to(device, memory_format=torch.channels_last).train()
    average = copy.deepcopy(network).requires_grad_(False)
    optimizer = build_optimizer(network, recipe)
    if progress.step:
        restore(folder / CHECKPOINT, recipe, network, average, optimizer)
        print(f"{recipe.name}: going on from step {progress.step}", file=sys.stderr)
    if progress.step < recipe.steps:
        judge = Judge(recipe, faces, folder / "chosen.csv", device)
        run = _Run(recipe, network, average, optimizer, judge, weights, folder)
        if recipe.teacher:
            run.teacher = _Teacher(teacher, device)
        make = partial(_open_sampler, recipe, open_faces)
        run.go_on(make, progress.step, progress.best)
    return _chosen(recipe, folder).eval()


def _chosen(recipe: Recipe, folder: Path):
    network = build(recipe)
    try:
        network.load_state_dict(read_state(folder / CHOSEN))
    except UNFIT:
        raise damaged(folder / CHOSEN) from None
    return network


def _open_sampler(recipe: Recipe, open_faces: Callable[[], FaceCache]) -> Sampler:
    return sampler_of(recipe, open_faces().of("train"))


class _Teacher:
    """The face network in place, whose logits another network learns to give."""

    def __init__(self, weights: Path, device: str):
        from backend.training.networks.keras_file import read_keras

        recipe = read_recipe(RECIPES / "face.toml")
        self._network, self._size = build(recipe), recipe.size
        read_keras(self._network, weights)
        self._network.to(device).eval()

    def __call__(self, images):
        import torch

        with torch.inference_mode():
            return self._network(_resized(images, self._size))[0]


def _resized(images, size: int):
    """Pictures, uint8 (N, 3, S, S), at another size: float32 (N, 3, size, size)."""
    from torch.nn import functional as F

    options = {"mode": "bilinear", "antialias": True, "align_corners": False}
    return F.interpolate(images.float(), (size, size), **options)


class _Run:
    """A network under training, and what is kept of it."""

    teacher: _Teacher | None = None

    def __init__(
        self,
        recipe: Recipe,
        network,
        average,
        optimizer,
        judge: Judge,
        weights: Path,
        folder: Path,
    ):
        self.recipe, self.network, self.average = recipe, network, average
        self.optimizer, self.judge = optimizer, judge
        self.weights, self.folder = weights, folder

    def go_on(self, make: Callable[[], Sampler], first: int, best: float) -> None:
        """Train from the step after `first` to the last."""
        import torch

        recipe, device = self.recipe, next(self.network.parameters()).device
        log = Log(self.folder / "run.csv", recipe, first)
        made = batches(make, range(first, recipe.steps), recipe.pairs)
        with closing(log), closing(made):
            for step, (images, masks, heads, kinds) in enumerate(made, first + 1):
                for group in self.optimizer.param_groups:
                    group["lr"] = rate_at(step, recipe)
                batch = (
                    torch.from_numpy(images).to(device).permute(0, 3, 1, 2),
                    torch.from_numpy(masks).to(device),
                    torch.from_numpy(heads).to(device),
                )
                if recipe.small and step <= SMALL * recipe.steps:
                    batch = (_resized(batch[0], recipe.small), *batch[1:])
                with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                    found = train_step(self.network, self.optimizer, *batch, recipe, self.teacher)
                # The average follows quickly at first, so that it forgets the start.
                follow(self.average, self.network, min(recipe.ema, (1 + step) / (10 + step)))
                log.add(step, *found, kinds)
                if step % recipe.choose_every == 0 or step == recipe.steps:
                    mark = self.judge.mark(self.average, step)
                    if mark > best:
                        best = mark
                        save(self.average.state_dict(), self.folder / CHOSEN)
                    if step == recipe.steps and recipe.start == "committed":
                        best = self.halfway(best)
                    self._save(step, best)

    def halfway(self, best: float) -> float:
        """Keep the mean of the chosen weights and those the run started from, where it is better.

        It holds abroad better than either end where a run began from weights that were good
        already (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022).

        Args:
            best: mark of the chosen weights.

        Returns:
            The mark of what is kept now.
        """
        network = build(self.recipe)
        start_from(network, self.recipe, self.weights)
        follow(network, _chosen(self.recipe, self.folder), 0.5)
        network.to(next(self.network.parameters()).device)
        mark = self.judge.mark(network, self.recipe.steps)
        if mark > best:
            save(network.state_dict(), self.folder / CHOSEN)
        return max(mark, best)

    def _save(self, step: int, best: float) -> None:
        import torch

        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": torch.get_rng_state(),
            "step": step,
            "best": best,
            "recipe": self.recipe.fields(),
        }
        save(state, self.folder / CHECKPOINT)
