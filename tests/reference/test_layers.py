"""The properties that every layer of the table has, one test each."""

import copy
import inspect
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import own_dropout
from compare.layers import both, weights
from compare.checks.coverage import Coverage
from compare.layers.row import Example
from compare.layers.sizes import sizes
from compare.layers.table import LAYERS
from compare.checks.trial import Trial, allowed, weigh
from reference.tools import tree
from strategies import examples, seeds, drawn_sizes

QUARTER = settings().max_examples // 4  # of the examples: where nearly any shows the fault
every_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=list(LAYERS))


@every_layer
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_output_and_gradients_agree_with_torch(layer, dtype):
    coverage = Coverage(layer)

    @given(drawn_sizes(layer), seeds)
    def every_result_agrees(sizes, seed):
        trial = Trial(layer, sizes, seed, dtype)
        errors, _ = trial.torch()
        worst = max(errors, key=errors.get)
        assert errors[worst] <= trial.bound, f"{worst} is off by {errors[worst]:.1e}"
        coverage.add(sizes, trial.example, trial.theirs)

    every_result_agrees()
    assert not coverage.missing()


@every_layer
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@settings(max_examples=QUARTER)
@given(seed=seeds)
def test_agrees_where_every_size_is_one(layer, dtype, seed):
    trial = Trial(layer, dict.fromkeys(layer.letters, 1), seed, dtype)
    errors, _ = trial.torch()
    assert max(errors.values()) <= trial.bound, errors


@pytest.mark.parametrize("stem", ["attention", "mlp", "block", "gpt"])
@given(data=st.data())
def test_torchs_own_dropout_is_ours_with_the_masks_that_it_drew(stem, data):
    layer = LAYERS[stem]
    case = data.draw(examples(layer))
    x, = map(torch.from_numpy, case.example.inputs.values())
    torch.manual_seed(case.seed)
    module = weights.load_into(layer.module(case.sizes, case.example), case.example.params)
    differentiable = both.differentiable(case.example)
    y, keep = own_dropout.draw(module, x.requires_grad_(bool(differentiable)))
    y.backward(torch.from_numpy(case.dy))
    trial = Trial(layer, case.sizes, case.seed, example=Example(
        case.example.inputs, case.example.params, case.example.options, {"keep": keep}))
    inputs = {name: x.grad.numpy() for name in differentiable}
    own = both.Outcome(y.detach().numpy(), inputs | weights.gradients(module))
    errors, _ = weigh(lambda least: both.compare(trial.ours, own, least), lambda: trial.noise,
                      "float64", trial.bound)
    assert max(errors.values()) <= trial.bound, errors


@every_layer
@given(data=st.data())
def test_no_argument_is_changed(layer, data):
    case = data.draw(examples(layer))
    before, dy_before = copy.deepcopy(case.example), case.dy.copy()
    y, cache = both.forward(layer, case.example)
    cache_before = copy.deepcopy(cache)
    both.backward(layer, case.example, case.dy, cache)
    assert equal_nests(case.example, before)
    assert equal_nests(cache, cache_before)
    assert equal_nests(case.dy, dy_before)


@every_layer
@given(data=st.data())
def test_no_result_shares_memory_with_an_argument(layer, data):
    case = data.draw(examples(layer))
    y, cache = both.forward(layer, case.example)
    grads = both.backward(layer, case.example, case.dy, cache)
    given_ = [case.dy, *case.example.inputs.values(), *tree.leaves(case.example.params or ())]
    for result in [np.asarray(y), *grads.values()]:
        assert not any(np.shares_memory(result, argument) for argument in given_)


@every_layer
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(data=st.data())
def test_dtype_is_kept(layer, dtype, data):
    case = data.draw(examples(layer))
    y, grads = both.run_numpy(layer, case.example.astype(dtype), case.dy.astype(dtype))
    assert {a.dtype for a in [y, *grads.values()]} == {np.dtype(dtype)}


@every_layer
@given(data=st.data())
def test_complex_forward_continues_the_real_one(layer, data):
    case = data.draw(examples(layer))
    y, _ = both.forward(layer, case.example)
    z, _ = both.forward(layer, case.example.astype("complex128"))
    assert z.dtype == np.complex128
    assert both.relative_error(z, y.astype("complex128"), 1.0) <= 1e-12


@every_layer
@given(data=st.data())
def test_gradients_have_the_shapes_of_what_they_belong_to(layer, data):
    case = data.draw(examples(layer))
    grads = both.run_numpy(layer, case.example, case.dy).gradients
    for name in both.differentiable(case.example):
        assert grads[name].shape == case.example.inputs[name].shape
    for name, parameter in tree.walk(case.example.params or ()):
        assert grads[name].shape == parameter.shape


@every_layer
@given(data=st.data())
def test_backward_twice_gives_the_same(layer, data):
    case = data.draw(examples(layer))
    _, cache = both.forward(layer, case.example)
    once = both.backward(layer, case.example, case.dy, cache)
    both.backward(layer, case.example, 2 * case.dy, cache)
    assert equal_nests(once, both.backward(layer, case.example, case.dy, cache))


@every_layer
@given(data=st.data())
def test_zero_cotangent_gives_zero(layer, data):
    case = data.draw(examples(layer))
    grads = both.run_numpy(layer, case.example, np.zeros_like(case.dy)).gradients
    assert not any(grad.any() for grad in grads.values())


@every_layer
@given(data=st.data())
def test_backward_is_linear_in_the_cotangent(layer, data):
    case = data.draw(examples(layer))
    _, cache = both.forward(layer, case.example)
    other = both.draw_cotangent(layer, case.example, case.seed + 1)
    a, b = 0.75, -1.5
    first, second, combined = (both.backward(layer, case.example, np.asarray(dy), cache)
                           for dy in (case.dy, other, a * case.dy + b * other))
    for name, grad in combined.items():
        parts = a * first[name], b * second[name]
        size = max(1.0, *(np.abs(part).max() for part in parts))
        assert both.relative_error(grad, sum(parts), size) <= allowed(layer, "torch")


def fortran(a):
    return np.asfortranarray(a)


def every_other(a):
    wide = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
    wide[..., ::2] = a
    return wide[..., ::2]


def backwards(a):
    return a[::-1].copy()[::-1]


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


def broadcast(a):
    return np.broadcast_to(a[..., :1], a.shape) if a.dtype.kind == "f" else a


@every_layer
@pytest.mark.parametrize("layout", [fortran, every_other, backwards, read_only, broadcast])
@settings(max_examples=QUARTER)
@given(data=st.data())
def test_memory_layout_changes_nothing(layer, layout, data):
    case = data.draw(examples(layer))
    odd = Example({name: layout(a) for name, a in case.example.inputs.items()},
                  case.example.params and tree.map(layout, case.example.params),
                  case.example.options, case.example.constants)
    dy = layout(case.dy) if case.dy.ndim else case.dy
    plain = Example({name: np.array(a, order="C") for name, a in odd.inputs.items()},
                    odd.params and tree.map(lambda a: np.array(a, order="C"), odd.params),
                    odd.options, odd.constants)
    found = both.run_numpy(layer, odd, dy)
    truth = both.run_numpy(layer, plain, dy.copy())
    bound = allowed(layer, "torch")
    errors, _ = weigh(lambda least: both.compare(found, truth, least), lambda: both.rounding(
        layer, case.sizes, plain, dy.copy(), truth, case.seed), "float64", bound)
    assert max(errors.values()) <= bound, errors


@every_layer
@given(data=st.data())
def test_wrong_dtypes_are_refused(layer, data):
    case = data.draw(examples(layer))
    inputs, params = dict(case.example.inputs), case.example.params
    name, *_ = both.differentiable(case.example) or inputs
    wrong = "float64" if inputs[name].dtype.kind == "i" else "float32" if params else "int64"
    inputs[name] = inputs[name].astype(wrong)
    with pytest.raises(TypeError, match="has dtype .*; allowed: "):
        both.forward(layer, Example(inputs, params, case.example.options, case.example.constants))


def wrong_cotangents(dy):
    """Yield (cotangent, error, words) of another dtype or shape, some of which broadcast."""
    for dtype in "int8", "uint8", "bool", "float16", "float32", "complex128":
        yield dy.astype(dtype), TypeError, f"dtype {dtype}; allowed: {dy.dtype}, the dtype"
    yield [dy.tolist()], TypeError, f"dtype list; allowed: {dy.dtype}, the dtype"
    others = [dy[None], dy[..., None], np.stack([dy, dy]), dy.reshape(-1), dy.reshape(-1)[:0]]
    for axis in range(dy.ndim):
        others += [dy.take(0, axis), dy.take([0], axis), dy.take([0, *range(dy.shape[axis])], axis)]
    for wrong in others + [dy.T, dy.swapaxes(-1, -2)] if dy.ndim > 1 else others:
        if wrong.shape != dy.shape:
            words = f"shape {wrong.shape}; allowed: {dy.shape}, the shape"
            yield np.array(wrong), ValueError, words


@every_layer
@settings(max_examples=QUARTER)
@given(data=st.data())
def test_a_wrong_cotangent_is_refused(layer, data):
    case = data.draw(examples(layer))
    _, cache = both.forward(layer, case.example)
    name = next(iter(inspect.signature(layer.numpy.backward).parameters))
    for wrong, error, words in wrong_cotangents(case.dy):
        with pytest.raises(error, match=f"^{name} has {re.escape(words)} of the output$"):
            both.backward(layer, case.example, wrong, cache)


@every_layer
def test_a_hyperparameter_has_one_default_on_both_sides(layer):
    n = sizes(layer.letters, "apart")
    example = layer.example(n, 0)
    ours = inspect.signature(layer.numpy.forward).parameters
    theirs = inspect.signature(type(layer.module(n, example)).__init__).parameters
    for name in example.options.keys() & ours.keys() & theirs.keys():
        assert ours[name].default == theirs[name].default, name


def equal_nests(a, b):
    """Whether two nests of tuples, dicts, examples and arrays are equal to the last bit."""
    if isinstance(a, Example):
        a, b = vars(a), vars(b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal_nests(a[key], b[key]) for key in a)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(equal_nests, a, b))
    return np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b
