"""One step of training: the losses of the heads, the optimizer's move, the averaged weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from backend.training.recipe import Recipe

SHARES = 0.7, 0.3  # of two heads in the loss: most kinds of fakes are manipulations
# Weight in a head's loss of the real faces whose partners are the other head's fakes: what sets
# those pairs apart, such as video from photographs, would otherwise mean real to this head.
OTHERS = 0.2


def build_optimizer(network: torch.nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW; biases and the scales of batch norms are not decayed."""
    import torch

    kernels = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    return torch.optim.AdamW(
        [
            {"params": kernels, "weight_decay": recipe.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=recipe.learning_rate,
    )


def rate_at(step: int, recipe: Recipe) -> float:
    """Learning rate of a step counted from 1: linear rise, then a cosine down to 1 %."""
    if step <= recipe.warmup:
        return recipe.learning_rate * step / recipe.warmup
    done = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return recipe.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)


def train_step(network, optimizer, images, masks, heads, recipe: Recipe, teacher=None):
    """Learn from one batch.

    Each head learns from the fakes of its own kind and from real faces, which weigh the same
    together: mostly from the partners of those fakes, and with the weight `OTHERS` from the rest.
    The loss is the cross entropy of the smoothed label, plus `mask_weight` times that of each cell
    of the mask that is known: which part of the picture was changed.

    Args:
        images: uint8 (2 P, 3, S, S), real and fake in turn.
        masks: float32 (2 P, S / 16, S / 16), NaN where it is not known.
        heads: int64 (P,), the head that each pair teaches.
        teacher: gives the logits (2 P, heads) of the pictures that the network is to give too
            (Hinton et al., "Distilling the knowledge in a neural network", 2015); None for none.

    Returns:
        (loss; float32 (P,): by how much each pair's fake scores above its real face).
    """
    import torch
    from torch.nn import functional as F

    logits, cells = network(images)
    logits = logits.float()
    smooth = recipe.label_smoothing / 2
    real = F.binary_cross_entropy_with_logits(
        logits[::2], torch.full_like(logits[::2], smooth), reduction="none"
    )
    fake = F.binary_cross_entropy_with_logits(
        logits[1::2], torch.full_like(logits[1::2], 1 - smooth), reduction="none"
    )
    shares = SHARES if len(recipe.heads) > 1 else (1.0,)
    loss = torch.zeros((), device=logits.device)
    for head, share in enumerate(shares):
        own = heads == head
        if own.any():
            weights = torch.where(own, 1.0, OTHERS)
            beside = (real[:, head] * weights).sum() / weights.sum()
            loss = loss + share * (fake[own, head].mean() + beside) / 2
    known = ~torch.isnan(masks)
    if recipe.mask_weight and known.any():
        loss = loss + recipe.mask_weight * F.binary_cross_entropy_with_logits(
            cells.float()[known], masks[known]
        )
    if teacher is not None:
        loss = loss + recipe.teacher * F.binary_cross_entropy_with_logits(
            logits, torch.sigmoid(teacher(images).float())
        )
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    shown = logits.detach().gather(1, heads.repeat_interleave(2)[:, None])[:, 0].cpu()
    return float(loss.detach()), shown[1::2] - shown[::2]


def follow(average, network, decay: float) -> None:
    """Move the averaged weights and statistics towards the network's: decay * old + rest * new."""
    import torch

    with torch.no_grad():
        pairs = zip(average.state_dict().values(), network.state_dict().values(), strict=True)
        for kept, new in pairs:
            if kept.dtype.is_floating_point:
                kept.lerp_(new, 1 - decay)
