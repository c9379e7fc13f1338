"""A llama's kept keys and values change nothing, and both sides write the same."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import reference.generate
import torch_impl.generate
from compare.layers.models import model_of, torch_model
from compare.layers.table import LAYERS
from reference import llama, llama_decode
from reference.tools import tree
from strategies import llama_configs, seeds
from torch_impl import llama_decode as torch_decode


def draw(config, seed, length):
    """Parameters whose activations are O(1), a torch model that holds them, and ids."""
    rng = np.random.default_rng(seed)
    params = tree.map(lambda a: rng.standard_normal(a.shape) / np.sqrt(a.shape[-1] ** (a.ndim - 1)),
                      llama.init(config, rng, np.float64))
    return params, torch_model(config, params), rng.integers(0, config.vocab_size, length)


def close(found, truth):
    assert found.shape == truth.shape
    assert np.abs(found - truth).max() <= 1e-12 * max(1, np.abs(truth).max())


@given(llama_configs(), seeds, st.data())
def test_a_window_may_begin_with_any_part_of_its_tokens(config, seed, data):
    T = config.block_size
    params, model, tokens = draw(config, seed, T)
    whole = llama.forward(tokens[None], params, config=config)[0][0]     # (T, V)
    first = data.draw(st.integers(1, T))
    logits, memory = llama_decode.begin(tokens[:first], params, config=config)
    close(np.array([logits] + [llama_decode.step(tokens[t], params, memory, t)
                               for t in range(first, T)]), whole[first - 1:])
    with torch.no_grad():
        p, tokens = torch_decode.params(model), torch.from_numpy(tokens)
        logits, memory = torch_decode.begin(tokens[:first], p)
        rows = [logits] + [torch_decode.step(tokens[t:t + 1], p, memory, t)
                           for t in range(first, T)]
    close(torch.stack(rows).numpy(), whole[first - 1:])


@given(llama_configs(), seeds, st.integers(1, 15))
def test_with_or_without_a_cache_numpy_and_torch_write_the_same(config, seed, length):
    params, model, prompt = draw(config, seed, length)
    architecture, written = model_of(config), []
    for cached in False, True:
        settings = dict(count=2 * config.block_size + 1, cached=cached, temperature=0.7, top_k=4)
        written += [list(reference.generate.generate(
            prompt, params, config=config, rng=random.Random(seed), **settings,
            **architecture.writer())), list(torch_impl.generate.generate(
                torch.from_numpy(prompt), model, rng=random.Random(seed), **settings,
                **architecture.torch_writer()))]
    assert len(written[0]) == 2 * config.block_size + 1
    assert written.count(written[0]) == 4


CONFIG = llama.Config(vocab_size=5, block_size=4, n_layer=1, n_head=4, n_kv_head=2, n_embd=8,
                      n_hidden=6)
P = llama.init(CONFIG, np.random.default_rng(0))


@pytest.mark.parametrize("tokens, error, words", [
    ([1, 2], TypeError, "tokens has dtype list; allowed: a NumPy array of integers"),
    (np.array([5]), IndexError, "tokens holds the id 5; allowed: 0 to 4"),
    (np.zeros(5, int), ValueError, r"tokens has shape \(1, 5\); allowed: \(B, T\) with T from 1 to 4"),
    (np.array([], int), ValueError, r"tokens has shape \(1, 0\); allowed: at least one id")])
def test_a_window_that_can_not_be_run_is_refused(tokens, error, words):
    with pytest.raises(error, match=f"^{words}$"):
        llama_decode.begin(tokens, P, config=CONFIG)


def test_what_overflows_is_refused_where_a_token_is_drawn():
    """In the first window, and in a later step, whose stream may have overflowed silently."""
    table = P.embedding.weight.copy()
    table[3] = 1e30
    wide = P._replace(embedding=llama.Table(table))
    with pytest.raises(FloatingPointError, match="allowed: finite numbers"):
        llama_decode.begin(np.array([3]), wide, config=CONFIG)
    _, memory = llama_decode.begin(np.array([1]), wide, config=CONFIG)
    with pytest.raises(FloatingPointError, match="is nan; allowed: finite numbers"):
        reference.generate.probabilities(llama_decode.step(3, wide, memory, 1))


def test_scores_of_thousands_are_no_overflow():
    params, _, tokens = draw(CONFIG, 0, CONFIG.block_size)
    block, = params.blocks
    attention = block.attention._replace(q=llama.linear.Weight(1e4 * block.attention.q.weight))
    params = params._replace(blocks=(block._replace(attention=attention),))
    whole = llama.forward(tokens[None], params, config=CONFIG)[0][0]     # (T, V)
    _, memory = llama_decode.begin(tokens[:1], params, config=CONFIG)
    close(np.array([llama_decode.step(tokens[t], params, memory, t)
                    for t in range(1, len(tokens))]), whole[1:])
