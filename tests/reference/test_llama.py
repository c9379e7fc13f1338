"""What llama.md proves about the whole model, and the same model once more, by other means."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from torch.nn import functional as F

import torch_impl.llama
from compare.layers.table import LAYERS
from reference import linear, llama
from reference.tools import tree
from plain_llama import plain_llama
from strategies import examples, llama_configs, seeds

LLAMA = LAYERS["llama"]


def parts(case):
    """The ids, the parameters and the config of an example."""
    return case.example.inputs["tokens"], case.example.params, case.example.options["config"]


def close(found, truth):
    found, truth = np.asarray(found), np.asarray(truth)
    assert np.abs(found - truth).max() <= 1e-10 * max(1e-3, np.abs(truth).max())


@given(examples(LLAMA), seeds)
def test_logits_loss_and_gradients_are_those_of_plain_functions(case, seed):
    tokens, p, config = parts(case)
    targets = np.random.default_rng(seed).integers(0, config.vocab_size, tokens.shape)
    tensors = {name: torch.from_numpy(a.copy()).requires_grad_() for name, a in tree.walk(p)}
    truth = plain_llama(torch.from_numpy(tokens), tensors, config)
    mean = F.cross_entropy(truth.flatten(0, 1), torch.from_numpy(targets).flatten())
    mean.backward()
    close(llama.forward(tokens, p, config=config)[0], truth.detach())
    found, grads = llama.loss_and_grad(tokens, targets, p, config=config)
    close(found, mean.item())
    assert found == llama.loss(tokens, targets, p, config=config)
    for name, grad in tree.walk(grads):
        close(grad, tensors[name].grad)


@given(examples(LLAMA))
def test_no_output_depends_on_a_later_token_nor_its_gradient(case):
    tokens, p, config = parts(case)
    logits, cache = llama.forward(tokens, p, config=config)
    for t in range(tokens.shape[1] - 1):
        changed, dlogits = tokens.copy(), case.dy.copy()
        changed[:, t + 1:] = (changed[:, t + 1:] + 1) % config.vocab_size
        np.testing.assert_array_equal(
            llama.forward(changed, p, config=config)[0][:, :t + 1], logits[:, :t + 1])
        dlogits[:, t + 1:] = 0
        silent = cache._replace(h=np.zeros_like(cache.h))  # the head's share of a tied table is 0
        unread = np.setdiff1d(tokens, tokens[:, :t + 1])
        assert not llama.backward(dlogits, silent).embedding.weight[unread].any()


@given(examples(LLAMA))
def test_the_gradient_of_a_tied_table_is_the_sum_of_the_two_that_it_stands_for(case):
    tokens, p, config = parts(case)
    one = p._replace(head=())
    two = p._replace(head=linear.Weight(p.embedding.weight.copy()))
    tied, own = (llama.backward(case.dy, llama.forward(
        tokens, params, config=replace(config, tied=not params.head))[1]) for params in (one, two))
    close(tied.embedding.weight, own.embedding.weight + own.head.weight)
    assert tied.head == () and not own.embedding.weight[
        np.setdiff1d(np.arange(config.vocab_size), tokens)].any()


@given(llama_configs(), seeds)
def test_names_shapes_and_the_number_of_parameters(config, seed):
    params = llama.init(config, np.random.default_rng(seed))
    theirs = torch_impl.llama.Llama(**vars(config)).state_dict()
    assert {name: a.shape for name, a in tree.walk(params)} == {
        name: tuple(a.shape) for name, a in theirs.items()}
    V, L, C, hidden = config.vocab_size, config.n_layer, config.n_embd, config.n_hidden
    shared = config.n_kv_head * C // config.n_head
    assert tree.count(params) == (V * C * (1 if config.tied else 2) + C
                                  + L * (2 * C + 2 * C * C + 2 * shared * C + 3 * C * hidden))


def test_both_sides_start_with_the_same_deviations():
    config = llama.Config(50, 8, n_layer=3, n_head=4, n_kv_head=2, n_embd=64, n_hidden=96)
    ours = dict(tree.walk(llama.init(config, np.random.default_rng(0), np.float64)))
    torch.manual_seed(0)
    theirs = torch_impl.llama.Llama(**vars(config)).double().state_dict()
    for name, a in [*ours.items(), *((name, t.numpy()) for name, t in theirs.items())]:
        if a.ndim == 1:
            assert (a == 1).all(), name
            continue
        std = 0.02 / np.sqrt(2 * 3) if name.endswith(("proj.weight", "down.weight")) else 0.02
        # 5 deviations of the mean and of the deviation of n normals
        assert abs(a.mean()) <= 5 * std / np.sqrt(a.size), name
        assert abs(a.std() - std) <= 5 * std / np.sqrt(2 * a.size), name
    twice = llama.init(config, np.random.default_rng(0), np.float64, std=0.04)
    np.testing.assert_array_equal(twice.head.weight, 2 * ours["head.weight"])
    assert llama.draw_keep(np.random.default_rng(0), 2, 8, config) is None


SIZES = dict(vocab_size=3, block_size=4, n_layer=1, n_head=4, n_kv_head=2, n_embd=8, n_hidden=5)


@pytest.mark.parametrize("wrong, words", [
    ({"n_embd": 12}, "n_embd is 12; allowed: a multiple of 2 n_head = 8, as rope turns pairs"),
    ({"n_kv_head": 3}, "n_kv_head is 3; allowed: a divisor of n_head = 4$"),
    ({"n_hidden": 0}, "n_hidden is 0; allowed: an integer of at least 1$"),
    ({"n_layer": 1.5}, "n_layer is 1.5; allowed: an integer of at least 1$"),
    ({"vocab_size": True}, "vocab_size is True; allowed: an integer of at least 1$"),
    ({"rope_base": 1.0}, "rope_base is 1.0; allowed: a finite number above 1$"),
    ({"rope_base": math.inf}, "rope_base is inf; allowed: a finite number above 1$"),
    ({"eps": 0.0}, "eps is 0.0; allowed: a finite number above 0$"),
    ({"eps": math.nan}, "eps is nan; allowed: a finite number above 0$"),
    ({"tied": 1}, "tied is 1; allowed: True or False$")])
def test_a_model_that_can_not_be_built_is_refused(wrong, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        llama.Config(**SIZES | wrong)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("name, size", [
    ("vocab_size", 4), ("n_layer", 2), ("n_embd", 16), ("n_hidden", 6), ("tied", None)])
def test_a_config_that_does_not_fit_the_parameters_is_refused(name, size, tied):
    config = llama.Config(**SIZES, tied=tied)
    p = llama.init(config, np.random.default_rng(0))
    other = replace(config, **{name: not tied if size is None else size})
    with pytest.raises(ValueError, match=f"^config.{name} is .*; allowed: "
                                         f"{getattr(config, name)}, as in the parameters$"):
        llama.forward(np.array([[0]]), p, config=other)


@pytest.mark.parametrize("tokens, keep, error, words", [
    ([[3]], None, IndexError, "tokens holds the id 3; allowed: 0 to 2"),
    ([[0] * 5], None, ValueError, r"tokens has shape \(1, 5\); allowed: \(B, T\) with T from 1 to 4"),
    ([0, 1], None, ValueError, r"tokens has shape \(2,\); allowed: \(B, T\) with T from 1 to 4"),
    ([[0, 1]], (), ValueError, "keep is a tuple; allowed: None, as there is no dropout")])
def test_what_can_not_be_run_is_refused(tokens, keep, error, words):
    config, ids = llama.Config(**SIZES), np.array(tokens)
    p = llama.init(config, np.random.default_rng(0))
    for run in llama.forward, partial(llama.loss, ids), partial(llama.loss_and_grad, ids):
        with pytest.raises(error, match=f"^{words}$"):
            run(ids, p, config=config, keep=keep)


def test_torch_refuses_more_positions_than_the_block_size():
    model = torch_impl.llama.Llama(**SIZES)
    with pytest.raises(ValueError, match="^tokens has 5 positions; allowed: 1 to 4$"):
        model(torch.zeros(1, 5, dtype=torch.int64))
