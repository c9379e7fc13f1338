"""The numbers of the book: every tag has some, torch's are beside them, and a wrong line shows."""

import dataclasses

import numpy as np
import pytest

from compare.book.numbers import twins
from compare.book.numbers.numbers import autograd_of, drawn_for, numbers_of
from compare.book.numbers.optimizer_numbers import optimizer_numbers
from compare.checks import derivations
from compare.layers.labs import LABS
from compare.layers.source import DERIVED, HOUSE, module_of, path_of, read
from compare.layers.table import LAYERS
from reference import softmax

NUMBERED = [stem for stem in DERIVED if stem not in LABS]  # what a lab measures is in its log
LEAST = {"adamw": 11, "attention": 25, "block": 20, "cross_entropy": 2, "dropout": 2,
         "embedding": 3, "flash_attention": 4, "fused_adamw": 8, "gpt": 39, "gelu": 2,
         "layer_norm": 4, "linear": 4, "mlp": 12, "softmax": 3, "rms_norm": 3, "rope": 3,
         "swiglu": 11, "grouped_attention": 18, "llama_block": 17,
         "llama": 29}  # twins of each stem


@pytest.fixture(scope="module")
def numbers():
    """The numbers of every derivation that has code, by stem and tag."""
    return {stem: numbers_of(stem) for stem in NUMBERED}


def off(found):
    """Return the tags, in order, whose numbers are not torch's."""
    return [tag for tag, ones in found.items()
            if not all(one.twin is None or one.difference <= allowed(one.twin) for one in ones)]


def allowed(twin):
    return 1e-12 * max(1, np.abs(twin[np.isfinite(twin)]).max())


@pytest.mark.parametrize("stem", NUMBERED)
def test_every_tag_has_numbers_and_each_a_twin_or_a_reason(numbers, stem):
    assert list(numbers[stem]) == [tag.name for tag in derivations.tags_of(stem)]
    for tag, ones in numbers[stem].items():
        assert ones, tag
        for one in ones:
            assert one.tag == tag and one.value.dtype.kind == "f" and one.value.size <= 64
            assert (one.twin is None) == bool(one.why) and bool(one.why) != bool(one.expression)
            assert one.twin is None or one.twin.shape == one.value.shape
            assert one.before is None or np.shape(one.before) == one.value.shape


@pytest.mark.parametrize("stem", NUMBERED)
def test_the_twins_agree_and_are_not_fewer_than_there_were(numbers, stem):
    assert off(numbers[stem]) == []
    found = [one for ones in numbers[stem].values() for one in ones if one.twin is not None]
    assert len(found) >= LEAST.get(stem, 1)
    zeros = {one.name for one in found if np.abs(one.twin).max() < 1e-6}
    assert zeros <= {"decay.bias"}  # a wrong gradient of about zero would not show


def planted(monkeypatch, stem, function, right, wrong):
    """Put a function with another line in its place, as if it stood so in the file."""
    text, module = read(path_of(stem)), module_of(stem)
    assert text.count(right) == 1
    names = dict(vars(module))
    exec(compile(text.replace(right, wrong), str(HOUSE / path_of(stem)), "exec"), names)
    monkeypatch.setattr(module, function, names[function])


@pytest.mark.parametrize("stem, function, right, wrong, tags", [
    ("softmax", "forward", "e / row_sum(e)", "e / e.sum()", ["SM-4"]),
    ("layer_norm", "forward", "np.sqrt(variance + eps)", "np.sqrt(variance)", ["LN-2", "LN-4"]),
    ("layer_norm", "backward", "dxhat - row_mean(dxhat)", "dxhat", ["LN-8"]),
    ("embedding", "backward", "np.add.at(dtoken, tokens, dy)", "dtoken[tokens] += dy", ["EMB-2"]),
    ("cross_entropy", "backward", "int(counted.sum())", "counted.size", ["CE-6"]),
    ("dropout", "backward", "dy * keep", "dy", ["DROP-2"]),
    ("attention", "backward", "dscores / math.sqrt(q.shape[-1])", "dscores", ["ATT-17"]),
    ("flash_attention", "backward", "dq[:, :, rows] += ", "dq[:, :, rows] = ", ["FA-15"]),
    ("block", "backward", "dr = dy + dr_branch", "dr = dr_branch", ["BLK-7"]),
    ("gpt", "backward", "dtable += dhead", "dtable += 0", ["LM-12"]),
    ("adamw", "update", "m / (1 - beta1**t)", "m", ["AW-6"]),
    ("adamw", "learning_rate", "lr * (step + 1) / (warmup + 1)", "lr", ["AW-6", "AW-9"]),
    ("adamw", "learning_rate", "1 + math.cos(math.pi * progress)", "2", ["AW-6", "AW-10"]),
    ("adamw", "clip_scale", "min(1.0, max_norm / (norm + 1e-6))", "1.0", ["AW-1", "AW-2"]),
])
def test_a_wrong_line_shows_at_its_tag(monkeypatch, stem, function, right, wrong, tags):
    planted(monkeypatch, stem, function, right, wrong)
    assert off(numbers_of(stem))[:len(tags)] == tags


def test_a_wrong_backward_shows_in_the_layer_that_calls_it(monkeypatch):
    right = softmax.backward
    monkeypatch.setattr(softmax, "backward", lambda dy, cache: 1.001 * right(dy, cache))
    assert off(numbers_of("attention"))[0] == "ATT-15"


def test_a_wrong_torch_shows_too(monkeypatch):
    gelu = LAYERS["gelu"].module(None, None).__class__
    right = gelu.forward
    monkeypatch.setattr(gelu, "forward", lambda self, x: right(self, 1.001 * x))
    assert off(numbers_of("gelu")) == ["GELU-3", "GELU-6"]
    assert off(numbers_of("mlp"))[0] == "MLP-2"


def test_a_name_that_several_have_is_no_twin_unless_the_table_says_which(monkeypatch):
    assert numbers_of("gpt")["LM-8"][0].expression == "x.grad (x of LM-3, time 2)"
    monkeypatch.delitem(twins.TWINS, "LM-8 dx")
    found = numbers_of("gpt")["LM-8"][0]
    assert found.name == "dx" and found.twin is None and found.why == twins.NO_NAME


def test_a_twin_is_called_as_in_torchs_code(numbers):
    def names(stem, tag):
        return [one.expression for one in numbers[stem][tag]]

    assert names("attention", "ATT-8") == ["the result"]
    assert names("attention", "ATT-15") == ["(input of self.softmax).grad"]
    assert names("mlp", "MLP-6") == ["a.grad", "down.weight.grad", "down.bias.grad"]
    assert names("gpt", "LM-3") == ["x of LM-3", "x of LM-3, time 2"]
    assert names("adamw", "AW-1") == ["state[weight]['exp_avg']", "state[bias]['exp_avg']"]


def test_why_there_is_no_twin(numbers):
    def why(stem, tag):
        return [one.why for one in numbers[stem][tag]]

    assert why("softmax", "SM-2") == ["F.softmax makes this inside of one call"]
    assert why("layer_norm", "LN-7") == ["NativeLayerNormBackward0 makes this inside of one call"]
    assert why("block", "BLK-6") == ["a part of r.grad; BLK-7 has the whole", "", ""]
    assert why("gpt", "LM-7") == ["a part of embedding.token.weight.grad; LM-12 has the whole"]
    assert why("flash_attention", "FA-12")[-2:] == ["a part of v.grad; the line runs again", ""]
    assert why("attention", "ATT-16") == ["torch's code keeps no name for it"]
    assert why("adamw", "AW-8") == ["nn.utils.clip_grad_norm_ makes this inside of one call"]


def test_a_line_in_place_has_the_array_before_it(numbers):
    one, = numbers["cross_entropy"]["CE-6"]
    changed = (one.before != one.value).sum(-1)  # in each row at its target, in the ignored none
    assert set(changed.flat) == {0, 1}
    first, *_, last = numbers["flash_attention"]["FA-8"]
    assert np.isnan(first.before).all() and np.isnan(first.value).any()
    assert np.isfinite(last.value).all()
    assert all(one.before is not None for one in numbers["embedding"]["EMB-2"])


def test_the_examples_show_what_their_lines_are_for(numbers):
    assert len(numbers["flash_attention"]["FA-7"]) > 2  # more than one tile
    assert np.isneginf(numbers["softmax"]["SM-1"][0].value).any()
    assert (numbers["dropout"]["DROP-1"][0].value == 0).any()
    assert len(numbers["gpt"]["LM-3"]) == 2
    assert numbers["mlp"]["MLP-1"][0].value.shape == (1, 3, 8)  # narrow enough for a page
    assert numbers["adamw"]["AW-7"][0].value > 1 > numbers["adamw"]["AW-8"][0].value
    assert numbers["adamw"]["AW-9"][0].value != numbers["adamw"]["AW-10"][0].value


def test_a_layer_whose_examples_miss_a_tag_is_named():
    layer = dataclasses.replace(LAYERS["softmax"], draw=lambda rng, n: dataclasses.replace(
        LAYERS["softmax"].draw(rng, n), constants={"mask": None}))
    with pytest.raises(ValueError, match="softmax has no example .* reaches SM-1; allowed: a row"):
        drawn_for(layer)


def test_what_autograd_recorded():
    found = autograd_of("mlp")
    assert found.lines[1] == (("MLP-2",), "a", "GeluBackward0")
    assert found.walk.count("AddmmBackward0") == 2 and "GeluBackward0" in found.walk
    assert found.walk[0] == "DivBackward0"  # the last step first
    assert not any("AccumulateGrad" in name for name in found.walk)
    assert {("x.grad", "MLP-8"), ("down.weight.grad", "MLP-6")} <= set(found.gradients)
    assert autograd_of("layer_norm").walk == ["NativeLayerNormBackward0"]


def test_what_has_no_layer_has_no_autograd_and_the_primer_no_numbers():
    assert numbers_of("backprop") == {}
    assert not any(autograd_of("adamw")) and not any(autograd_of("backprop"))


def test_a_layer_without_a_row_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="^decode has a derivation and no numbers; allowed: a row in .* or fused_adamw$"):
        optimizer_numbers("decode")
