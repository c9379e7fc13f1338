"""Extreme inputs: the result is finite and right, or a sentence says what was wrong."""

import math
import warnings

import numpy as np
import pytest
from torch.nn.attention import SDPBackend, sdpa_kernel

from compare.layers import both
from compare.layers.row import Example
from compare.layers.sizes import sizes
from compare.layers.table import LAYERS
from compare.checks.trial import ROUNDINGS
from reference import attention, cross_entropy, embedding, gelu, generate, gpt, layer_norm, softmax, train
from reference.tools import tree

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
NAN, INF = math.nan, math.inf

every_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=list(LAYERS))
both_sides = pytest.mark.parametrize("dtype", ["float64", "float32"])


@pytest.fixture(autouse=True)
def a_warning_is_an_error():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def extreme(layer, scale, seed):
    """Return (sizes, example): its activations or logits times scale; a table's rows for ids."""
    n = sizes(layer.letters, "apart")
    e = layer.example(n, seed)
    inputs = {name: a * scale if a.dtype.kind == "f" else a for name, a in e.inputs.items()}
    params = e.params and tree.unwalk(e.params, {
        name: a * scale if "position" in name or name == "embedding.weight" else a
        for name, a in tree.walk(e.params)})
    return n, Example(inputs, params, e.options, e.constants)


def moved(layer, sizes, example, dy, seed):
    """How far each result moves as u is rounded, where a result is the exponential of -u; the
    limit is the one of ill-conditioned results. Nothing moves in other layers."""
    if layer.stem not in ("dpo", "kto", "simpo"):
        return {}
    noise = both.rounding(layer, sizes, example, dy, both.run_torch(layer, sizes, example, dy), seed)
    return {name: ROUNDINGS * size for name, size in noise.items()}


def terms(layer, example, name):
    """The size of what cancels in a result but for rounding: see FA-14; 0 where nothing does."""
    if layer.stem != "flash_attention" or name not in ("d q", "d k"):
        return 0.0
    q, k, v = (float(np.abs(a).max()) for a in example.inputs.values())
    return v * max(q, k)


@every_layer
@both_sides
@pytest.mark.parametrize("scale", [1e-20, 1e4, 1e20])
@pytest.mark.parametrize("seed", [0, 1])
def test_right_or_refused(layer, dtype, scale, seed):
    n, example = extreme(layer, scale, seed)
    example = example.astype(dtype)
    if dtype == "float32" and scale == 1e20 and layer.overflows:
        with pytest.raises(FloatingPointError, match="is .*; allowed: finite numbers"):
            both.forward(layer, example)
        return
    dy = both.draw_cotangent(layer, example, seed)
    with sdpa_kernel(SDPBackend.MATH):  # the fused one cancels as in FA-14, on some processors
        truth = both.run_torch(layer, n, example.astype("float64"), dy.astype("float64"))
    try:
        ours = both.run_numpy(layer, example, dy)
    except FloatingPointError as error:
        pytest.fail(f"{error}: allowed only where the row of {layer.stem} says overflows=True")
    rounded = moved(layer, n, example, dy, seed)
    errors = both.compare(ours, truth, lambda name: max(
        float(np.finfo(dtype).tiny), terms(layer, example, name),
        rounded.get(name, 0.0) / TOLERANCE[dtype]))
    assert max(errors.values()) <= TOLERANCE[dtype], errors


def norm(C, dtype):
    rng = np.random.default_rng(C)
    return layer_norm.Params(*rng.standard_normal((2, C)).astype(dtype))


@both_sides
@pytest.mark.parametrize("C", [1, 3, 7, 100, 768])
@pytest.mark.parametrize("value", [0.0, 1e-20, 0.1, 12345.678, 1e20])
def test_a_constant_row_becomes_beta_exactly(dtype, C, value):
    p = norm(C, dtype)
    y, cache = layer_norm.forward(np.full((2, C), value, dtype), p)
    np.testing.assert_array_equal(y, np.stack([p.bias, p.bias]))
    dx, dp = layer_norm.backward(np.ones((2, C), dtype), cache)
    assert np.isfinite(dx).all() and not dp.weight.any()


@both_sides
@pytest.mark.parametrize("row, eps", [
    ([NAN, 1.0], 1e-5), ([INF, 1.0], 1e-5), ([-INF, INF], 1e-5), ([2.0, 2.0], 0.0),
    (["max", 0.0], 1e-5)])
def test_a_row_without_a_variance_is_refused(dtype, row, eps):
    row = [np.finfo(dtype).max if value == "max" else value for value in row]
    x = np.array([[1.0, 2.0], row], dtype)
    with pytest.raises(FloatingPointError, match=r"of a row in layer_norm is .*; allowed: "
                                                 "finite numbers above 0"):
        layer_norm.forward(x, norm(2, dtype), eps=eps)


@both_sides
@pytest.mark.parametrize("row", [[NAN, 1.0], [1.0, INF], [-INF, NAN], [-INF, -INF], [INF, INF]])
def test_a_row_without_a_softmax_is_refused(dtype, row):
    x = np.array([[1.0, 2.0], row], dtype)
    with pytest.raises(FloatingPointError, match="largest x of a row in softmax is (nan|-?inf)"):
        softmax.forward(x)
    for targets in [0, 1], [0, -100]:
        with pytest.raises(FloatingPointError, match="the largest logit of a row in cross_ent"):
            cross_entropy.forward(x, np.array(targets))


@both_sides
@pytest.mark.parametrize("hidden", [NAN, INF, -INF, 1e30, -1e30])
def test_a_masked_entry_may_be_anything(dtype, hidden):
    mask = np.array([[True, False, True], [False, True, True]])
    x = np.array([[1.0, hidden, 2.0], [hidden, 3.0, -1.0]], dtype)
    y, cache = softmax.forward(x, mask=mask)
    np.testing.assert_array_equal(y, softmax.forward(np.where(mask, x, 0), mask=mask)[0])
    dx = softmax.backward(np.array([[1.0, 2.0, 3.0]] * 2, dtype), cache)
    assert np.isfinite(dx).all() and not dx[~mask].any()


@both_sides
def test_minus_infinity_is_a_probability_of_zero(dtype):
    x = np.array([[1.0, -INF, 1.0]], dtype)
    np.testing.assert_array_equal(softmax.forward(x)[0], [[0.5, 0, 0.5]])
    loss, cache = cross_entropy.forward(x, np.array([0]))
    assert loss == np.log(np.array(2, dtype))
    dlogits = cross_entropy.backward(np.ones_like(loss), cache)
    np.testing.assert_allclose(dlogits, [[-0.5, 0, 0.5]], rtol=np.finfo(dtype).eps)
    with pytest.raises(FloatingPointError, match="loss in cross_entropy is inf; allowed: finite"):
        cross_entropy.forward(x, np.array([1]))


@both_sides
def test_the_largest_numbers(dtype):
    big = float(np.finfo(dtype).max)
    y, _ = softmax.forward(np.array([[big, -big]], dtype))
    np.testing.assert_array_equal(y, [[1, 0]])
    y, cache = gelu.forward(np.array([-big, big, -11.0], dtype))
    np.testing.assert_allclose(y, np.array([0, big, 0], dtype), atol=1e-36)
    np.testing.assert_allclose(gelu.backward(np.ones_like(y), cache), [0, 1, 0], atol=1e-36)


def model(dtype="float64"):
    config = gpt.Config(vocab_size=5, block_size=4, n_layer=1, n_head=2, n_embd=8)
    return config, gpt.init(config, np.random.default_rng(0), np.dtype(dtype))


def scaled(p, scale):
    """The parameters with the table of positions times scale."""
    position = embedding.Table(p.embedding.position.weight * p.norm.weight.dtype.type(scale))
    return p._replace(embedding=p.embedding._replace(position=position))


@pytest.mark.parametrize("dtype, scale, words", [
    ("float32", 1e25, "1 / sqrt.variance . eps. of a row in layer_norm is 0.0; allowed: finite"),
    ("float64", NAN, "in layer_norm is nan; allowed: finite numbers above 0"),
])
def test_training_names_the_step_and_the_reason(dtype, scale, words):
    config, p = model(dtype)
    ids = np.zeros((2, 4), np.int64)
    steps = train.train(scaled(p, scale), [(ids, ids, None)], config=config,
                        schedule=train.Schedule(steps=1), loss_and_grad=gpt.loss_and_grad)
    start = "training stopped at step 0, before its update: loss is nan, since "
    with pytest.raises(FloatingPointError, match=start + ".*" + words):
        list(steps)


def test_scores_that_overflow_are_refused():
    p = model("float32")[1].blocks[0].attention
    x = np.full((1, 2, 8), 3e38, np.float32)
    with pytest.raises(FloatingPointError, match="; allowed: finite numbers"):
        attention.forward(x, p._replace(qkv=p.qkv._replace(weight=p.qkv.weight * 50)), n_head=2)


def test_a_temperature_that_overflows_the_logits_is_refused():
    config, p = model("float32")
    p.norm.bias[...] = 1e30
    with pytest.raises(FloatingPointError, match="the largest x of a row in softmax is inf"), \
            np.errstate(over="ignore"):
        next(generate.generate(np.array([1]), p, config=config, count=1, temperature=1e-15,
                               rng=np.random.default_rng(0)))
