"""The masks that a torch module draws itself, so that its twin can be given the same."""

from unittest import mock

import torch
from torch.nn import functional as F

import torch_impl.attention
import torch_impl.block
import torch_impl.dropout
import torch_impl.gpt
import torch_impl.mlp
from reference import attention, block, gpt


def draw(module, *inputs):
    """Return the output of a module in training, and the Keep with the masks that it drew.

    A mask inside scaled_dot_product_attention shows in its result for the identity as values.
    """
    own, weights, plain = {}, [], F.scaled_dot_product_attention

    def watch(drop, inputs, y):
        own[drop] = ((y != 0) | (inputs[0] == 0)).numpy()

    def attend(q, k, v, **options):
        state, one = torch.get_rng_state(), torch.eye(q.shape[-2], dtype=q.dtype)
        hidden = torch.ones_like(one).triu(1) > 0  # counts as kept
        found = plain(q, k, one.expand(*q.shape[:-1], len(one)), **options)
        weights.append(((found != 0) | hidden).numpy())
        torch.set_rng_state(state)
        return plain(q, k, v, **options)

    drops = [part for part in module.modules() if isinstance(part, torch_impl.dropout.Dropout)]
    hooks = [drop.register_forward_hook(watch) for drop in drops]
    with mock.patch.object(F, "scaled_dot_product_attention", attend):
        y = module.train()(*inputs)
    for hook in hooks:
        hook.remove()
    return y, keep_of(module, own, iter(weights))


def keep_of(module, own, weights):
    """Return what forward takes as keep: own holds masks by Dropout, weights those of attention."""
    if isinstance(module, torch_impl.gpt.GPT):
        blocks = tuple(keep_of(part, own, weights) for part in module.blocks)
        return gpt.Keep(own[module.drop], blocks)
    if isinstance(module, torch_impl.block.Block):
        return block.Keep(*(keep_of(part, own, weights) for part in (module.attention, module.mlp)))
    if isinstance(module, torch_impl.attention.Attention):
        return attention.Keep(next(weights), own[module.output_drop])
    return own[module.drop]  # of an MLP
