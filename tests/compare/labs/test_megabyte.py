"""The lab megabyte: its language, the operations that it counts, and what it changes."""

import math

import numpy as np
import pytest

from compare.labs import megabyte as lab
from reference import gpt
from reference.labs import megabyte


def test_texts_are_words_of_the_language_that_often_follow_their_liking():
    words, liked = language = lab.draw_language(np.random.default_rng(0))
    assert words.shape == (64, 4) and len(np.unique(words[:, :2], axis=0)) == 64
    assert words.min() == 0 and words.max() == 15 and sorted(liked) == [*range(64)]
    texts = lab.draw_texts_of_words(np.random.default_rng(1), language, 200, 64)
    spelled = texts.reshape(200, 16, 4)
    told = spelled[..., 0] * 4 + spelled[..., 1]  # the words, by their first two bytes
    assert np.array_equal(words[told], spelled)
    assert abs((told[:, 1:] == liked[told[:, :-1]]).mean() - (0.8 + 0.2 / 64)) < 0.03


def test_shuffled_patches_are_whole_and_lie_elsewhere():
    texts = np.arange(3 * 64).reshape(3, 64)
    shuffled = lab.shuffled_patches(np.random.default_rng(0), texts).reshape(3, 16, 4)
    assert np.array_equal(np.sort(shuffled[..., 0]), texts[:, ::4])
    assert np.array_equal(shuffled - shuffled[..., :1], np.broadcast_to(range(4), (3, 16, 4)))
    assert (shuffled[..., 0] != texts[:, ::4]).mean() > 0.5


def test_the_least_loss_is_the_entropy_of_the_next_word_spread_over_its_bytes():
    shares = [0.8 + 0.2 / 64] + 63 * [0.2 / 64]
    assert math.isclose(sum(shares), 1)
    assert math.isclose(lab.least_loss(), -sum(p * math.log(p) for p in shares) / 4)


@pytest.mark.parametrize("length", [lab.LONG, lab.SHORT])
def test_operations_are_those_of_the_products(length):
    """Counted from the shapes of the parameters, and of the scores."""
    counts = {}
    for name, config in lab.configs_of(length).items():
        p = (gpt if name == "GPT" else megabyte).init(config, np.random.default_rng(0))
        stacks = ([(p.blocks, 1, length)] if name == "GPT" else
                  [(p.global_blocks, 4, length // 4), (p.local_blocks, 1, 4)])  # bytes a place
        total = p.embedding.token.weight.size
        for blocks, bytes_a_place, places in stacks:
            for block in blocks:
                weights = (block.attention.qkv, block.attention.proj, block.mlp.up, block.mlp.down)
                width = len(block.norm_1.weight)
                total += (sum(w.weight.size for w in weights) + 2 * places * width) / bytes_a_place
        counts[name] = lab.operations(config)
        assert counts[name] == total
    assert abs(counts["GPT"] / counts["megabyte"] - 1) < 0.025


def test_both_models_are_asked_for_the_same_bytes():
    texts = np.arange(2 * 64).reshape(2, 64) % 16
    for name, shift in ("megabyte", 0), ("GPT", 1):
        tokens, targets = lab.told_next(name, texts)
        assert np.array_equal(targets[:, -60:], texts[:, 4:])
        assert np.array_equal(tokens[:, shift:], targets[:, :-shift or None])


class Sees:
    """Its logits at t are the byte at t - 3, or 0."""

    def logits(self, tokens):
        late = np.concatenate((np.zeros_like(tokens[:, :3]), tokens[:, :-3]), 1)
        return np.eye(16)[late]


def test_what_moves_is_seen_where_it_is_changed():
    assert np.array_equal(lab.changes(Sees(), np.full((70, 16), 5)), np.eye(16, k=3))
