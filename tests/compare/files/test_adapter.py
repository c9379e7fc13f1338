"""The file of adapters: there and back, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from compare.files import adapter
from compare.files.weight_files import read_weights, write_weights
from reference.labs import adaptation
from reference.llama import Config, init
from reference.tools import tree
from strategies import same

SMALL = Config(5, 8, n_layer=2, n_head=2, n_kv_head=1, n_embd=8, n_hidden=6)


@pytest.fixture
def model():
    """A small llama: its Params, and adapters for it."""
    rng = np.random.default_rng(0)
    params = init(SMALL, rng)
    return params, tree.map(lambda a: a + rng.standard_normal(a.shape).astype("f4"),
                            adaptation.init(params, 3, rng))


def test_adapters_come_back_as_they_were(model, tmp_path):
    params, adapters = model
    for scale in 2.0, 0.1:  # the second in place of the first
        adapter.save_adapters(tmp_path / "a.safetensors", adapters, scale, adapter.mark_of(params))
        found, own = adapter.load_adapters(tmp_path / "a.safetensors", SMALL, params)
        assert own == scale and type(found) is type(params)
        assert same(dict(tree.walk(found)), dict(tree.walk(adapters)))
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]


def test_those_of_another_model_are_refused_also_where_the_sizes_fit(model, tmp_path):
    params, adapters = model
    adapter.save_adapters(tmp_path / "a.safetensors", adapters, 1.0, adapter.mark_of(params))
    other = params._replace(norm=params.norm._replace(weight=params.norm.weight * 2))
    with pytest.raises(ValueError, match="which was learned for another model; allowed: one of"):
        adapter.load_adapters(tmp_path / "a.safetensors", SMALL, other)
    with pytest.raises(ValueError, match="which has wrong keys, .*missing: blocks.2.attention.q"):
        adapter.load_adapters(tmp_path / "a.safetensors", replace(SMALL, n_layer=3), params)


@pytest.mark.parametrize("name, value, words", [
    ("scale", np.array(0.0), "whose scale is 0.0; allowed: above 0"),
    ("scale", np.array(np.nan), "whose scale is nan; allowed"),
    ("scale", np.ones(2), r"1 misshapen: scale \(2,\) of float64 for \(\)"),
    ("model", np.zeros(31, np.uint8), r"misshapen: model \(31,\) of uint8 for \(32\)"),
    ("blocks.0.mlp.up.weight.b", np.ones((6, 4)), r"up.weight.b \(6, 4\) of float64 for \(6, 3\)"),
    ("blocks.0.mlp.up.weight.c", np.ones(1), "1 left over: 'blocks.0.mlp.up.weight.c'"),
    ("blocks.0.attention.q.weight.a", None, "missing: blocks.0.attention.q.weight.a"),
])
def test_a_file_with_other_arrays_is_refused(name, value, words, model, tmp_path):
    params, adapters = model
    adapter.save_adapters(tmp_path / "a.safetensors", adapters, 1.0, adapter.mark_of(params))
    arrays = {key: a for key, a in read_weights(tmp_path / "a.safetensors").items() if key != name}
    write_weights(tmp_path / "b.npz", arrays | ({} if value is None else {name: value}))
    with pytest.raises(ValueError, match=words) as refused:
        adapter.load_adapters(tmp_path / "b.npz", SMALL, params)
    assert "; allowed: " in str(refused.value)
