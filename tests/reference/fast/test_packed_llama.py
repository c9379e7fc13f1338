"""A llama writes the same with packed weights, and after a prompt in pieces, as the plain one."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.files import llama_gguf
from llama_form import gguf_llama
from reference import llama, llama_decode
from reference.fast import packed_llama
from reference.llama import Config
from reference.tools import tree
from strategies import llama_configs, seeds


def written(decoder, tokens, p, config, first):
    """The logits after each token from the first ones on, and the keys and values of all."""
    logits, memory = decoder.begin(tokens[:first], p, config=config)
    rows = [logits] + [decoder.step(tokens[t], p, memory, t) for t in range(first, len(tokens))]
    return np.array(rows), *(a[:, :, :len(tokens)] for a in (memory.keys, memory.values))


@given(llama_configs(), seeds, st.data())
def test_a_prompt_leaves_what_the_plain_one_leaves(config, seed, data):
    rng, T = np.random.default_rng(seed), config.block_size
    p = tree.map(lambda a: rng.standard_normal(a.shape) / np.sqrt(a.shape[-1] ** (a.ndim - 1)),
                 llama.init(config, rng, np.float64))
    tokens, first = rng.integers(0, config.vocab_size, T), data.draw(st.integers(1, T))
    for found, truth in zip(*(written(decoder, tokens, p, config, first)
                              for decoder in (packed_llama, llama_decode))):
        assert found.shape == truth.shape and found.dtype == np.float64
        assert np.abs(found - truth).max() <= 1e-12 * max(1, np.abs(truth).max())


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("sizes", [(1, 1, 32, 32), (6, 2, 96, 64), (4, 4, 64, 160)])
@pytest.mark.parametrize("seed", [0, 1])
def test_packed_weights_give_the_logits_of_floats_to_rounding(tied, seed, sizes, tmp_path):
    heads, shared, C, F = sizes
    config = Config(7, 20, n_layer=2, n_head=heads, n_kv_head=shared, n_embd=C, n_hidden=F, tied=tied)
    config, tensors, _ = llama_gguf.read_llama(gguf_llama(config, tmp_path / "a.gguf", seed=seed))
    assert {t.type for t in tensors.values()} == {"F32", "F16", "BF16", "Q4_0", "Q4_1", "Q8_0"}
    tokens = np.random.default_rng(seed).integers(0, 7, 20)
    kept, plain = (of(config, tensors) for of in (llama_gguf.kept_of, llama_gguf.floats_of))
    del tensors  # lets go of the file, which Windows deletes only then
    rows, _, _ = written(packed_llama, tokens, kept, config, 9)
    truth, _, _ = written(llama_decode, tokens, plain, config, 9)
    assert np.abs(rows - truth).max() <= 3e-6 * np.abs(truth).max()  # 4e-7 at most
    for i in range(config.n_layer):
        for found, weight in zip(tree.leaves(packed_llama.block_params(kept, i)),
                                 tree.leaves(plain.blocks[i])):
            np.testing.assert_array_equal(found, weight)


def test_a_long_prompt_makes_no_table_of_all_scores():
    config = Config(5, 1024, n_layer=1, n_head=4, n_kv_head=2, n_embd=16, n_hidden=8)
    p = llama.init(config, np.random.default_rng(0))
    tracemalloc.start()
    try:
        packed_llama.begin(np.zeros(1024, int), p, config=config)
        assert tracemalloc.get_traced_memory()[1] < 8e6  # the scores alone would be 16.8 MB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("tokens, error, words", [
    ([1, 2], TypeError, "tokens has dtype list; allowed: a NumPy array of integers"),
    (np.array([5]), IndexError, "tokens holds the id 5; allowed: 0 to 4"),
    (np.zeros(5, int), ValueError, "tokens has 5 positions; allowed: 1 to 4"),
    (np.array([], int), ValueError, r"tokens has shape \(0,\); allowed: at least one id")])
def test_a_window_that_can_not_be_run_is_refused(tokens, error, words):
    config = Config(5, 4, n_layer=1, n_head=4, n_kv_head=2, n_embd=8, n_hidden=6)
    with pytest.raises(error, match=f"^{words}$"):
        packed_llama.begin(tokens, llama.init(config, np.random.default_rng(0)), config=config)
