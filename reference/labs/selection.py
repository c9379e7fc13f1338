"""Which examples to learn from: scores, the choice and its price. Derivation: selection.md."""

import numpy as np

from .. import softmax
from ..tools.arguments import check_floats, check_ids, check_integers, check_some


def losses(logits, labels):
    """Return the loss of each example, -log softmax(logits)[label]: (B, V), (B,) -> (B,).

    Raises TypeError or ValueError for what has another form, IndexError for a label outside V.
    """
    check_examples(logits, labels)
    z = logits - logits.max(-1, keepdims=True)                       # (B, V)
    z_label = z[np.arange(len(z)), labels]                           # (B,)
    return np.log(np.exp(z).sum(-1)) - z_label                       # (B,)    SEL-1


def gradient_norms(logits, labels):
    """Return the length of the gradient of each example's loss at its logits: (B, V), (B,) -> (B,).

    Raises as losses does. Source: Paul, Ganguli and Dziugaite, "Deep Learning on a Data Diet"
    (2021), where it is called EL2N.
    """
    check_examples(logits, labels)
    p, _ = softmax.forward(logits)                                   # (B, V)  SEL-2
    dlogits = p - (np.arange(p.shape[-1]) == labels[:, None])        # (B, V)  SEL-3
    return np.sqrt((dlogits ** 2).sum(-1))                           # (B,)    SEL-4


def reducible(loss, holdout_loss):
    """Return what another model, of other examples, has learned and this one not: (B,), (B,) ->
    (B,).

    Source: Mindermann et al., "Prioritized Training on Points that are Learnable, Worth Learning,
    and Not Yet Learnt" (2022), equation 3.
    """
    return loss - holdout_loss                                       # (B,)    SEL-5


def highest(scores, count):
    """Return the indices of the examples of the highest scores, the first of equal ones: (B,) ->
    (count,).

    Raises ValueError for a count outside 1 .. B.
    """
    check_some("scores", scores)
    if not 1 <= count <= len(scores):
        raise ValueError(f"count is {count}; allowed: 1 to {len(scores)}")
    return np.argsort(-scores, kind="stable")[:count]                # (count,)  SEL-6


def price(scored, learned):
    """Return what examples cost, in forwards of one: a backward costs as much as two. () -> ()."""
    return scored + 3 * learned                                      # ()      SEL-7


def check_examples(logits, labels):
    """Refuse logits and labels that don't belong together."""
    check_floats(logits=(logits, "BV"))
    check_integers("labels", labels, logits.shape[:1])
    check_ids("labels", labels, logits.shape[-1])
