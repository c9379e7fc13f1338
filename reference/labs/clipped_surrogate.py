"""PPO's clipped surrogate, a loss whose steps stay short. Derivation: clipped_surrogate.md."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..tools.arguments import check_cotangent, check_finite, check_floats


class Cache(NamedTuple):
    ratio: Array       # (N,)
    advantages: Array  # (N,)
    epsilon: float


@np.errstate(over="ignore", invalid="ignore")  # a ratio or a loss that is not finite is refused
def forward(logp, *, old_logp, advantages, epsilon=0.2):
    """Return the mean of -min(A ratio, A clip(ratio, 1 - epsilon, 1 + epsilon)): (N,) -> ().

    logp are the log-probabilities of what was sampled, old_logp what they were when it was
    sampled, advantages how much better than expected it was, A. No gradient goes to these two.
    Raises ValueError where the shapes differ or for an epsilon outside 0 < epsilon < 1,
    FloatingPointError where a ratio or the loss is not finite.
    Source: Schulman et al., "Proximal Policy Optimization Algorithms" (2017), equation 7.
    """
    check_floats(logp=(logp, "N"), old_logp=(old_logp, "N"), advantages=(advantages, "N"))
    if not 0 < epsilon < 1:
        raise ValueError(f"epsilon is {epsilon}; allowed: 0 < epsilon < 1")
    ratio = np.exp(logp - old_logp)                                      # (N,)  CLIP-1
    check_finite("a ratio in clipped_surrogate", ratio)
    free = advantages * ratio                                            # (N,)  CLIP-2
    held = advantages * np.clip(ratio, 1 - epsilon, 1 + epsilon)         # (N,)  CLIP-3
    loss = -np.minimum(free, held).mean()                                # ()    CLIP-4
    check_finite("loss in clipped_surrogate", loss)
    return loss, Cache(ratio, advantages, epsilon)


def backward(dloss, cache):
    """Return dlogp, exactly 0 where the clip holds: () -> (N,)."""
    ratio, advantages, epsilon = cache
    check_cotangent("dloss", dloss, (), ratio.dtype, number=True)
    kept = advantages * np.where(
        advantages > 0, ratio <= 1 + epsilon, ratio >= 1 - epsilon)      # (N,)  CLIP-5
    dratio = -kept * dloss / ratio.size                                  # (N,)  CLIP-6
    return dratio * ratio                                                # (N,)  CLIP-7
