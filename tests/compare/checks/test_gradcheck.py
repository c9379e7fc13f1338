"""gradcheck on every layer, in every form that people write, and on wrong ones that it must see."""

import copy
from typing import NamedTuple

import numpy as np
import pytest
import torch

from compare.checks import examine as examine_module
from compare.checks.examine import examine
from compare.checks.forms import form_of
from compare.checks.gradcheck import gradcheck
from compare.layers.sizes import draw_sizes, sizes
from compare.layers.table import LAYERS
from reference.tools import tree

every_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=list(LAYERS))
leaves_only = pytest.mark.parametrize(
    "layer", [LAYERS["linear"], LAYERS["embedding"], LAYERS["layer_norm"], LAYERS["dropout"],
              LAYERS["cross_entropy"]], ids=lambda layer: layer.stem)
RNG = np.random.default_rng(0)
X, W, B = RNG.standard_normal((3, 4)), RNG.standard_normal((5, 4)), RNG.standard_normal(5)


COMPOSED = "gpt", "block", "attention_only", "llama", "llama_block", "megabyte"


def examples_of(layer):
    """Some examples: one of the study's sizes; of the small layers, drawn ones, too."""
    small = layer.stem not in (*COMPOSED, "attention", "mlp", "grouped_attention")
    drawn = [draw_sizes(layer.letters, seed) for seed in range(2)] if small else []
    return [layer.example(n, 1) for n in [sizes(layer.letters, "study"), *drawn]]


def inputs_of(example):
    return (*example.inputs.values(), *(() if example.params is None else (example.params,)))


def leaves_of(example):
    return example.inputs | dict(tree.walk(example.params) if example.params else ())


@every_layer
def test_every_layer_passes_and_an_error_of_1e_6_is_found_in_each_gradient(layer, monkeypatch):
    monkeypatch.setattr(examine_module, "WHOLE", 0)  # what kind of wrong is not asked here
    if layer.stem in COMPOSED:
        monkeypatch.setattr(examine_module, "ENTRIES", 2)  # the adjoint test sees all of them
    met = set()
    for example in examples_of(layer):
        form = form_of(layer.numpy.forward, layer.numpy.backward, inputs_of(example),
                       example.options | example.constants)
        right = form.gradients
        for entry in None, False, True:
            form.gradients = lambda arrays, dy: planted(right(arrays, dy), entry)  # noqa: B023
            found = examine(form, {})
            for name in found.gradients:
                seen = found.size[name] > 1e-9
                assert found.is_wrong(name) == (entry is not None and seen), (name, entry)
                met |= {name} if seen else set()
    assert met == set(found.gradients)


def planted(gradients, entry):
    """Gradients times 1 + 1e-6: all of each; or an entry, none of the smallest; or none."""
    if entry is None:
        return gradients
    gradients = {name: np.array(gradient) for name, gradient in gradients.items()}
    for gradient in gradients.values():
        size = np.abs(gradient).ravel()
        large = np.flatnonzero(size >= 1e-2 * size.max())
        gradient.flat[large[len(large) // 2] if entry else slice(None)] *= 1 + 1e-6
    return gradients


@leaves_only
def test_every_form_of_a_layer_passes(layer):
    example = layer.example(sizes(layer.letters, "apart"), 1)
    options, arrays = example.options | example.constants, leaves_of(example)
    floats = [name for name, array in arrays.items() if array.dtype.kind == "f"]

    def whole(arrays):
        params = example.params and tree.unwalk(example.params, arrays)
        return (*(arrays[name] for name in example.inputs), *(() if params is None else (params,)))

    def forward(*given):
        return layer.numpy.forward(*whole(dict(zip(arrays, given))), **options)[0]

    def backward(dy, *given):
        _, cache = layer.numpy.forward(*whole(dict(zip(arrays, given))), **options)
        made = layer.numpy.backward(dy, cache)
        made = made if isinstance(made, tuple) and not hasattr(made, "_fields") else (made,)
        return [leaf for part in made for leaf in tree.leaves(part)]

    def by_name(dy, *given):
        return dict(reversed(list(zip(floats, backward(dy, *given)))))

    class Instance:
        def __init__(self):
            self.params = {name: arrays[name] for name in floats if name not in example.inputs}

        def forward(self, *given):
            self.given = [*given, *self.params.values()]
            return forward(*self.given)

        def backward(self, dy):
            made = by_name(dy, *self.given)
            self.grads = {name: made[name] for name in self.params}
            return tuple(made[name] for name in floats if name in example.inputs) or None

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *given):
            ctx.given = [one.numpy() for one in given]
            return torch.from_numpy(np.asarray(forward(*ctx.given)))

        @staticmethod
        def backward(ctx, dy):
            made = by_name(dy.numpy()[()], *ctx.given)
            return tuple(torch.from_numpy(np.array(made[name])) if name in made else None
                         for name in arrays)

    values = tuple(arrays.values())
    for report in (gradcheck(forward, backward, values), gradcheck(forward, by_name, arrays),
                   gradcheck(Instance(), inputs=tuple(example.inputs.values())),
                   gradcheck(Instance, inputs=tuple(example.inputs.values())),
                   gradcheck(Function, inputs=values)):
        assert [line.verdict for line in report.gradients] == ["right"] * len(floats)


def linear(x, weight, bias):
    return x @ weight.T + bias, (x, weight)


def linear_back(dy, cache):
    x, weight = cache
    return dy @ weight, dy.T @ x, dy.sum(0)


def changed(**gradients):
    """The backward of linear with some gradients replaced."""
    def backward(dy, cache):
        return tuple(gradients.get(name, lambda g: g)(g) for name, g in
                     zip(("x", "weight", "bias"), linear_back(dy, cache)))
    return backward


def words_of(backward, forward=linear, inputs=(X, W, B), **options):
    with pytest.raises(AssertionError) as caught:
        gradcheck(forward, backward, inputs, **options)
    return str(caught.value)


@pytest.mark.parametrize("change, words", [
    (lambda g: g.T, "shape (4, 5) where (5, 4) is right: it is the transpose of the right one"),
    (lambda g: g * 2, "it is the right one times 2"),
    (lambda g: g / 3, "it is the right one times 1 / x.shape[0]"),
    (lambda g: -g, "its sign is wrong"),
    (lambda g: g * (1 + 1e-6), "it is the right one times 1 + 1.0e-06"),
    (lambda g: g * 0, "it is zero everywhere"),
    (lambda g: g * np.nan, "it holds NaN or infinity"),
    (lambda g: g.astype("float32"), "it is right but for rounding to float32"),
    (lambda g: g * (1 + 1e-8 * np.cos(np.arange(4))), "as float32 arithmetic inside the backward"),
    (lambda g: g.reshape(2, 10), "but it holds the right numbers"),
    (lambda g: g + 0.1 * (np.arange(20).reshape(5, 4) == 6), "most at [1, 2]: yours is"),
])
def test_the_kind_of_a_wrong_gradient_is_told(change, words):
    told = words_of(changed(weight=change))
    assert words in told and "1 of 3 gradients is wrong" in told
    assert all(f"d {name:<6}  right" in told for name in ("x", "bias"))


def test_the_numbers_that_are_shown_differ():
    told = words_of(changed(bias=lambda g: g * (1 + 1e-9)))
    yours, right = (told.partition(words)[2].partition("]")[0] for words in ("yours is      [",
                                                                           "the right one ["))
    assert all(a != b for a, b in zip(yours.split(", "), right.split(", "), strict=True))


def test_a_gradient_that_is_not_summed_over_a_broadcast_axis_is_told():
    told = words_of(lambda dy, cache: (*linear_back(dy, cache)[:2], dy))
    assert "it is not summed over axis 0, along which the array is broadcast" in told


def test_swapped_gradients_are_told():
    told = words_of(lambda dy, a, b: (dy * a, dy * b), lambda a, b: a * b, (X, X[::-1] + 1))
    assert "it is the gradient of b" in told and "it is the gradient of a" in told


def test_a_square_transpose_is_told():
    square = RNG.standard_normal((4, 4))
    assert "it is the transpose of the right one" in words_of(
        changed(weight=np.transpose), inputs=(X, square, B[:4]))


def test_none_is_open_and_the_rest_is_graded():
    report = gradcheck(linear, changed(weight=lambda g: None), (X, W, B))
    assert [line.verdict for line in report.gradients] == ["right", "open", "right"]
    assert "1 of 3 is open" in str(report)
    assert "d bias    WRONG" in words_of(changed(weight=lambda g: None, bias=lambda g: g * 2))


class Named(NamedTuple):
    bias: np.ndarray
    weight: np.ndarray
    x: np.ndarray


@pytest.mark.parametrize("put", [
    lambda dx, dw, db: {"dbias": db, "x": dx, "grad_weight": dw},
    lambda dx, dw, db: Named(db, dw, dx), lambda dx, dw, db: [dx, (dw, db)]])
def test_gradients_are_taken_by_name_and_in_nests(put):
    assert gradcheck(linear, lambda dy, cache: put(*linear_back(dy, cache)), (X, W, B)).passed


def test_arguments_may_be_nests_and_in_any_order():
    def forward(x, p):
        return linear(x, p["weight"], p["bias"])

    def backward(dy, cache):
        dx, dw, db = linear_back(dy, cache)
        return dx, {"bias": db, "weight": dw}

    report = gradcheck(forward, backward, {"p": {"weight": W, "bias": B}, "x": X})
    assert [line.name for line in report.gradients] == ["x", "p.weight", "p.bias"]


def test_options_and_arguments_by_keyword_alone_are_handed_on():
    def forward(x, *, keep, rate):
        return np.where(keep, x / (1 - rate), 0.0)

    def backward(dy, x, *, keep, rate):
        return np.where(keep, dy / (1 - rate), 0.0)

    assert gradcheck(forward, backward, {"x": X, "keep": X > 0}, rate=0.25).passed
    assert gradcheck(forward, backward, (X,), keep=X > 0, rate=0.25).passed


def relu_back(dy, x):
    return dy * (x > 0)


@pytest.mark.parametrize("forward, backward, x", [
    (lambda x: np.maximum(x, 0), relu_back, np.array([0.0, 1.0, -1.0, 0.0])),
    (lambda x: x.max(), lambda dy, x: dy * (np.arange(x.size) == x.argmax()),
     np.array([2.0, 2.0, 1.0])),
])
def test_kinks_are_stepped_round_and_reported(forward, backward, x):
    report = gradcheck(forward, backward, (x,))
    assert "kinks: at 1 of 1 examples the slopes from left and right differ along x" in str(report)
    assert "kinks" not in str(gradcheck(forward, backward, (x + np.arange(x.size) / 7 + 0.1,)))
    with pytest.raises(AssertionError):
        gradcheck(forward, lambda dy, x: backward(dy, x) * (1 + 1e-6), (x,))


def test_without_a_complex_step_differences_judge_and_it_is_said():
    def forward(x):
        return np.abs(x) * np.tanh(x)

    def backward(dy, x):
        return dy * (np.sign(x) * np.tanh(x) + np.abs(x) / np.cosh(x) ** 2)

    report = str(gradcheck(forward, backward, (X,)))
    assert "no complex step: forward isn't analytic" in report and "central" in report
    told = words_of(lambda dy, x: backward(dy, x) * (1 + 1e-6), forward, (X,))
    assert "it is the right one times 1 + 1.0e-06" in told


def test_torch_functions_stand_before_autograd_too():
    def backward(dy, x):
        return dy / torch.cosh(x) ** 2

    x = torch.from_numpy(X)
    line, = gradcheck(torch.tanh, backward, (x,)).gradients
    assert "autograd" in line.witnesses and "complex" in line.witnesses
    with pytest.raises(AssertionError, match="against it: .*autograd"):
        gradcheck(torch.tanh, lambda dy, x: backward(dy, x) * (1 + 1e-6), (x,))


class Lazy:
    """Parameters and gradients in two dicts, made by the first forward; what it needs piles up."""

    def __init__(self, n_out):
        self.n_out, self.X, self.parameters, self.gradients = n_out, [], {}, {}

    def flush_gradients(self):
        self.X = []
        self.gradients = {name: np.zeros_like(g) for name, g in self.gradients.items()}

    def forward(self, X, retain_derived=True):
        if not self.parameters:
            shapes = {"W": (X.shape[1], self.n_out), "b": (1, self.n_out)}
            self.parameters = {name: np.zeros(shape) for name, shape in shapes.items()}
            self.flush_gradients()
            self.gradients = {name: np.zeros_like(p) for name, p in self.parameters.items()}
        self.X.append(X)
        return X @ self.parameters["W"] + self.parameters["b"]

    def backward(self, dy):
        for x in self.X[:1]:
            self.gradients["W"] += x.T @ dy
            self.gradients["b"] += dy.sum(0, keepdims=True)
        return dy @ self.parameters["W"].T


class Optimized:
    """The gradients go to an optimizer, which changes the weights; attributes hold them."""

    def __init__(self, n_units):
        self.n_units, self.seen = n_units, None

    def initialize(self, optimizer):
        self.W, self.w0 = np.ones((4, self.n_units)), np.zeros((1, self.n_units))
        self.W_opt, self.w0_opt = copy.copy(optimizer), copy.copy(optimizer)

    def forward_pass(self, X, training=True):
        self.seen = X
        return X.dot(self.W) + self.w0

    def backward_pass(self, accum_grad):
        W = self.W
        self.W = self.W_opt.update(self.W, self.seen.T.dot(accum_grad))
        self.w0 = self.w0_opt.update(self.w0, accum_grad.sum(0, keepdims=True))
        return accum_grad.dot(W.T)


class Listed:
    """Two lists, the arrays of one under other names, too; nothing returned, but kept."""

    def __init__(self):
        self.weight, self.bias = np.ones((4, 5)), np.zeros(5)
        self.params, self.x = [self.weight, self.bias], None

    def forward(self, x):
        self.x, self.output = x, x @ self.weight + self.bias

    def backward(self, dvalues):
        self.grads = [self.x.T @ dvalues, dvalues.sum(0)]
        self.dinputs, self.dx = dvalues @ self.params[0].T, None


class Attributes:
    """W beside dW; and x beside dx, which is no parameter but what the forward keeps."""

    factor = 1.0

    def __init__(self):
        self.W, self.b, self.x = np.ones((4, 5)), np.zeros(5), np.zeros(3)

    def forward(self, x):
        self.x = x
        return np.tanh(x @ self.W + self.b)

    def backward(self, dout):
        da = dout * (1 - np.tanh(self.x @ self.W + self.b) ** 2)
        self.dW, self.db, self.dx = self.x.T @ da, da.sum(0) * self.factor, da @ self.W.T
        return self.dx


@pytest.mark.parametrize("thing, options, names", [
    (Lazy, {"n_out": 5}, ["X", "parameters.W", "parameters.b"]),
    (Lazy(3), {}, ["X", "parameters.W", "parameters.b"]),
    (Optimized, {"n_units": 5}, ["X", "W", "w0"]),
    (Listed, {}, ["x", "params.0", "params.1"]),
    (Attributes, {}, ["x", "W", "b"])], ids=lambda thing: getattr(thing, "__name__", None))
def test_objects_as_they_are_published(thing, options, names):
    report = gradcheck(thing, inputs=(X,), **options)
    assert [line.name for line in report.gradients] == names
    assert {line.verdict for line in report.gradients} == {"right"}


def test_a_wrong_gradient_of_an_object_is_found(monkeypatch):
    monkeypatch.setattr(Attributes, "factor", 1 + 1e-6)
    told = words_of(None, Attributes, (X,))
    assert "d b  WRONG" in told and "d W  right" in told


def test_what_was_never_shown_is_told():
    def forward(table, ids, mask):
        return table[ids] * mask[:, None] + 0 * table[0]

    def backward(dy, table, ids, mask):
        made = np.zeros_like(table)
        np.add.at(made, ids, dy * mask[:, None])
        return made

    report = str(gradcheck(forward, backward, (X, np.array([0, 2]), np.array([True, True]))))
    assert "never shown: a number that comes twice in ids" in report
    assert "never shown: both True and False in mask" in report
    report = str(gradcheck(forward, backward, (X, np.array([2, 2]), np.array([True, False]))))
    assert "never shown" not in report
    report = str(gradcheck(lambda x, w: x + 0 * w.sum(), lambda dy, x, w: (dy, 0 * w), (X, W)))
    assert "never shown: a gradient of w that is not zero" in report
    report = str(gradcheck(np.sin, lambda dy, x: dy * np.cos(x), (np.array([0.4]),)))
    assert "never shown: an array with more than one entry" in report


def changes_x(x):
    x += 1
    return x


def changes_dy(dy, x):
    dy *= 2
    return dy


def changes_cache(dy, cache):
    cache[0][:] = 0
    return linear_back(dy, cache)


NOISE = np.random.default_rng()


@pytest.mark.parametrize("forward, backward, inputs, words", [
    (lambda x: x + NOISE.standard_normal(), changes_dy, (X,), "forward isn't deterministic"),
    (lambda x: x + np.floor(1e9 * x), lambda dy, x: dy, (X,), "forward isn't differentiable at any"),
    (lambda x: np.tanh(x.real.astype("float32")).astype(float), lambda dy, x: dy, (X,),
     "forward isn't differentiable at any of 5 points"),
    (lambda x: [x, x, x], lambda dy, x: dy, (X,), "forward returns a list of 3; allowed: y, or"),
    (lambda x: x.tolist(), lambda dy, x: dy, (X,), "forward returns a list of 3"),
    (lambda x: "y", lambda dy, x: dy, (X,), "the output of forward is of type str; allowed"),
    (lambda x: x.astype("float32"), lambda dy, x: dy, (X,), "forward returns float32 for float64"),
    (lambda x: (x > 0) * 1, lambda dy, x: dy, (X,), "forward returns int64 for float64"),
    (lambda x: x / 0, lambda dy, x: dy, (X,), "forward gives NaN or infinity"),
    (changes_x, lambda dy, x: dy, (X,), "forward changes x; allowed"),
    (np.tanh, changes_dy, (X,), "backward changes dy; allowed"),
    (linear, changes_cache, (X, W, B), "backward changes its cache.0; allowed"),
    (linear, lambda dy, cache: linear_back(dy, cache)[:2], (X, W, B),
     "backward returns 2 gradients; allowed: 3, of x, weight, bias"),
    (linear, lambda dy, cache: (dy, 0.0, 0.0), (X, W, B),
     "the gradient of x has the shape (3, 5); allowed: (3, 4)"),
    (linear, lambda dy, cache: {"x": X, "weight": W, "bais": B}, (X, W, B),
     "backward returns a gradient named bais; allowed: x, weight, bias"),
    (linear, lambda dy, cache: {"x": X, "weight": W}, (X, W, B),
     "backward returns no gradient of bias"),
    (linear, lambda dy, cache: ("a", W, B), (X, W, B), "the gradient of x is of type str; allowed"),
    (linear, lambda dy, cache: (X * 1j, W, B), (X, W, B), "the gradient of x has dtype complex128"),
    (np.tanh, changes_dy, (np.arange(3),), "inputs holds no array of floats"),
    (np.tanh, changes_dy, (np.zeros((0, 2)),), "has no entries; allowed: arrays of at least one"),
    (np.tanh, changes_dy, (X * 1j,), "has dtype complex128; allowed: floats, integers, bools"),
    (np.tanh, None, (X,), "backward is None; allowed: a function, or none for an object"),
    (3, changes_dy, (X,), "forward is of type int; allowed: a function, or an object"),
])
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_what_can_not_be_judged_is_one_sentence(forward, backward, inputs, words):
    with pytest.raises(ValueError) as caught:
        gradcheck(forward, backward, inputs)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def my_forward(x, scale):
    return np.tanh(x) * scale


def my_backward(dy, x, scale):
    return dy * scale * (1 - np.tanh(x) ** 2), (dy * np.tanh(x)).sum(0)


def test_my_layer():
    x, scale = np.random.default_rng(0).standard_normal((3, 4)), np.arange(1.0, 5.0)
    gradcheck(my_forward, my_backward, (x, scale))


def test_an_example_of_the_same_seed_as_the_cotangent_hides_nothing():
    x = np.random.default_rng(0).standard_normal((4, 4))  # dy.T @ x would be its own transpose
    assert "it is the transpose of the right one" in words_of(
        changed(weight=np.transpose), inputs=(x, W[:4], B[:4]))


def test_a_small_slope_may_be_a_difference_of_large_terms():
    logits = np.array([[9.0, 0.0], [11.0, -1.0]])  # p - 1 is 1e-4 and less, its rounding 1e-16

    def backward(dy, x):
        p = np.exp(x) / np.exp(x).sum(1, keepdims=True)
        return dy * (p - [1, 0])

    assert gradcheck(lambda x: np.log(np.exp(x).sum(1)).sum() - x[:, 0].sum(), backward, (logits,))
    with pytest.raises(AssertionError):
        gradcheck(lambda x: np.log(np.exp(x).sum(1)).sum() - x[:, 0].sum(),
                  lambda dy, x: backward(dy, x) * (1 + 1e-6), (logits,))


def test_an_error_of_the_functions_own_is_left_as_it_is():
    with pytest.raises(ZeroDivisionError):
        gradcheck(np.tanh, lambda dy, x: 1 / 0, (X,))
