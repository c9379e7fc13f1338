"""Every gradient against witnesses that share no code with torch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compare import agree, oracles
from compare.layers import LAYERS
from reference import attention, layer_norm
from strategies import cases

every_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=list(LAYERS))


@every_layer
@settings(max_examples=15)
@given(data=st.data())
def test_the_complex_step_agrees_with_backward(layer, data):
    case = data.draw(cases(layer))
    rng = np.random.default_rng(case.seed)
    truth = oracles.complex_step(layer, case.example, case.dy, entries=6, rng=rng)
    ours = agree.run_numpy(layer, case.example, case.dy)
    floors = agree.raised_floors(layer, case.sizes, case.example, case.dy,
                                 agree.run_torch(layer, case.sizes, case.example, case.dy),
                                 case.seed)
    for name, (places, slopes) in truth.items():
        grad = ours.gradients[name].ravel()
        smallest = max(floors[f"d {name}"], np.abs(grad).max())
        error = agree.relative_error(grad[places], slopes, smallest)
        assert error <= agree.bound(layer, "float64"), name


@every_layer
@given(data=st.data())
def test_the_adjoint_identity_holds(layer, data):
    case = data.draw(cases(layer))
    grads = agree.run_numpy(layer, case.example, case.dy).gradients
    rng = np.random.default_rng(case.seed)
    rstd = max((norm.rstd.max() for norm in norms(agree.forward(layer, case.example)[1])), default=1)
    # LayerNorm multiplies the rounding of a row by rstd, forward and once more backward
    bound = 1e-12 * max(1.0, float(rstd)) ** 2
    assert oracles.adjoint_error(layer, case.example, case.dy, grads, rng) <= bound


def norms(cache):
    if isinstance(cache, layer_norm.Cache):
        yield cache
    elif isinstance(cache, tuple):
        for branch in cache:
            yield from norms(branch)


def test_the_witnesses_see_a_key_without_its_transpose(monkeypatch):
    layer, sizes = LAYERS["attention"], {"B": 1, "T": 3, "H": 1, "D": 2}
    example = layer.example(sizes, 0)
    dy = agree.draw_cotangent(layer, example, 0)
    right = agree.run_numpy(layer, example, dy).gradients
    merge = attention.merge_heads
    calls = []

    def wrong(heads):
        calls.append(heads)
        return merge(heads[:, :, ::-1] if len(calls) == 3 else heads)  # forward, dq, then dk

    monkeypatch.setattr(attention, "merge_heads", wrong)
    grads = agree.run_numpy(layer, example, dy).gradients
    monkeypatch.undo()
    rng = np.random.default_rng(0)
    assert oracles.adjoint_error(layer, example, dy, right, rng) <= 1e-14
    assert oracles.adjoint_error(layer, example, dy, grads, np.random.default_rng(0)) > 1e-3
