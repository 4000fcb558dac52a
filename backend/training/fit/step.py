"""One step of training: loss, optimizer, sharpness-aware ascent, averaged weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from backend.training.networks.efficientnet_b0 import EfficientNetB0
    from backend.training.recipe import Recipe


SHARES = 0.7, 0.3  # of the heads in the loss: most kinds of fakes are manipulations
# Weight in a head's loss of the real faces whose partners are the other head's fakes: what sets
# those pairs apart, such as video from photographs, would otherwise mean real to this head.
OTHERS = 0.2


def build_optimizer(network: EfficientNetB0, recipe: Recipe) -> torch.optim.Optimizer:
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


def train_step(network, optimizer, images, labels, masks, generated, recipe: Recipe):
    """Learn from one batch.

    Each head learns from the fakes of its own kind and from real faces, which weigh the same
    together: mostly from the partners of those fakes, and with the weight `OTHERS` from the rest.
    A generated face says nothing to the head of manipulations, nor a swap to the other.
    The loss is the cross entropy of the smoothed label, plus `mask_weight` times that of each cell
    of the mask: which part of the picture was changed. With `sam` above 0 the gradient is taken at
    the worst point within that radius (Foret et al., "Sharpness-Aware Minimization", ICLR 2021).

    Args:
        images: uint8 (N, 3, S, S). labels: float32 (N,). masks: float32 (N, S / 16, S / 16).
        generated: bool (N,), the pairs whose fake is generated.

    Returns:
        (loss, logits (N,)), both of the first pass; each image's logit is that of its pair's head.
    """
    import torch
    from torch.nn import functional as F

    smooth = labels * (1 - recipe.label_smoothing) + recipe.label_smoothing / 2
    fake = labels > 0.5
    pairs = (~generated, generated)

    def backward():
        logits, cells = network(images)
        logits = logits.float()
        loss = torch.zeros((), device=logits.device)
        for column, (own, share) in enumerate(zip(pairs, SHARES, strict=True)):
            if own.any():
                each = F.binary_cross_entropy_with_logits(
                    logits[:, column], smooth, reduction="none"
                )
                weights = torch.where(own, 1.0, OTHERS)[~fake]
                real = (each[~fake] * weights).sum() / weights.sum()
                loss = loss + share * (each[own & fake].mean() + real) / 2
        if recipe.mask_weight:
            cells = F.binary_cross_entropy_with_logits(cells.float(), masks)
            loss = loss + recipe.mask_weight * cells
        loss.backward()
        shown = torch.where(generated, logits[:, 1], logits[:, 0])
        return float(loss.detach()), shown.detach().cpu()

    optimizer.zero_grad(set_to_none=True)
    result = backward()
    if recipe.sam:
        with torch.no_grad():
            learned = [p for p in network.parameters() if p.grad is not None]
            length = torch.stack([p.grad.norm() for p in learned]).norm() + 1e-12
            moves = [p.grad * (recipe.sam / length) for p in learned]
            torch._foreach_add_(learned, moves)
        optimizer.zero_grad(set_to_none=True)
        backward()
        with torch.no_grad():
            torch._foreach_sub_(learned, moves)
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return result


def follow(average, network, decay: float) -> None:
    """Move the averaged weights and statistics towards the network's: decay * old + rest * new."""
    import torch

    with torch.no_grad():
        pairs = zip(average.state_dict().values(), network.state_dict().values(), strict=True)
        for kept, new in pairs:
            if kept.dtype.is_floating_point:
                kept.lerp_(new, 1 - decay)
