"""Arguments that would be silently wrong are refused, each in one sentence that names it."""

import collections
import re

import numpy as np
import pytest

from compare.layers import both
from compare.layers.row import Example
from compare.layers.table import LAYERS
from reference import attention, cross_entropy, decode, dropout, gelu, generate, gpt, softmax
from reference.fast import parallel
from reference.tools import elementwise, tree

SIZES = {"B": 2, "T": 3, "C": 8, "I": 4, "O": 5, "V": 7, "H": 2, "D": 4, "L": 2, "S": 2,
         "K": 2, "G": 2, "P": 2, "F": 6, "R": 3, "M": 2,
         "Q": 3}
CONFIG = gpt.Config(vocab_size=7, block_size=4, n_layer=2, n_head=2, n_embd=8)
P = gpt.init(CONFIG, np.random.default_rng(0), np.float64)
IDS = np.array([[1, 2, 3], [3, 4, 0]])

pytestmark = pytest.mark.filterwarnings("ignore:the matrix subclass")
every_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=list(LAYERS))


def example_with_masks(layer):
    """Return the first example of SIZES that has all its masks."""
    sizes = {letter: SIZES[letter] for letter in layer.letters}
    examples = (layer.example(sizes, seed) for seed in range(100))
    return next(e for e in examples if all(mask is not None for mask in e.constants.values()))


def arrays_of(example):
    """Yield (name, array, the example with another array in its place by function)."""
    for part in "inputs", "params", "constants":
        for name, array in tree.walk(as_tree(getattr(example, part))):
            yield name, array, lambda new, part=part, name=name: replaced(example, part, name, new)


def as_tree(part):
    """Return a dict as a tree with its names, and a tree as it is."""
    return collections.namedtuple("Part", part)(**part) if isinstance(part, dict) else part or ()


def replaced(example, part, name, new):
    """Return the example with a new array in the place of a named one."""
    old = as_tree(getattr(example, part))
    made = tree.unwalk(old, dict(tree.walk(old)) | {name: new})
    made = made._asdict() if isinstance(getattr(example, part), dict) else made
    parts = {field: getattr(example, field) for field in ("inputs", "params", "options", "constants")}
    return Example(**parts | {part: made})


@every_layer
@pytest.mark.parametrize("kind, make", [
    ("list", np.ndarray.tolist), ("MaskedArray", np.ma.array), ("matrix", np.matrix)])
def test_an_array_is_a_plain_one(layer, kind, make):
    example = example_with_masks(layer)
    tried = 0
    for name, array, put in arrays_of(example):
        if kind == "matrix" and array.ndim != 2:
            continue
        tried += 1
        word = "float" if kind == "list" and array.ndim == 0 else kind
        with pytest.raises(TypeError, match=rf"^\w+ has dtype {word}; allowed: "):
            both.forward(layer, put(make(array)))
    assert tried or kind == "matrix"


@every_layer
def test_an_array_in_a_file_is_as_good(layer, tmp_path):
    example = example_with_masks(layer)
    dy = both.draw_cotangent(layer, example, 0)
    found, truth = (both.named(both.run_numpy(layer, *these))
                    for these in ((on_disk(example, tmp_path), in_file(dy, tmp_path)),
                                  (example, dy)))
    for name in truth:
        np.testing.assert_array_equal(found[name], truth[name])


def in_file(array, folder):
    """Return the same array as a np.memmap."""
    mapped = np.memmap(folder / str(id(array)), array.dtype, "w+", shape=array.shape or (1,))
    mapped[...] = array
    return mapped.reshape(array.shape)


def on_disk(example, folder):
    """Return the example with all of its arrays as np.memmap."""
    for name, array, put in arrays_of(example):
        example = put(in_file(array, folder))
    return example


@pytest.mark.parametrize("number", [1, 1.0, True, None, "x"])
def test_a_number_is_no_array(number):
    with pytest.raises(TypeError, match="x has dtype .*; allowed: "):
        gelu.forward(number)


@pytest.mark.parametrize("stem", ["linear", "gelu", "softmax", "dropout"])
def test_a_cotangent_that_is_no_plain_array_is_refused(stem):
    layer = LAYERS[stem]
    example = example_with_masks(layer)
    y, cache = both.forward(layer, example)
    for wrong in np.ma.array(y), y.tolist(), None, 1.0:
        with pytest.raises(TypeError, match="dy has dtype .*; allowed: float64, the dtype of the"):
            layer.numpy.backward(wrong, cache)


def test_only_a_loss_may_have_a_python_number_for_its_cotangent():
    """To dropout of one float32 it would bring float64."""
    y, cache = dropout.forward(np.ones((), np.float32), np.ones((), bool), rate=0.5)
    with pytest.raises(TypeError, match="dy has dtype float; allowed: float32, the dtype of the"):
        dropout.backward(1.0, cache)


def large():
    """Return an array of more numbers than a piece has."""
    return np.random.default_rng(0).standard_normal((4, elementwise.PIECE))


@pytest.mark.parametrize("wrong, words", [
    (lambda dy: dy.T, r"dy has shape \(32768, 4\); allowed: \(4, 32768\), the shape of the out"),
    (lambda dy: dy.reshape(-1), r"dy has shape \(131072,\); allowed: \(4, 32768\)"),
    (lambda dy: dy[None], r"dy has shape \(1, 4, 32768\); allowed: \(4, 32768\)"),
    (lambda dy: dy[:2], r"dy has shape \(2, 32768\); allowed: \(4, 32768\)"),
    (lambda dy: dy[:1], r"dy has shape \(1, 32768\); allowed: \(4, 32768\)"),
    (lambda dy: np.concatenate([dy, dy]), r"dy has shape \(8, 32768\); allowed: \(4, 32768\)"),
    (lambda dy: dy[:, :1], r"dy has shape \(4, 1\); allowed: \(4, 32768\)"),
    (np.matrix, "dy has dtype matrix; allowed: float64"),
    (np.ma.array, "dy has dtype MaskedArray; allowed: float64"),
    (np.int8, "dy has dtype int8; allowed: float64"),
    (np.float32, "dy has dtype float32; allowed: float64"),
])
def test_a_large_array_is_held_to_the_same(wrong, words):
    x = large()
    _, cache = gelu.forward(x)
    with pytest.raises((TypeError, ValueError), match=words):
        gelu.backward(wrong(x), cache)


@pytest.mark.parametrize("kind", [np.matrix, np.ma.array])
def test_a_large_input_is_held_to_the_same(kind):
    with pytest.raises(TypeError, match="x has dtype (matrix|MaskedArray); allowed: "):
        gelu.forward(kind(large()))


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_a_loss_takes_a_python_number_or_its_own_dtype(dtype):
    logits = np.arange(6.0).reshape(2, 3).astype(dtype)
    loss, cache = cross_entropy.forward(logits, np.array([0, 2]))
    truth = cross_entropy.backward(np.ones_like(loss), cache)
    for one in 1, 1.0, np.dtype(dtype).type(1), np.ones((), dtype):
        np.testing.assert_array_equal(cross_entropy.backward(one, cache), truth, strict=True)
    other = np.float64 if dtype == "float32" else np.float32
    for wrong in True, other(1), np.ones((), other), np.int64(1), "1", None, [1.0]:
        with pytest.raises(TypeError, match=rf"dloss has dtype \w+; allowed: {dtype}, the dtype of "
                                            "the output"):
            cross_entropy.backward(wrong, cache)
    for shape in (1,), (1, 1), (2,), (2, 3), (0,):
        with pytest.raises(ValueError, match=rf"dloss has shape {re.escape(str(shape))}; "
                                             r"allowed: \(\), the shape of the output"):
            cross_entropy.backward(np.ones(shape, dtype), cache)


def test_attention_takes_sequences_of_a_batch():
    with pytest.raises(ValueError, match=r"x has shape \(3, 8\); allowed: \(B, T, C\)"):
        attention.forward(np.ones((3, 8)), P.blocks[0].attention, n_head=2)


def test_a_mask_that_is_a_list_is_refused():
    with pytest.raises(TypeError, match="mask has dtype list; allowed: bool, True where x may be"):
        softmax.forward(np.ones((2, 2)), mask=[[True, False], [True, True]])


OTHER_SIZES = [("n_layer", 1), ("n_layer", 3), ("vocab_size", 6), ("vocab_size", 8),
               ("block_size", 3), ("block_size", 5), ("n_embd", 4), ("n_embd", 16)]
WAYS = {
    "forward": lambda c: gpt.forward(IDS, P, config=c),
    "loss": lambda c: gpt.loss(IDS, IDS, P, config=c),
    "loss_and_grad": lambda c: gpt.loss_and_grad(IDS, IDS, P, config=c),
    "begin": lambda c: decode.begin(IDS[0], P, config=c),
    "generate": lambda c: next(generate.generate(IDS[0], P, config=c, count=1,
                                                 rng=np.random.default_rng(0))),
    "generate, not cached": lambda c: next(generate.generate(
        IDS[0], P, config=c, count=1, rng=np.random.default_rng(0), cached=False)),
    "in parts": lambda c: parallel.loss(IDS, IDS, P, config=c, parts=1),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
@pytest.mark.parametrize("name, size", OTHER_SIZES)
def test_a_config_that_does_not_fit_the_parameters_is_refused(way, name, size):
    config = gpt.Config(**vars(CONFIG) | {name: size})
    with pytest.raises(ValueError, match=f"^config.{name} is {size}; allowed: "
                                         f"{getattr(CONFIG, name)}, as in the parameters$"):
        way(config)


def test_a_config_is_refused_before_an_id_is():
    config = gpt.Config(**vars(CONFIG) | {"vocab_size": 100})
    with pytest.raises(ValueError, match="config.vocab_size is 100; allowed: 7"):
        gpt.forward(np.array([[50]]), P, config=config)


@pytest.mark.parametrize("wrong", [[1, 2], np.ma.array([1, 2]), np.array([1.0])])
def test_a_window_of_no_ids_is_refused(wrong):
    with pytest.raises(TypeError, match="tokens has dtype .*; allowed: a NumPy array of integers"):
        decode.begin(wrong, P, config=CONFIG)


@pytest.mark.parametrize("name", ["tokens", "targets"])
@pytest.mark.parametrize("kind", [np.ndarray.tolist, np.ma.array, np.matrix])
@pytest.mark.parametrize("loss", [gpt.loss, gpt.loss_and_grad])
def test_ids_that_are_no_plain_array_are_refused(name, kind, loss):
    ids = {"tokens": IDS, "targets": IDS} | {name: kind(IDS)}
    with pytest.raises(TypeError, match=f"{name} has dtype .*; allowed: a NumPy array of integers"):
        loss(**ids, p=P, config=CONFIG)


@pytest.mark.parametrize("logits", [[1.0, 2.0], np.ma.array([1.0, 2.0]), np.array([1, 2])])
def test_logits_to_draw_from_are_floats(logits):
    with pytest.raises(TypeError, match="logits has dtype .*; allowed: "):
        generate.probabilities(logits)
