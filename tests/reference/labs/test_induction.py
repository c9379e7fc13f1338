"""What induction.md proves: heads are read and held on both sides alike; wrong places are refused."""

import numpy as np
import pytest
import torch

from compare.layers import weights
from compare.layers.source import twin
from reference.gpt import Config
from reference.labs import attention_only, induction
from reference.tools import tree

CONFIG = Config(vocab_size=6, block_size=8, n_layer=2, n_head=2, n_embd=6)
RNG = np.random.default_rng(0)
P = tree.map(lambda a: RNG.standard_normal(a.shape),
             attention_only.init(CONFIG, RNG, np.float64))
TOKENS = RNG.integers(0, 6, (5, 8))
TARGETS = np.where(RNG.random((5, 8)) < 0.5, RNG.integers(0, 6, (5, 8)), -100)
MODEL = weights.load_into(twin("attention_only").AttentionOnly(**vars(CONFIG)), P)
TORCH = twin("induction")


def test_without_an_ablation_it_is_the_model():
    logits, _, _ = induction.forward(TOKENS, P, config=CONFIG)
    theirs, _ = attention_only.forward(TOKENS, P, config=CONFIG)
    np.testing.assert_allclose(logits, theirs, rtol=1e-13)


@pytest.mark.parametrize("ablation", [None, (0, 0, 1.5), (0, 1, 0.0), (1, 1, -1.0)])
def test_both_sides_read_the_same_heads(ablation):
    if ablation:
        ablation = (*ablation[:2], np.full(3, ablation[2]))
    ours = induction.forward(TOKENS, P, config=CONFIG, ablation=ablation)
    theirs = TORCH.forward(torch.from_numpy(TOKENS), MODEL, ablation=ablation and (
        *ablation[:2], torch.from_numpy(ablation[2])))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b.numpy(), rtol=1e-12, atol=1e-12)


def test_both_sides_score_alike():
    logits, found, outputs = induction.forward(TOKENS, P, config=CONFIG)
    asked = (TARGETS >= 0) & (np.arange(8) > 0)
    text, seen = np.tile([0, 3, 1, 4, 0, 3], (2, 1)), np.full((2, 6), -100)
    seen[:, 4] = 3
    for name, arrays in {"mean_output": [outputs], "previous_token_score": [found, asked],
                         "prefix_matching_score": [found, TOKENS, asked],
                         "accuracy": [logits, TARGETS], "guess_loss": [text, seen]}.items():
        ours = getattr(induction, name)(*arrays)
        theirs = getattr(TORCH, name)(*map(torch.from_numpy, arrays))
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-13, err_msg=name)


def test_a_head_of_one_distance_matches_periodic_text_only():
    two_back = np.zeros((1, 1, 2, 1, 8, 8))[0]
    for t in range(8):
        two_back[..., t, max(t - 2, 0)] = 1
    late = np.tile(np.arange(8) >= 3, (2, 1))
    periodic = np.tile([0, 1, 2], (2, 3))[:, :8]
    others = np.array([[0, 1, 2, 3, 0, 1, 2, 3], [0, 1, 0, 1, 0, 1, 0, 1]])
    assert induction.prefix_matching_score(two_back, periodic, late) == 1
    assert induction.prefix_matching_score(two_back, others, late) == 0


def test_a_guess_among_equal_values_is_certain():
    text = np.array([[0, 5, 1, 5, 0, 5]])
    targets = np.array([[-100, -100, -100, -100, 5, -100]])
    assert induction.guess_loss(text, targets) == 0
    text[0, 3] = 4
    np.testing.assert_allclose(induction.guess_loss(text, targets), np.log(2))


@pytest.mark.parametrize("ablation, words", [((2, 0, 0.0), "block is 2; allowed: 0 to 1"),
                                             ((-1, 0, 0.0), "block is -1; allowed: 0 to 1"),
                                             ((0, 2, 0.0), "head is 2; allowed: 0 to 1")])
def test_a_head_that_is_not_there_is_refused(ablation, words):
    with pytest.raises(ValueError, match=words):
        induction.forward(TOKENS, P, config=CONFIG, ablation=ablation)
