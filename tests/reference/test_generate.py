"""Sampling: a cache changes nothing, both sides write the same, each setting does what it says."""

import random
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import reference.decode
import reference.generate
import torch_impl.decode
import torch_impl.generate
import torch_impl.gpt
from chance import is_chance
from compare.layers import weights
from compare.layers.table import LAYERS
from reference import gpt, layer_norm
from reference.tools import tree
from strategies import configs, seeds

SIDES = [reference.generate, torch_impl.generate]
uniforms = st.floats(0, 1, exclude_max=True)
settings_drawn = st.fixed_dictionaries({
    "temperature": st.sampled_from([0.3, 1.0, 2.0]),
    "top_k": st.sampled_from([None, 1, 2, 4, 20]),
    "top_p": st.sampled_from([0.31, 0.87, 1.0])})  # never reached to the last digit by equal ids


def draw(config, seed, length, dtype="float64"):
    """Parameters whose activations are O(1), a torch model that holds them, and a prompt."""
    sizes = dict(B=1, T=1, V=config.vocab_size, S=config.block_size, L=config.n_layer,
                 H=config.n_head, D=config.n_embd // config.n_head)
    params = tree.map(lambda a: a.astype(dtype), LAYERS["gpt"].example(sizes, seed).params)
    model = weights.load_into(torch_impl.gpt.GPT(**vars(config)), params)
    return params, model, np.random.default_rng(seed).integers(0, config.vocab_size, length)


def write(side, prompt, params, model, config, *, seed=0, **settings):
    """Return what one side writes and the logits that it saw: count ids, (count, V)."""
    rng = random.Random(seed)
    with mock.patch.object(side, "probabilities", wraps=side.probabilities) as probabilities:
        if side is reference.generate:
            ids = list(side.generate(prompt, params, config=config, rng=rng, **settings))
        else:
            ids = list(side.generate(torch.from_numpy(prompt), model, rng=rng, **settings))
    return ids, np.array([np.asarray(call.args[0]) for call in probabilities.call_args_list])


def close(found, truth, allowed=1e-12):
    assert found.shape == truth.shape
    assert np.abs(found - truth).max() <= allowed * max(1, np.abs(truth).max())


@given(configs(), seeds, st.integers(1, 15), settings_drawn)
def test_with_or_without_a_cache_numpy_and_torch_write_the_same(config, seed, length, drawn):
    params, model, prompt = draw(config, seed, length)
    count = 3 * config.block_size + 2
    runs = [write(side, prompt, params, model, config, seed=seed, count=count, cached=cached,
                  **drawn) for side in SIDES for cached in (False, True)]
    for ids, logits in runs:
        assert ids == runs[0][0] and len(ids) == count
        close(logits, runs[0][1])


@pytest.mark.parametrize("S, length", [(33, 1), (128, 100), (199, 230), (200, 190)])
def test_long_windows_are_written_alike_through_several_hops(S, length):
    config = gpt.Config(vocab_size=11, block_size=S, n_layer=2, n_head=2, n_embd=8)
    params, model, prompt = draw(config, S, length)
    count = 3 * S - length  # the window moves on three times or more
    runs = [write(side, prompt, params, model, config, seed=S, count=count) for side in SIDES]
    assert runs[0][0] == runs[1][0] and len(runs[0][0]) == count
    text, truth, start, n = np.append(prompt, runs[0][0]), [], 0, length
    while n < 3 * S:
        while n - start > S:
            start += -(-S // 2)
        end = min(start + S, 3 * S - 1)
        window = torch.from_numpy(text[None, start:end])     # a row of it sees the ones before
        truth.append(model(window)[0, n - start - 1:].detach().numpy())
        n = end + 1
    for _, logits in runs:
        close(logits, np.concatenate(truth))


@given(configs(), seeds, st.integers(1, 15))
def test_the_logits_are_those_of_the_window(config, seed, length):
    params, model, prompt = draw(config, seed, length)
    S = config.block_size
    ids, logits = write(reference.generate, prompt, params, model, config, count=3 * S)
    text = np.append(prompt, ids)
    for n, found in enumerate(logits, length):
        window = text[:n]
        while len(window) > S:
            window = window[-(-S // 2):]                     # drop the first half, rounded up
        close(found, gpt.forward(window[None], params, config=config)[0][0, -1])


@given(configs(), seeds, st.data())
def test_a_window_may_begin_with_any_part_of_its_tokens(config, seed, data):
    T = config.block_size
    params, model, tokens = draw(config, seed, T)
    whole = gpt.forward(tokens[None], params, config=config)[0][0]       # (T, V)
    first = data.draw(st.integers(1, T))
    logits, memory = reference.decode.begin(tokens[:first], params, config=config)
    rows = [logits] + [reference.decode.step(tokens[t], params, memory, t)
                       for t in range(first, T)]
    close(np.array(rows), whole[first - 1:])
    with torch.no_grad():
        p, tokens = torch_impl.decode.params(model), torch.from_numpy(tokens)
        logits, memory = torch_impl.decode.begin(tokens[:first], p)
        rows = [logits] + [torch_impl.decode.step(tokens[t:t + 1], p, memory, t)
                           for t in range(first, T)]
    close(torch.stack(rows).numpy(), whole[first - 1:])


@given(configs(), seeds, st.integers(1, 15), st.integers(0, 9), st.integers(0, 9))
def test_a_text_may_be_continued_in_two_parts(config, seed, length, first, second):
    params, _, prompt = draw(config, seed, length)
    def go_on(text, count):
        return np.append(text, list(reference.generate.generate(
            text, params, config=config, count=count, rng=rng))).astype(int)
    rng = random.Random(seed)
    in_two = go_on(go_on(prompt, first), second)
    rng = random.Random(seed)
    np.testing.assert_array_equal(in_two, go_on(prompt, first + second))


@given(seeds)
def test_the_norm_of_one_row_is_as_precise_as_the_layer(seed):
    rng = np.random.default_rng(seed)
    x, p = rng.standard_normal(64), layer_norm.Params(*rng.standard_normal((2, 64)))
    x, p = tree.map(lambda a: a.astype(np.float32), (x + 1e4, p))
    before = x.copy()
    close(reference.decode.norm(x, p), layer_norm.forward(x, p)[0], 1e-6)
    np.testing.assert_array_equal(x, before)


@given(configs(), seeds, st.booleans())
def test_float32_stays_float32(config, seed, cached):
    params, model, prompt = draw(config, seed, 3, "float32")
    for side in SIDES:
        _, logits = write(side, prompt, params, model, config, count=9, cached=cached)
        assert logits.dtype == np.float32 and logits.shape == (9, config.vocab_size)


@given(seeds, st.integers(1, 12), settings_drawn, st.booleans())
def test_top_k_and_top_p_keep_what_they_say(seed, V, drawn, ties):
    rng = np.random.default_rng(seed)
    logits = rng.integers(-2, 3, V).astype(float) if ties else 2 * rng.standard_normal(V)
    exponentials = [np.exp(logit / drawn["temperature"]) for logit in logits]
    order = sorted(range(V), key=lambda id: (-logits[id], id))[:drawn["top_k"]]
    total, kept, reached = sum(exponentials[id] for id in order), [], 0.0
    for id in order:
        if drawn["top_p"] == 1 or reached < drawn["top_p"]:
            kept.append(id)
            reached += exponentials[id] / total
    truth = np.zeros(V)
    truth[kept] = [exponentials[id] / total / reached for id in kept]
    ours = reference.generate.probabilities(logits, **drawn)
    theirs = torch_impl.generate.probabilities(torch.from_numpy(logits), **drawn).numpy()
    for found in ours, theirs:
        close(found, truth)
        np.testing.assert_array_equal(found == 0, truth == 0)


@given(seeds, st.integers(1, 12), st.sampled_from([0, 0.0, 5e-324, 1e-300, 1e-45, 1e-21]), uniforms,
       st.sampled_from([None, 1, 3]), st.sampled_from([0.3, 1.0]),
       st.sampled_from(["float32", "float64"]), st.booleans())
def test_a_temperature_of_0_picks_the_likeliest_and_of_equal_ones_the_lowest(
        seed, V, temperature, uniform, top_k, top_p, dtype, ties):
    rng = np.random.default_rng(seed)
    logits = (rng.integers(-2, 3, V) if ties else 100 * rng.standard_normal(V)).astype(dtype)
    drawn = dict(temperature=temperature, top_k=top_k, top_p=top_p)
    ours = reference.generate.probabilities(logits, **drawn)
    theirs = torch_impl.generate.probabilities(torch.from_numpy(logits), **drawn)
    for found in ours, theirs.numpy():
        np.testing.assert_array_equal(found, np.arange(V) == np.argmax(logits))
        assert found.dtype == dtype
    assert reference.generate.pick(ours, uniform) == np.argmax(logits)
    assert torch_impl.generate.pick(theirs, uniform).item() == np.argmax(logits)


def test_the_coldest_temperature_that_is_divided_by_still_shares_among_equal_ids():
    for side, logits in zip(SIDES, (np.array([1.0, 3.0, 3.0]), torch.tensor([1.0, 3.0, 3.0]))):
        assert side.probabilities(logits, temperature=side.COLD).tolist() == [0, 0.5, 0.5]
        assert side.probabilities(logits, temperature=side.COLD / 2).tolist() == [0, 1, 0]


@given(configs(), seeds, st.integers(1, 15), st.booleans())
def test_a_text_at_a_temperature_of_0_is_that_of_the_likeliest_ids(config, seed, length, cached):
    params, model, prompt = draw(config, seed, length)
    for side in SIDES:
        ids, logits = write(side, prompt, params, model, config, seed=seed, count=9, cached=cached,
                            temperature=0)
        assert ids == logits.argmax(-1).tolist()


@pytest.mark.parametrize("side", SIDES)
def test_a_temperature_of_0_takes_as_many_random_numbers_as_another(side):
    config = gpt.Config(vocab_size=5, block_size=4, n_layer=1, n_head=2, n_embd=8)
    params, model, prompt = draw(config, 0, 1)
    rng = mock.Mock(wraps=random.Random(0))
    with mock.patch.object(random, "Random", return_value=rng):
        write(side, prompt, params, model, config, count=7, temperature=0)
    assert rng.random.call_count == 7


def test_top_p_that_is_reached_to_the_last_digit_is_reached():
    for side, logits in zip(SIDES, (np.zeros(4), torch.zeros(4))):  # a quarter each
        assert side.probabilities(logits, top_p=0.5).tolist() == [0.5, 0.5, 0, 0]


@given(seeds, uniforms, st.sampled_from(["float32", "float64"]))
def test_pick_inverts_the_distribution(seed, uniform, dtype):
    probs = np.random.default_rng(seed).dirichlet(np.ones(5)).astype(dtype)
    probs[[2, 4]] = 0.0
    picked = reference.generate.pick(probs, uniform)
    edges = np.append(0, probs.cumsum(dtype=float)) / probs.sum(dtype=float)
    assert edges[picked] <= uniform + 1e-15 and uniform <= edges[picked + 1] + 1e-15
    assert probs[picked] > 0
    assert torch_impl.generate.pick(torch.from_numpy(probs), uniform).tolist() == [picked]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("uniform, picked", [(0.0, 1), (np.nextafter(1.0, 0), 2)])
def test_the_ends_of_the_interval_pick_ids_that_are_possible(dtype, uniform, picked):
    probs = np.array([0, 0.25, 0.75, 0], dtype)
    assert reference.generate.pick(probs, uniform) == picked
    assert torch_impl.generate.pick(torch.from_numpy(probs), uniform).item() == picked


def test_ids_come_as_often_as_their_probabilities_say():
    rng, count = np.random.default_rng(0), 20_000
    probs = reference.generate.probabilities(rng.standard_normal(9), top_p=0.95)
    found = np.bincount([reference.generate.pick(probs, rng.random()) for _ in range(count)],
                        minlength=9)
    possible = probs > 0
    assert 3 < possible.sum() < 9 and not found[~possible].any()
    assert is_chance(found[possible], count * probs[possible])


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("change, error, words", [
    ({"temperature": -1.0}, ValueError, "temperature is -1.0; allowed: a finite number above 0, or 0"),
    ({"temperature": -1e-300}, ValueError, "temperature is -1e-300; allowed: a finite number above 0"),
    ({"temperature": float("nan")}, ValueError, "temperature is nan; allowed: a finite number above 0"),
    ({"temperature": float("inf")}, ValueError, "temperature is inf; allowed: a finite number above 0"),
    ({"top_k": 0}, ValueError, "top_k is 0; allowed: an integer from 1 up, or None"),
    ({"top_k": 2.5}, ValueError, "top_k is 2.5; allowed: an integer from 1 up, or None"),
    ({"top_p": 0.0}, ValueError, "top_p is 0.0; allowed: above 0 and at most 1"),
    ({"top_p": 1.1}, ValueError, "top_p is 1.1; allowed: above 0 and at most 1"),
    ({"count": -1}, ValueError, "count is -1; allowed: an integer from 0 up"),
    ({"prompt": []}, ValueError, "tokens has shape .0,.; allowed: "),
    ({"prompt": [[1]]}, ValueError, "tokens has shape .1, 1.; allowed: .T,."),
    ({"prompt": [4, 5]}, IndexError, "tokens holds the id 5; allowed: 0 to 4"),
    ({"prompt": [-1]}, IndexError, "tokens holds the id -1; allowed: 0 to 4"),
    ({"prompt": [1.0]}, TypeError, "tokens has dtype .*float64; allowed: "),
])
def test_what_is_not_allowed_is_named_at_the_call(side, change, error, words):
    config = gpt.Config(vocab_size=5, block_size=4, n_layer=1, n_head=2, n_embd=8)
    params, model, _ = draw(config, 0, 1)
    arguments = {"count": 1, "rng": random, "prompt": [0]} | change
    prompt = np.array(arguments.pop("prompt"), dtype=None if change.get("prompt") else int)
    with pytest.raises(error, match=words):
        if side is reference.generate:
            side.generate(prompt, params, config=config, **arguments)
        else:
            side.generate(torch.from_numpy(prompt), model, **arguments)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize("temperature, bias", [
    (0, float("nan")), (1e-300, float("nan")), (1.0, float("nan")), (1e-15, 1e30), (2e-20, 1e30)])
@pytest.mark.filterwarnings("error")
def test_a_text_stops_with_a_sentence_where_there_are_no_probabilities(
        side, cached, temperature, bias):
    config = gpt.Config(vocab_size=5, block_size=4, n_layer=1, n_head=2, n_embd=8)
    params, model, prompt = draw(config, 0, 1, "float32")
    params.norm.bias[...] = bias
    weights.load_into(model, params)
    with pytest.raises(FloatingPointError, match="; allowed: finite numbers"):
        write(side, prompt, params, model, config, count=1, temperature=temperature,
              cached=cached)


@pytest.mark.parametrize("scale", [1e25, float("nan")])
def test_a_step_that_overflows_is_refused_like_a_forward(scale):
    config = gpt.Config(vocab_size=5, block_size=4, n_layer=1, n_head=2, n_embd=8)
    params, *_ = draw(config, 0, 1, "float32")
    params.embedding.position.weight[1] *= np.float32(scale)  # the second position only
    ids = reference.generate.generate(np.array([0]), params, config=config, count=2,
                                      rng=random.Random(0))
    next(ids)
    with pytest.raises(FloatingPointError, match="the largest x of a row in softmax is nan"):
        next(ids)


@pytest.mark.parametrize("side", SIDES)
def test_scores_of_a_thousand_are_no_overflow(side):
    config = gpt.Config(vocab_size=5, block_size=4, n_layer=1, n_head=2, n_embd=8)
    params, model, prompt = draw(config, 0, 1)
    for weight in params.blocks[0].attention.qkv:
        weight *= 40
    weights.load_into(model, params)
    (ids, logits), (truth, others) = (
        write(side, prompt, params, model, config, count=8, cached=cached)
        for cached in (True, False))
    assert ids == truth
    close(logits, others)


@pytest.mark.parametrize("wrong, error, words", [
    (np.zeros((2, 3)), ValueError, r"logits has shape \(2, 3\); allowed: "),
    (np.zeros(3, int), TypeError, "logits has dtype int64; allowed: ")])
def test_logits_that_are_none_are_refused(wrong, error, words):
    with pytest.raises(error, match=words):
        reference.generate.probabilities(wrong, top_k=2)


def test_a_window_that_is_no_array_is_refused():
    config = gpt.Config(vocab_size=5, block_size=4, n_layer=1, n_head=2, n_embd=8)
    params, *_ = draw(config, 0, 1)
    with pytest.raises(TypeError, match="tokens has dtype list; allowed: a NumPy array"):
        reference.decode.begin([1, 2], params, config=config)


def test_sampling_leaves_the_mode_of_the_model_alone():
    config = gpt.Config(vocab_size=5, block_size=4, n_layer=1, n_head=2, n_embd=8, dropout=0.5)
    _, model, prompt = draw(config, 0, 1)
    for training in True, False:
        model.train(training)
        for cached in True, False:
            for _ in torch_impl.generate.generate(torch.from_numpy(prompt), model, count=6,
                                                  rng=random.Random(0), cached=cached):
                assert model.training is training and torch.is_grad_enabled()


def test_ids_come_one_at_a_time():
    config = gpt.Config(vocab_size=5, block_size=4, n_layer=1, n_head=2, n_embd=8)
    params, model, prompt = draw(config, 0, 1)
    endless = {"count": 10**9, "rng": random}
    for stream in (
            reference.generate.generate(prompt, params, config=config, **endless),
            torch_impl.generate.generate(torch.from_numpy(prompt), model, **endless)):
        assert type(next(stream)) is type(next(stream)) is int
