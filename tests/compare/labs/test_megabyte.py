"""The lab megabyte: its language, the operations that it counts, and what it changes."""

import math

import numpy as np

from compare.labs import megabyte as lab
from reference import gpt
from reference.labs import megabyte


def test_texts_are_words_of_the_language_that_often_follow_their_liking():
    words, liked = language = lab.draw_language(np.random.default_rng(0))
    assert words.shape == (16, 4) and words[:, 0].tolist() == [*range(16)]
    whole = lab.draw_texts_of_words(np.random.default_rng(1), language, 200, 0)
    cut = lab.draw_texts_of_words(np.random.default_rng(1), language, 200, 2)
    assert whole.shape == cut.shape == (200, 64) and np.array_equal(whole[:, 2:], cut[:, :-2])
    spelled = whole.reshape(200, 16, 4)
    assert np.array_equal(words[spelled[..., 0]], spelled)
    kept = (spelled[:, 1:, 0] == liked[spelled[:, :-1, 0]]).mean()
    assert abs(kept - (0.8 + 0.2 / 16)) < 0.03


def test_the_least_loss_is_the_entropy_of_the_next_word_spread_over_its_bytes():
    shares = [0.8 + 0.2 / 16] + 15 * [0.2 / 16]
    assert math.isclose(sum(shares), 1)
    assert math.isclose(lab.least_loss(), -sum(p * math.log(p) for p in shares) / 4)


def test_operations_are_those_of_the_products():
    """Counted from the shapes of the parameters, and of the scores."""
    for stem, model in ("gpt", gpt), ("megabyte", megabyte):
        config = lab.CONFIGS[stem]
        p = model.init(config, np.random.default_rng(0))
        stacks = ([(p.blocks, 1, 64)] if stem == "gpt" else
                  [(p.global_blocks, 4, 16), (p.local_blocks, 1, 4)])  # bytes a place, places
        total = p.embedding.token.weight.size
        for blocks, bytes_a_place, places in stacks:
            for block in blocks:
                weights = (block.attention.qkv, block.attention.proj, block.mlp.up, block.mlp.down)
                width = len(block.norm_1.weight)
                total += (sum(w.weight.size for w in weights) + 2 * places * width) / bytes_a_place
        assert lab.operations(config) == total
    counts = {stem: lab.operations(config) for stem, config in lab.CONFIGS.items()}
    assert 0 <= counts["gpt"] - counts["megabyte"] < 0.02 * counts["megabyte"]


def test_both_models_are_asked_for_the_same_bytes():
    texts = np.arange(2 * 64).reshape(2, 64) % 16
    for stem, shift in ("megabyte", 0), ("gpt", 1):
        tokens, targets = lab.told_next(stem, texts)
        assert np.array_equal(targets[:, -60:], texts[:, 4:])
        assert np.array_equal(tokens[:, shift:], targets[:, :-shift or None])


def test_what_moves_is_seen_where_it_is_changed():
    class Sees:
        """Its logits at t are the byte at t - 3, or 0."""

        def logits(self, tokens):
            late = np.concatenate((np.zeros_like(tokens[:, :3]), tokens[:, :-3]), 1)
            return np.eye(16)[late]

    moved = lab.changes(Sees(), np.full((70, 64), 5))
    assert np.array_equal(moved, np.eye(64, k=3))
