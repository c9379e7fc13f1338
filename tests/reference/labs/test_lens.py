"""What the lens sees is what the model does: the same logits, parts that sum to them, patches that
add nothing of their own."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compare.labs.lenses import LENSES
from compare.layers import weights
from compare.layers.models import MODELS, model_of
from compare.layers.streams import stream
from compare.layers.table import LAYERS
from reference.labs import attention_only, lens
from strategies import examples
from torch_impl.labs import lens as torch_lens

few = settings(max_examples=12)
both_sides = pytest.mark.parametrize("side", LENSES)


@st.composite
def models(draw):
    """(config, params, tokens, other tokens) of a small GPT without dropout, or of a small llama."""
    stem = draw(st.sampled_from([*MODELS]))
    case = draw(examples(LAYERS[stem]))
    (tokens,), p, config = case.example.inputs.values(), case.example.params, case.example.options
    other = (tokens + 1) % case.sizes["V"]
    return without_dropout(config["config"]), p, tokens, other


def without_dropout(config):
    return dataclasses.replace(config, dropout=0.0) if hasattr(config, "dropout") else config


def count_of_parts(config):
    """A GPT's tables, and of each block its heads, a bias and an MLP; a llama's without positions
    and biases."""
    extra = 1 if model_of(config).stem == "gpt" else 0
    return 1 + extra + config.n_layer * (config.n_head + 1 + extra)


def arrays(seen):
    return [*seen.stream, *seen.weights, *seen.parts.values(), seen.logits]


def close(a, b):
    a, b = np.asarray(a), np.asarray(b)
    return np.abs(a - b).max(initial=0) <= 1e-12 * np.abs(b).max(initial=1)


@few
@given(models())
def test_its_forward_is_exactly_that_of_the_model(model):
    config, p, tokens, _ = model
    seen = lens.see(tokens, p, config=config)
    logits, cache = model_of(config).numpy.forward(tokens, p, config=config)
    np.testing.assert_array_equal(seen.logits, logits)
    for weights_, block in zip(seen.weights, cache.blocks, strict=True):
        theirs = block.attention.softmax.y  # of a llama in groups, one behind the other
        np.testing.assert_array_equal(weights_.ravel(), theirs.ravel())
    last = lens.logit_lens(seen.stream[-1], p, eps=lens.eps_of(config))
    np.testing.assert_array_equal(last, logits)


@few
@given(examples(LAYERS["attention_only"]))
def test_of_a_model_without_mlps_too(case):
    (tokens,), p, config = case.example.inputs.values(), case.example.params, case.example.options
    logits, cache = attention_only.forward(tokens, p, **config)
    for side in LENSES:
        seen = LENSES[side](config["config"], p).see(tokens)
        assert close(seen.logits, logits) and len(seen.parts) == 2 + len(p.blocks) * (
            config["config"].n_head + 1)
        assert close(sum(map(np.asarray, seen.parts.values())), seen.stream[-1])
        for weights_, (_, attend) in zip(seen.weights, cache.blocks, strict=True):
            assert close(weights_, attend.weights)


@few
@given(models())
def test_both_sides_see_the_same(model):
    config, p, tokens, other = model
    ours, theirs = (LENSES[side](config, p) for side in LENSES)
    seen, found = ours.see(tokens), theirs.see(tokens)
    assert list(seen.parts) == list(found.parts)
    for one, two in zip(arrays(seen), arrays(found), strict=True):
        assert close(two, one)
    for x in seen.stream:
        assert close(theirs.logits(weights.to_torch(x)), ours.logits(x))
    shares, others = ours.attribute(seen, other), theirs.attribute(found, other)
    assert list(shares) == list(others)
    assert all(close(others[name], shares[name]) for name in shares)
    T = tokens.shape[1]
    for before in range(config.n_layer):
        for position in T - 1, np.arange(len(tokens)) % T:
            assert close(theirs.patch(other, found, position, before),
                         ours.patch(other, seen, position, before))


@both_sides
@few
@given(model=models())
def test_the_parts_sum_to_the_stream_and_to_the_logits(side, model):
    config, p, tokens, targets = model
    side = LENSES[side](config, p)
    seen = side.see(tokens)
    assert len(seen.parts) == count_of_parts(config)
    assert close(sum(map(np.asarray, seen.parts.values())), seen.stream[-1])
    logits = np.take_along_axis(np.asarray(seen.logits), targets[..., None], -1)[..., 0]
    assert close(sum(map(np.asarray, side.attribute(seen, targets).values())), logits)


@both_sides
@few
@given(model=models())
def test_a_patch_of_all_that_differs_is_the_run_that_it_comes_from(side, model):
    """Only one token differs: before the first block its place holds all of the difference, and
    before any block the last place holds all that the last logits see of it."""
    config, p, tokens, _ = model
    other, t = tokens.copy(), tokens.shape[1] // 2
    other[:, t] = (other[:, t] + 1) % config.vocab_size
    side = LENSES[side](config, p)
    source, before = side.see(other), np.asarray(side.see(tokens).stream[0])
    assert close(side.patch(tokens, source, t, 0), source.logits)
    for l in range(config.n_layer):
        own = side.see(tokens)
        assert close(side.patch(tokens, own, t, l), own.logits)
        assert close(np.asarray(side.patch(tokens, source, -1, l))[:, :t],
                     np.asarray(own.logits)[:, :t])  # of what comes after, nothing is seen
    np.testing.assert_array_equal(side.see(tokens).stream[0], before)


@both_sides
def test_a_patch_at_the_last_place_before_the_last_block_leaves_its_heads_where_they_are(side):
    """The patched row asks with the new query, but it looks at the old keys: it is neither run."""
    config, p, tokens, other = drawn_model(T=5)
    side = LENSES[side](config, p)
    source, own = side.see(other), side.see(tokens)
    patched = np.asarray(side.patch(tokens, source, 4, 1))[:, -1]
    assert not close(patched, np.asarray(source.logits)[:, -1])
    assert not close(patched, np.asarray(own.logits)[:, -1])


def drawn_model(T, stem="gpt"):
    """A model of two blocks: a GPT of two heads of 3 channels, or a llama of four of 4, in two groups."""
    sizes = dict(B=2, T=T, V=9, S=1, L=2, H=2, D=3, K=2, G=2, P=2, F=5)
    example = LAYERS[stem].example(sizes, 0)
    tokens = stream(0, "batches").integers(0, 9, (2, T))
    config = without_dropout(example.options["config"])
    return config, example.params, tokens, (tokens + 1) % 9


@pytest.mark.parametrize("stem, columns", [("gpt", slice(3, 6)), ("llama", slice(4, 8))])
def test_a_head_that_is_cut_off_takes_its_part_with_it(stem, columns):
    """Of the last block: beside the other heads, of its group too, before its MLP."""
    config, p, tokens, _ = drawn_model(4, stem)
    cut = p.blocks[-1].attention.proj.weight.copy()
    cut[:, columns] = 0  # of head 1
    attention = p.blocks[-1].attention
    attention = attention._replace(proj=attention.proj._replace(weight=cut))
    without = p._replace(blocks=(p.blocks[0], p.blocks[1]._replace(attention=attention)))
    before, after = (lens.see(tokens, q, config=config).parts for q in (p, without))
    assert not after["head 1.1"].any() and before["head 1.1"].any()
    for name in before.keys() - {"head 1.1", "MLP 1"}:
        np.testing.assert_array_equal(after[name], before[name])


def test_the_hooks_are_gone_after_a_look():
    config, p, tokens, other = drawn_model(T=3)
    side = LENSES["torch"](config, p)
    seen = side.see(tokens)
    side.patch(other, seen, 0, 1)
    with pytest.raises(IndexError):
        side.patch(other, seen, 7, 1)
    for module in side.model.modules():
        assert not module._forward_hooks and not module._forward_pre_hooks


@pytest.mark.parametrize("module", [lens, torch_lens])
def test_recovery_is_the_share_of_a_difference(module):
    assert module.recovery(1.0, 1.0, -1.0) == 1 and module.recovery(-1.0, 1.0, -1.0) == 0
    assert module.recovery(0.0, 3.0, -1.0) == 0.25
    with pytest.raises(ValueError, match="clean is 2.0, and so is corrupted; allowed: two that d"):
        module.recovery(1.0, 2.0, 2.0)


@pytest.mark.parametrize("stem", MODELS)
def test_a_config_that_is_not_of_the_parameters_is_refused(stem):
    config, p, tokens, _ = drawn_model(3, stem)
    with pytest.raises(ValueError, match="config.n_layer is 3; allowed: 2, as in the parameters"):
        lens.see(tokens, p, config=dataclasses.replace(config, n_layer=3))
