"""The language of the lab preference: both sides compute the same, and refuse the same pairs."""

import numpy as np
import pytest
import torch

import torch_impl.gpt
from compare.layers import weights
from reference import gpt
from reference.labs import preference
from reference.tools import tree
from torch_impl.labs import preference as theirs

TEXTS = preference.every_text()
CONFIG = gpt.Config(preference.V, preference.T, n_layer=1, n_head=2, n_embd=8)
METHODS = {"dpo": {"beta": 0.5}, "simpo": {"beta": 2.0, "gamma": 0.5},
           "kto": {"beta": 0.5, "lambda_d": 1.0, "lambda_u": 1.5}}


def params():
    """Parameters of a model whose texts are far from equally probable."""
    return tree.map(lambda a: 5 * a, gpt.init(CONFIG, np.random.default_rng(0), np.float64))


def to_torch(*arrays):
    return [torch.from_numpy(a) for a in arrays]


def same_as_torch(name, *arrays, **options):
    ours = getattr(preference, name)(*arrays, **options)
    np.testing.assert_allclose(
        ours, getattr(theirs, name)(*to_torch(*arrays), **options).detach(), rtol=1e-12)
    return ours


def test_there_are_1554_texts_and_the_end_counts():
    assert len({tuple(row) for row in TEXTS.targets}) == 6 + 36 + 216 + 1296
    symbols = (TEXTS.targets != preference.END).sum(-1)
    assert symbols.min() == 1 and symbols.max() == 4
    np.testing.assert_array_equal(TEXTS.counted.sum(-1), symbols + 1)
    np.testing.assert_array_equal(TEXTS.inputs[:, 1:], TEXTS.targets[:, :-1])
    assert (TEXTS.inputs[:, 0] == preference.END).all()


def test_both_sides_compute_the_same():
    logits, _ = gpt.forward(TEXTS.inputs, params(), config=CONFIG)
    logp = same_as_torch("text_logp", logits, TEXTS.targets, TEXTS.counted)
    assert np.exp(logp).sum() == pytest.approx(1, abs=1e-12)
    reward = same_as_torch("even_less_odd", TEXTS.targets)
    best = same_as_torch("optimum", logp, reward, beta=0.7)
    same_as_torch("prefers", reward[:-1], reward[1:])
    for model in logp, best:
        same_as_torch("expected", model, reward)
        same_as_torch("divergence", model, logp + 0.0)
        same_as_torch("ranked_right", model[::5], reward[::5], logp[::5])


@pytest.mark.parametrize("method", METHODS)
def test_the_gradient_of_each_loss_is_torchs(method):
    rng = np.random.default_rng(1)
    rows = rng.permutation(len(TEXTS.targets))[:10]
    arrays = *(a[rows] for a in TEXTS), rng.standard_normal(10) - 6, np.array(0.4)
    loss, grads = preference.loss_and_grad(
        *arrays, params(), config=CONFIG, method=method, **METHODS[method])
    model = weights.load_into(torch_impl.gpt.GPT(**vars(CONFIG)), params())
    found = theirs.loss(*to_torch(*arrays), model, method=method, **METHODS[method])
    found.backward()
    assert loss == pytest.approx(found.item(), rel=1e-12)
    truth = weights.gradients(model)
    for name, grad in tree.walk(grads):
        np.testing.assert_allclose(grad, truth[name], atol=1e-12 * np.abs(truth[name]).max())
    assert max(np.abs(a).max() for a in truth.values()) > 1e-3


def test_no_other_model_is_worth_as_much_as_the_optimum():
    rng = np.random.default_rng(2)
    reward = preference.even_less_odd(TEXTS.targets)
    ref = preference.optimum(np.zeros(1554), rng.standard_normal(1554), beta=1.0)
    best = preference.optimum(ref, reward, beta=0.8)

    def worth(logp):
        return preference.expected(logp, reward) - 0.8 * preference.divergence(logp, ref)

    for _ in range(20):
        other = preference.optimum(best, rng.standard_normal(1554), beta=30.0)
        assert worth(other) < worth(best)


@pytest.mark.parametrize("beta", [0, -1.0, np.inf])
def test_a_beta_out_of_range_is_refused(beta):
    with pytest.raises(ValueError, match=f"^beta is {beta}; allowed: a finite number above 0$"):
        preference.optimum(np.zeros(3), np.zeros(3), beta=beta)


@pytest.mark.parametrize("rows, words", [
    ([], "^the number of pairs is 0; allowed: 1 or more$"),
    ([3, 4, 5, 4], "^pair 1 is a text and the same text; allowed: two different texts$")])
def test_pairs_that_teach_nothing_are_refused(rows, words):
    arrays = [a[np.array(rows, int)] for a in TEXTS]
    with pytest.raises(ValueError, match=words):
        preference.loss_and_grad(*arrays, np.zeros(len(rows)), np.array(0.0), params(),
                                 config=CONFIG, method="dpo", beta=1.0)
