"""Which examples to learn from: scores, the choice and its price, in PyTorch."""

from torch.nn import functional as F


def losses(logits, labels):
    """Return the loss of each example: (B, V), (B,) -> (B,)."""
    return F.cross_entropy(logits, labels, reduction="none")         # SEL-1


def gradient_norms(logits, labels):
    """Return the length of the gradient of each example's loss at its logits: (B, V), (B,) -> (B,).
    """
    dlogits = logits.softmax(-1) - F.one_hot(labels, logits.shape[-1])   # SEL-2 .. SEL-3
    return dlogits.norm(dim=-1)                                      # SEL-4


def reducible(loss, holdout_loss):
    """Return what another model, of other examples, has learned and this one not: (B,), (B,) ->
    (B,)."""
    return loss - holdout_loss                                       # SEL-5


def highest(scores, count):
    """Return the indices of the examples of the highest scores, the first of equal ones: (B,) ->
    (count,)."""
    return scores.sort(descending=True, stable=True).indices[:count]     # SEL-6


def price(scored, learned):
    """Return what examples cost, in forwards of one: a backward costs as much as two. () -> ()."""
    return scored + 3 * learned                                      # SEL-7
