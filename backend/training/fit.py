"""Fits the network: `python -m backend train CONFIG`, resumable, seeded, on CPU or GPU."""

from __future__ import annotations

import csv
import multiprocessing
import os
import sys
import threading
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from backend.errors import SetupError
from backend.training.batches import Mix, PairSource
from backend.training.data import Dataset


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
    seed: int
    workers: int
    checkpoint_every: int
    untouched: float
    start: str
    mix: Mix


def read_recipe(path: Path) -> Recipe:
    """Read a configuration.

    Raises:
        SetupError: it is missing, is not TOML, or has a missing or unknown field.
    """
    try:
        fields = tomllib.loads(path.read_text())
        return Recipe(**{**fields, "mix": Mix(**fields.get("mix", {}))})
    except (OSError, tomllib.TOMLDecodeError, TypeError) as error:
        raise SetupError(
            f"The training configuration {path.name} cannot be used: {error}."
        ) from None


AHEAD = 8  # batches made before they are needed

_source: PairSource | None = None  # each worker process gets its own when it starts


def _start_worker(source: PairSource) -> None:
    global _source
    _source = source
    cv2.setNumThreads(1)  # one process a core already; OpenCV's own threads would only collide


def _make(task: tuple[int, int]):
    return _source.batch(*task)


def fit(recipe: Recipe, dataset: Dataset, folder: Path):
    """Train to the end, or go on from the checkpoint in `folder`.

    Writes `folder/run.csv` (one row each 10 steps) and checkpoints.

    Returns:
        The Keras model with the averaged weights.

    Raises:
        SetupError: the checkpoint belongs to another network.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = PairSource(
        dataset.select("train"),
        recipe.mix,
        recipe.size,
        recipe.margin,
        recipe.seed,
        recipe.untouched,
    )
    # Spawned and not forked: threads of OpenVINO and OpenCV do not survive a fork, their locks do.
    with multiprocessing.get_context("spawn").Pool(
        recipe.workers, _start_worker, (source,)
    ) as pool:
        return _fit(recipe, folder, pool)


def _load_run(network, weights: Path) -> None:
    if not weights.is_file():
        raise SetupError(f"The run {weights.parent.name} to start from has no {weights.name}.")
    try:
        network.load_weights(weights)
    except ValueError:
        raise SetupError(f"The run {weights.parent.name} is of another network.") from None


def _fit(recipe: Recipe, folder: Path, pool):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras
    import tensorflow as tf

    from backend.training.network import build_network, load_lite0

    keras.utils.set_random_seed(recipe.seed)
    network = build_network(recipe.size, recipe.dropout)
    if recipe.start == "lite0":
        load_lite0(network)
    else:
        _load_run(network, folder.parent / recipe.start / "average.h5")
    average = build_network(recipe.size, recipe.dropout)
    average.set_weights(network.get_weights())
    schedule = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate * 0.02,
        recipe.steps - recipe.warmup,
        alpha=0.01,
        warmup_target=recipe.learning_rate,
        warmup_steps=recipe.warmup,
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay, clipnorm=1.0)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    optimizer.build(network.trainable_variables)
    step_done = tf.Variable(0, dtype=tf.int64)
    checkpoint = tf.train.Checkpoint(
        network=network, average=average, optimizer=optimizer, step=step_done
    )
    keeper = tf.train.CheckpointManager(checkpoint, str(folder), max_to_keep=1)
    if keeper.latest_checkpoint:
        try:
            checkpoint.restore(keeper.latest_checkpoint).assert_existing_objects_matched()
        except (ValueError, AssertionError):
            raise SetupError(f"The checkpoint in {folder.name} is of another network.") from None
        print(f"going on from step {int(step_done)}", file=sys.stderr)

    @tf.function
    def train_step(images, labels, decay):
        smooth = labels * (1 - recipe.label_smoothing) + recipe.label_smoothing / 2
        with tf.GradientTape() as tape:
            logits = network(images, training=True)[:, 0]
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(smooth, logits))
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        for kept, new in zip(average.variables, network.variables, strict=True):
            if kept.dtype == "float32":
                kept.assign(kept * decay + new * (1 - decay))
        return loss, logits

    first, began = int(step_done), time.monotonic()
    room = threading.Semaphore(AHEAD)  # imap alone would make every batch of the run at once

    def tasks():
        for step in range(first, recipe.steps):
            room.acquire()
            yield step, recipe.pairs

    batches = pool.imap(_make, tasks())
    losses, right = [], {kind: [] for kind in Mix.__slots__}
    with (folder / "run.csv").open("a", newline="") as file:
        rows = csv.writer(file)
        if first == 0:
            rows.writerow(["step", "seconds", "loss", *(f"pair_order_{kind}" for kind in right)])
        for step, (images, labels, kinds) in enumerate(batches, first + 1):
            room.release()
            # The average follows quickly at first, so that it forgets the start.
            decay = min(recipe.ema, (1 + step) / (10 + step))
            loss, logits = train_step(images.astype(np.float32), labels, np.float32(decay))
            losses.append(float(loss))
            margins = logits.numpy()[1::2] - logits.numpy()[::2]
            for kind, margin in zip(kinds, margins, strict=True):
                right[kind].append(margin > 0)
            if step % 10 == 0 or step == recipe.steps:
                spent = time.monotonic() - began
                order = [f"{np.mean(hits[-300:]):.3f}" if hits else "" for hits in right.values()]
                rows.writerow([step, f"{spent:.0f}", f"{np.mean(losses[-50:]):.4f}", *order])
                file.flush()
                rate = (step - first) / spent
                print(
                    f"\rstep {step}/{recipe.steps}  loss {np.mean(losses[-50:]):.3f}  "
                    f"{rate * 2 * recipe.pairs:.1f} images/s  "
                    f"{(recipe.steps - step) / rate / 60:.0f} min left ",
                    end="",
                    file=sys.stderr,
                    flush=True,
                )
            if step % recipe.checkpoint_every == 0 or step == recipe.steps:
                step_done.assign(step)
                keeper.save()
                average.save(folder / "average.h5")
    print(file=sys.stderr)
    return average
