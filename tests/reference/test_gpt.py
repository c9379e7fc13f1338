"""What gpt.md proves about the whole model."""

import numpy as np
import pytest
import torch
from hypothesis import given

import own_dropout
import torch_impl.gpt
from chance import hold_random, in_rows
from compare.layers import both
from compare.layers.row import Example
from compare.layers.table import LAYERS
from compare.checks.trial import allowed, weigh
from reference import cross_entropy, gpt
from reference.tools import tree
from strategies import examples, configs, seeds

GPT = LAYERS["gpt"]


def hold_alike(found, truth, case, dy):
    """Hold gradients by name against others, within the bound or within torch's own rounding."""
    def errors(least):
        return {f"d {name}": both.relative_error(found[name], grad, least(f"d {name}"))
                for name, grad in truth.items()}

    def noise():
        theirs = both.run_torch(GPT, case.sizes, case.example, dy)
        return both.rounding(GPT, case.sizes, case.example, dy, theirs, case.seed)

    worst, _ = weigh(errors, noise, "float64", allowed(GPT, "torch"))
    assert max(worst.values()) <= allowed(GPT, "torch"), worst


@given(examples(GPT))
def test_no_output_depends_on_a_later_token(case):
    (tokens,), p, config = case.example.inputs.values(), case.example.params, case.example.options
    logits, _ = gpt.forward(tokens, p, **config)
    for t in range(1, tokens.shape[1]):
        changed = tokens.copy()
        changed[:, t:] = (changed[:, t:] + 1) % case.sizes["V"]
        np.testing.assert_array_equal(gpt.forward(changed, p, **config)[0][:, :t], logits[:, :t])


@given(examples(GPT))
def test_the_gradient_of_an_output_at_a_later_position_is_exactly_zero(case):
    (tokens,), p, config = case.example.inputs.values(), case.example.params, case.example.options
    _, cache = gpt.forward(tokens, p, **config)
    for t in range(tokens.shape[1]):
        dlogits = case.dy.copy()
        dlogits[:, t + 1:] = 0
        assert not gpt.backward(dlogits, cache).embedding.position.weight[t + 1:].any()


@given(examples(GPT))
def test_the_gradient_of_a_batch_is_the_sum_over_its_sequences(case):
    whole = both.run_numpy(GPT, case.example, case.dy)
    total = {name: 0 for name in whole.gradients}
    for b in range(case.sizes["B"]):
        keep = case.example.constants["keep"]
        one = Example({"tokens": case.example.inputs["tokens"][b : b + 1]}, case.example.params,
                      case.example.options,
                      {"keep": keep and tree.map(lambda a: a[b : b + 1], keep)})
        part = both.run_numpy(GPT, one, case.dy[b : b + 1])
        total = {name: total[name] + part.gradients[name] for name in total}
    hold_alike(total, whole.gradients, case, case.dy)


@given(examples(GPT))
def test_the_tied_gradient_is_the_sum_of_its_two_parts(case):
    """Untie by hand: one table for the embedding, a copy for the head."""
    (tokens,), p, options = case.example.inputs.values(), case.example.params, case.example.options
    options = {**options, **case.example.constants}
    _, cache = gpt.forward(tokens, p, **options)
    tied = gpt.backward(case.dy, cache).embedding.token.weight
    as_head = np.einsum("btv,btc->vc", case.dy, cache.h)
    # with the head's share of the gradient off, what is left is the embedding's share
    silent = cache._replace(h=np.zeros_like(cache.h))
    as_embedding = gpt.backward(case.dy, silent).embedding.token.weight
    np.testing.assert_allclose(as_head + as_embedding, tied, rtol=1e-10, atol=1e-12)
    unseen = np.setdiff1d(np.arange(case.sizes["V"]), tokens)
    assert not as_embedding[unseen].any()


@given(configs(), seeds)
def test_names_and_shapes_are_torchs(config, seed):
    params = gpt.init(config, np.random.default_rng(seed))
    theirs = torch_impl.gpt.GPT(**vars(config)).state_dict()
    assert {n: a.shape for n, a in tree.walk(params)} == {n: tuple(a.shape) for n, a in theirs.items()}


@given(configs())
def test_the_number_of_parameters_is_the_closed_formula(config):
    V, S, L, C = config.vocab_size, config.block_size, config.n_layer, config.n_embd
    params = gpt.init(config, np.random.default_rng(0))
    assert tree.count(params) == V * C + S * C + L * (12 * C * C + 13 * C) + 2 * C


def test_both_sides_start_with_gpt2s_initial_values():
    config = gpt.Config(vocab_size=50, block_size=40, n_layer=3, n_head=2, n_embd=64)
    ours = dict(tree.walk(gpt.init(config, np.random.default_rng(0), np.float64)))
    torch.manual_seed(0)
    theirs = torch_impl.gpt.GPT(**vars(config)).double().state_dict()
    for name, a in [*ours.items(), *((name, t.numpy()) for name, t in theirs.items())]:
        if a.ndim == 1:
            assert (a == (name.endswith("weight"))).all(), name  # of a norm 1, and each bias 0
            continue
        std = 0.02 / np.sqrt(2 * 3) if name.endswith(("proj.weight", "down.weight")) else 0.02
        # 5 deviations of the mean and of the deviation of n normals
        assert abs(a.mean()) <= 5 * std / np.sqrt(a.size), name
        assert abs(a.std() - std) <= 5 * std / np.sqrt(2 * a.size), name


@given(examples(GPT), seeds)
def test_loss_and_grad_agrees_with_torch(case, seed):
    (tokens,), p, options = case.example.inputs.values(), case.example.params, case.example.options
    targets = np.random.default_rng(seed).integers(0, case.sizes["V"], tokens.shape)
    loss, grads = gpt.loss_and_grad(tokens, targets, p, **options, **case.example.constants)
    logits, _ = gpt.forward(tokens, p, **options, **case.example.constants)
    theirs = torch.from_numpy(logits).requires_grad_()
    truth = torch.nn.functional.cross_entropy(theirs.flatten(0, 1), torch.from_numpy(targets).flatten())
    truth.backward()
    assert both.relative_error(loss, truth.item(), 1.0) <= 1e-12
    dlogits = theirs.grad.numpy()
    ours = cross_entropy.backward(np.float64(1), cross_entropy.forward(logits, targets)[1])
    assert both.relative_error(ours, dlogits, 1e-3) <= 1e-12
    whole = both.run_torch(GPT, case.sizes, case.example, dlogits)
    hold_alike(dict(tree.walk(grads)), whole.gradients, case, dlogits)


@pytest.mark.parametrize("wrong, words", [
    ({"n_embd": 5}, "n_embd is 5; allowed: a multiple of n_head = 2"),
    ({"vocab_size": 0}, "vocab_size is 0; allowed: an integer of at least 1"),
    ({"n_layer": 1.5}, "n_layer is 1.5; allowed: an integer"),
    ({"block_size": True}, "block_size is True; allowed: an integer"),
    ({"dropout": 1.0}, "dropout is 1.0; allowed: 0 <= dropout < 1"),
])
def test_a_model_that_cannot_be_built_is_refused(wrong, words):
    sizes = dict(vocab_size=3, block_size=4, n_layer=1, n_head=2, n_embd=4)
    with pytest.raises(ValueError, match=words):
        gpt.Config(**{**sizes, **wrong})


def test_masks_are_random_in_all_blocks_and_steps_on_both_sides():
    B, T, rate = 300, 4, 0.3
    config, rng = gpt.Config(5, T, 2, 2, 6, dropout=rate), np.random.default_rng(0)
    keep = gpt.draw_keep(rng, B, T, config)
    assert keep.embedding.shape == (B, T, 6) and len(keep.blocks) == 2
    hold_random(np.concatenate([in_rows(keep), in_rows(gpt.draw_keep(rng, B, T, config))]), rate)
    torch.manual_seed(0)
    model, tokens = torch_impl.gpt.GPT(**vars(config)), torch.zeros((B, T), dtype=torch.long)
    theirs = [in_rows(own_dropout.draw(model, tokens)[1]) for _ in range(2)]
    hold_random(np.concatenate(theirs), rate)


def test_no_masks_are_drawn_where_there_is_no_dropout():
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    assert gpt.draw_keep(rng, 2, 3, gpt.Config(5, 3, 1, 2, 4)) is None
    assert rng.bit_generator.state == before


@pytest.mark.parametrize("n_layer", [1, 3])
def test_masks_of_another_number_of_blocks_are_refused(n_layer):
    rng = np.random.default_rng(0)
    config, other = (gpt.Config(3, 2, n, 1, 2, dropout=0.5) for n in (2, n_layer))
    keep = gpt.draw_keep(rng, 1, 2, other)
    with pytest.raises(ValueError, match=f"keep has masks of {n_layer} blocks; allowed: 2"):
        gpt.forward(np.zeros((1, 2), int), gpt.init(config, rng), config=config, keep=keep)
