"""Checkpoints: training goes on exactly, on either side; no kill, full disk or bad file hurts."""

import concurrent.futures
import dataclasses
import errno
import io
import itertools
import json
import os
import pickle
import random
import subprocess
import sys
import tempfile
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reference.train
import torch_impl.gpt
import torch_impl.train
from compare.files import checkpoint, packing, untrusted
from compare.layers import weights
from compare.layers.models import model_of
from compare.layers.params import shapes
from compare.text import corpus, tokenizers
from compare.training import lockstep
from compare.files.checkpoint import Checkpoint
from reference import adamw, gpt, llama
from reference.tools import tree
from reference.train import Schedule
from strategies import configs, llama_configs, same, seeds

THOROUGH = settings.default.max_examples > 1000


def drawn(config, rng, dtype="f8"):
    """Parameters whose every number is drawn."""
    return tree.map(lambda a: rng.standard_normal(a.shape).astype(dtype),
                    model_of(config).numpy.init(config, rng))


def example(config=gpt.Config(4, 1, 1, 1, 1), seed=0, step=7, dtype="f8"):
    rng = np.random.default_rng(seed)
    params, m, v = (drawn(config, rng, dtype) for _ in range(3))
    v = tree.map(np.square, v)
    letters = "".join(map(chr, range(97, 97 + config.vocab_size)))
    return Checkpoint(config, Schedule(lr=1 / 3), params, adamw.State(step, m, v),
                      {"batches": rng.bit_generator.state, "masks": rng.bit_generator.state},
                      tokenizers.CharTokenizer(letters).to_dict(),
                      run(np.dtype(dtype), seed=seed), log_of(rng, step))


def log_of(rng, step):
    """A log of up to three entries, and the sum of some losses after them."""
    steps = sorted({int(n) for n in rng.integers(1, step + 1, 3)} if step else ())
    entries = [packing.Entry(n, *rng.random(4).tolist()) for n in steps]
    entries = [entry._replace(valid=None) if i % 2 else entry for i, entry in enumerate(entries)]
    stats = [packing.Stat(n, 0, *rng.random(3).tolist()) for n in steps]
    return packing.Log(tuple(entries), rng.random(), 3, tuple(stats))


def run(dtype, **values):
    return {"batch_size": 4, "seed": 0, "dtype": str(dtype), "text": "caf\u00e9.txt",
            "digest": "0" * 64} | values


def arrays_of(kept):
    return dict(tree.walk((kept.params, kept.state.m, kept.state.v)))


def equal(one, other):
    """Whether two checkpoints are the same to the last bit."""
    def rest(kept):
        return kept._replace(params=None, state=kept.state.step)
    return same(arrays_of(one), arrays_of(other)) and rest(one) == rest(other)


models = st.one_of(configs(), llama_configs())


@given(models, seeds, st.integers(0, 2**53), st.sampled_from(["f4", "f8"]))
def test_what_is_saved_is_loaded(config, seed, step, dtype):
    with tempfile.TemporaryDirectory() as folder:
        path, kept = Path(folder, "run.npz"), example(config, seed, step, dtype)
        checkpoint.save(path, kept)
        assert equal(checkpoint.load(path, config), kept)
        assert os.listdir(folder) == ["run.npz"]
        found = arrays_of(checkpoint.load(path))
        assert all(a.flags.writeable for a in found.values())
        with np.load(path, allow_pickle=False) as archive:  # and so for whoever reads it without us
            wanted = packing.pack(kept) | {"checksum": checkpoint.checksum(packing.pack(kept))}
            assert {name: archive[name].tobytes() for name in archive} == {
                name: a.tobytes() for name, a in wanted.items()}


@given(models)
def test_the_shapes_are_those_of_init(config):
    params = model_of(config).numpy.init(config, np.random.default_rng(0))
    assert list(shapes(config)) == [(name, a.shape) for name, a in tree.walk(params)]


def test_an_older_checkpoint_without_a_log_is_loaded(tmp_path):
    kept = example()
    made = packing.pack(kept)
    told = json.loads(made["about"].tobytes())
    del made["log"], made["stats"], told["pending"], told["schedule"]["decay_steps"]
    made["about"] = np.frombuffer(json.dumps(told).encode(), np.uint8)
    np.savez(tmp_path / "run.npz", checksum=checkpoint.checksum(made), **made)
    assert equal(checkpoint.load(tmp_path / "run.npz"), kept._replace(log=packing.Log()))


def test_a_file_holds_as_many_blocks_as_a_model_may_have():
    counts = [len(packing.pack(example(gpt.Config(1, 1, n_layer, 1, 1)))) for n_layer in (1, 2)]
    most = counts[0] + (packing.BLOCKS - 1) * (counts[1] - counts[0])
    assert most + len(["checksum"]) <= untrusted.MEMBERS


def test_a_tied_llama_is_no_untied_one(tmp_path):
    config = llama.Config(4, 1, 1, 2, 1, 4, 3, tied=True)
    checkpoint.save(tmp_path / "run.npz", example(config))
    assert checkpoint.load(tmp_path / "run.npz", config).params.head == ()
    other = dataclasses.replace(config, tied=False)
    with pytest.raises(ValueError, match="has another configuration, tied = True, not False"):
        checkpoint.load(tmp_path / "run.npz", other)


def test_the_one_before_is_kept(tmp_path):
    path = tmp_path / "run.npz"
    for step in range(4):
        checkpoint.save(path, example(step=step))
    assert checkpoint.load(path).state.step == 3
    assert checkpoint.load(checkpoint.previous(path)).state.step == 2
    assert sorted(os.listdir(tmp_path)) == ["run.npz", "run.previous.npz"]


# training goes on

CONFIG = gpt.Config(vocab_size=20, block_size=8, n_layer=2, n_head=2, n_embd=8, dropout=0.1)
SCHEDULE = Schedule(steps=20, lr=1e-2, min_lr=1e-3, warmup=5)


def batches(generators):
    """Batches of a text with something to learn, and masks of dropout."""
    ids = np.cumsum(np.random.default_rng(0).integers(1, 3, 2000)) % CONFIG.vocab_size
    for tokens, targets in corpus.batches(ids, block_size=8, batch_size=4, rng=generators["batches"]):
        yield tokens, targets, gpt.draw_keep(generators["masks"], *tokens.shape, CONFIG)


class NumPySide:
    """NumPy's training from a checkpoint on."""

    def __init__(self, kept):
        self.kept = kept
        self.generators = {name: packing.as_generator(state)
                           for name, state in kept.generators.items()}

    def train(self, count):
        """Make some steps and return their losses."""
        _, schedule, params, state, *_ = self.kept
        losses = []
        for step in itertools.islice(reference.train.train(
                params, batches(self.generators), config=CONFIG, schedule=schedule, state=state,
                loss_and_grad=gpt.loss_and_grad),
                count):
            losses.append(step.loss)
        self.kept = self.kept._replace(params=step.params, state=step.state)
        return losses

    def checkpoint(self):
        return self.kept._replace(generators={
            name: rng.bit_generator.state for name, rng in self.generators.items()})


class TorchSide(NumPySide):
    """Torch's, likewise."""

    def train(self, count):
        config, schedule, params, state, *_ = self.kept
        model = weights.load_into(torch_impl.gpt.GPT(**vars(config)), params).train()
        optimizer = torch_impl.train.optimizer_of(model, schedule)
        weights.set_state(optimizer, model, state)
        losses = [step.loss for step in itertools.islice(torch_impl.train.train(
            model, lockstep.as_torch(batches(self.generators)), schedule=schedule,
            optimizer=optimizer, start=state.step), count)]
        self.kept = self.kept._replace(params=weights.params_of(model, CONFIG),
                                       state=weights.state_of(optimizer, model, CONFIG))
        return losses


def start(dtype):
    rng = np.random.default_rng(1)
    params = gpt.init(CONFIG, rng, np.dtype(dtype))
    states = {name: np.random.default_rng([1, i]).bit_generator.state
              for i, name in enumerate(["batches", "masks"])}
    return Checkpoint(CONFIG, SCHEDULE, params, adamw.init(params), states,
                      tokenizers.CharTokenizer("abc").to_dict(), run(np.dtype(dtype)))


def resumed(first, second, dtype, path, steps=(10, 10)):
    """Losses of two sides that train one after the other, with a file between them."""
    one = first(start(dtype))
    losses = one.train(steps[0])
    checkpoint.save(path, one.checkpoint())
    two = second(checkpoint.load(path, CONFIG))
    return losses + two.train(steps[1]), two.checkpoint()


@pytest.mark.parametrize("steps", [(10, 10), (1, 19)])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("side", [NumPySide, TorchSide])
def test_a_run_goes_on_to_the_last_bit(side, dtype, steps, tmp_path):
    whole = side(start(dtype))
    losses = whole.train(99)  # the schedule ends it
    found, end = resumed(side, side, dtype, tmp_path / "run.npz", steps)
    assert found == losses and len(losses) == 20 and losses[-1] < losses[0]
    assert equal(end, whole.checkpoint()) and end.state.step == 20


@pytest.mark.parametrize("first, second", [(NumPySide, TorchSide), (TorchSide, NumPySide)])
def test_a_run_goes_on_on_the_other_side(first, second, tmp_path):
    whole = NumPySide(start("f8"))
    losses = whole.train(20)
    found, end = resumed(first, second, "f8", tmp_path / "run.npz")
    np.testing.assert_allclose(found, losses, rtol=0, atol=1e-12)
    assert end.generators == whole.checkpoint().generators
    truth = arrays_of(whole.checkpoint())
    for name, a in arrays_of(end).items():
        np.testing.assert_allclose(a, truth[name], rtol=0, atol=1e-10)


def test_torchs_state_comes_back():
    model = torch_impl.gpt.GPT(**vars(CONFIG))
    optimizer = torch_impl.train.optimizer_of(model, SCHEDULE)
    fresh = weights.state_of(optimizer, model, CONFIG)
    assert fresh.step == 0 and not optimizer.state
    assert not any(a.any() for part in fresh[1:] for a in tree.leaves(part))
    kept = example(CONFIG, dtype="f4")
    weights.set_state(optimizer, model, kept.state)
    back = weights.state_of(optimizer, model, CONFIG)
    assert equal(kept, kept._replace(state=back))
    assert not any(np.shares_memory(a, p.numpy()) for a in tree.leaves(kept.state.m)
                   for p in (state["exp_avg"] for state in optimizer.state.values()))
    optimizer.state[next(model.parameters())]["step"] += 1
    with pytest.raises(ValueError, match=r"has the steps \[7, 8\]; allowed: one for all"):
        weights.state_of(optimizer, model, CONFIG)


# what fails while saving

def test_a_folder_that_cannot_be_written_is_said_in_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder.npz").mkdir()
    for path in (tmp_path / "file" / "run.npz", tmp_path / "none" / "run.npz",
                 tmp_path / "folder.npz"):
        with pytest.raises(checkpoint.NotSaved) as error:
            checkpoint.save(path, example())
        assert str(error.value).startswith(f"checkpoint is {path}, which can't be written (")
        assert "allowed: a folder with room" in str(error.value)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.npz"]


@pytest.mark.parametrize("call", ["fsync 1", "replace 1", "replace 2"])
def test_a_call_that_fails_leaves_what_was_saved(call, tmp_path, monkeypatch):
    path, (name, number) = tmp_path / "run.npz", call.split()
    checkpoint.save(path, example(step=1))
    calls, real = itertools.count(1), getattr(os, name)

    def fails(*arguments):
        if next(calls) == int(number):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(os, name, fails)
        with pytest.raises(checkpoint.NotSaved, match="No space left on device"):
            checkpoint.save(path, example(step=2))
    assert len(os.listdir(tmp_path)) == 1
    assert equal(checkpoint.load(checkpoint.latest(path)), example(step=1))
    checkpoint.save(path, example(step=3))
    assert checkpoint.load(checkpoint.latest(path)).state.step == 3


@pytest.mark.parametrize("room", [0, 100, 5000, 15000])
def test_a_full_disk_leaves_what_was_saved(room, tmp_path):
    resource = pytest.importorskip("resource", reason="Windows limits no file's size")
    path, (_, most) = tmp_path / "run.npz", resource.getrlimit(resource.RLIMIT_FSIZE)
    checkpoint.save(path, example(step=1))
    assert path.stat().st_size > room
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, most))
    try:
        with pytest.raises(checkpoint.NotSaved, match="File too large"):
            checkpoint.save(path, example(step=2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert os.listdir(tmp_path) == ["run.npz"]
    assert equal(checkpoint.load(path), example(step=1))


@pytest.mark.parametrize("wrong, words", [
    ({"config": gpt.Config(4, 2, 1, 1, 1)}, "holds 'm/embedding.position.weight' with the shape"),
    ({"params": example(dtype="f4").params}, "not all float32 or all float64"),
    ({"run": run("float64", seed=float("nan"))}, "Out of range float"),
    ({"generators": example().generators | {"masks": 624}}, "holds a wrong generators"),
    ({"state": example().state._replace(step=-1)}, "holds a wrong step"),
    ({"tokenizer": {"kind": "bytes"}}, "a tokenizer of more tokens than the model knows"),
])
def test_what_load_would_refuse_is_not_saved(wrong, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        checkpoint.save(tmp_path / "run.npz", example()._replace(**wrong))
    assert not os.listdir(tmp_path)


SAVES = """
import sys
sys.modules["torch"] = None  # importing it would now fail
from compare.files import checkpoint
from reference.tools import tree
path = sys.argv[1]
kept = checkpoint.load(checkpoint.latest(path))
while True:
    print(kept.state.step, flush=True)  # it is safe
    params = tree.map(lambda a: a + 1, kept.params)
    kept = kept._replace(params=params, state=kept.state._replace(step=kept.state.step + 1))
    checkpoint.save(path, kept)
"""


def killed(path, saves, moment):
    """Kill a process that saves in a loop, some time after so many saves; return the last it told."""
    process = subprocess.Popen([sys.executable, "-c", SAVES, path], stdout=subprocess.PIPE,
                               cwd=Path(__file__).parents[3])
    told = b"".join(process.stdout.readline() for _ in range(1 + saves))
    time.sleep(moment)
    process.kill()
    told += process.communicate()[0]
    return int(told[: told.rindex(b"\n")].split()[-1])


def test_a_kill_at_any_moment_loses_nothing(tmp_path):
    def chain(seed):
        """Kill six processes, each going on from what the one before left."""
        rng, path, first = random.Random(seed), tmp_path / f"{seed}.npz", example()
        checkpoint.save(path, first)
        for kills in range(1, 7):
            told = killed(path, saves=1, moment=rng.uniform(0, 0.02))
            kept = checkpoint.load(checkpoint.latest(path))
            assert told <= kept.state.step <= told + 1 and kept.state.step >= first.state.step + kills
            wanted = tree.map(lambda a: a + 0, first.params)
            for _ in range(kept.state.step - first.state.step):
                wanted = tree.map(lambda a: a + 1, wanted)
            assert equal(kept, first._replace(
                params=wanted, state=first.state._replace(step=kept.state.step)))

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(chain, range(2)))


def test_a_kill_between_the_renamings_leaves_the_one_before(tmp_path):
    path = tmp_path / "run.npz"
    assert checkpoint.latest(path) == path
    checkpoint.save(path, example())
    assert checkpoint.latest(path) == path
    path.rename(checkpoint.previous(path))
    assert equal(checkpoint.load(checkpoint.latest(path)), example())
    with pytest.raises(ValueError, match="which is not a file; allowed: a whole one of version 1, "
                       "as training saves it; .*run.previous.npz is whole: rename it to run.npz"):
        checkpoint.load(path)
    checkpoint.save(path, example(step=8))
    assert checkpoint.load(path).state.step == 8


# what is wrong with a file

def refused(path, config=None):
    """The sentence that refuses a file, or None if it is the example."""
    try:
        found = checkpoint.load(path, config)
    except ValueError as error:
        assert str(error).startswith(f"checkpoint is {path}, which ") and "; allowed: " in str(error)
        assert str(error).isprintable() and len(str(error)) < 500
        return str(error)
    assert equal(found, example())
    return None


def damages(whole):
    """Damaged versions of a file: bytes changed, the end lost, bytes put in or taken out."""
    rng = np.random.default_rng(0)
    for place in range(0, len(whole), 1 if THOROUGH else 13):
        changed = bytearray(whole)
        changed[place] ^= rng.integers(1, 256)
        yield changed
    for place in range(0, len(whole), 1 if THOROUGH else 151):
        yield whole[:place]
        yield whole[:place] + rng.bytes(rng.integers(1, 9)) + whole[place:]
        yield whole[:place] + whole[place + rng.integers(1, 9):]


def test_a_damaged_file_is_refused_or_the_same(tmp_path):
    path = tmp_path / "run.npz"
    checkpoint.save(path, example())
    found = []
    for damaged in damages(path.read_bytes()):
        path.write_bytes(damaged)
        found.append(refused(path))  # it holds what is not refused against the example
    assert len(found) >= 1000
    # what is not refused is damage to what a zip file says of itself twice, or only in passing
    assert found.count(None) <= len(found) / 5


def test_members_that_changed_places_are_refused(tmp_path):
    path, arrays = tmp_path / "run.npz", packing.pack(example())
    checksum = checkpoint.checksum(arrays)
    for one, other in itertools.combinations([name for name in arrays if "norm_1" in name], 2):
        swapped = arrays | {one: arrays[other], other: arrays[one]}
        np.savez(path, checksum=checksum, **swapped)
        assert "its checksum does not fit" in refused(path)


def test_the_sentence_names_the_one_before_only_if_it_is_whole(tmp_path):
    path = tmp_path / "run.npz"
    checkpoint.save(path, example())
    checkpoint.save(path, example())
    path.write_bytes(b"")
    hint = f"; {checkpoint.previous(path)} is whole: rename it to run.npz to go on from there"
    assert refused(path).endswith(hint) and hint not in refused(path, gpt.Config(4, 1, 1, 1, 2))
    checkpoint.previous(path).write_bytes(b"")
    assert "is whole" not in refused(path)


def test_another_configuration_is_refused_by_its_fields(tmp_path):
    checkpoint.save(tmp_path / "run.npz", example())
    assert refused(tmp_path / "run.npz", gpt.Config(4, 1, 1, 1, 1)) is None
    assert "which has another configuration, block_size = 1, not 3, n_embd = 1, not 2; " in refused(
        tmp_path / "run.npz", gpt.Config(4, 3, 1, 1, 2))


def about(text=None, **changes):
    """The example's arrays with other values in what describes it, or another text."""
    arrays = packing.pack(example())
    told = json.loads(arrays["about"].tobytes()) | changes
    text = json.dumps(told).encode() if text is None else text
    return arrays | {"about": np.frombuffer(text, np.uint8)}


def sized(**sizes):
    return about(config=vars(example().config) | sizes)


def scheduled(**values):
    return about(schedule=vars(example().schedule) | values)


def drawing(**values):
    states = example().generators
    return about(generators=states | {"masks": states["masks"] | values})


def running(**values):
    return about(run=example().run | values)


def logged(*rows):
    return arrays(log=np.array(rows, float))


def arrays(**changes):
    return packing.pack(example()) | {name.replace("__", "/"): a for name, a in changes.items()}


def archive(*members, compression=zipfile.ZIP_STORED):
    """A zip file of (name, bytes)."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as made:
        for name, data in members:
            made.writestr(name, data)
    return file.getvalue()


def npy(shape, body=b"", descr="<f8"):
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + body


def overlapping():
    """A zip file whose directory names one member a thousand times."""
    one = archive(("a.npy", npy((2**17,), bytes(2**20))))
    place = one.rindex(b"PK\x01\x02")
    entry, end = one[place : one.rindex(b"PK\x05\x06")], one[one.rindex(b"PK\x05\x06"):]
    entries = b"".join(entry.replace(b"a.npy", b"%05d" % i) for i in range(1000))
    return one[:place] + entries + (end[:8] + (1000).to_bytes(2, "little") * 2
                                    + len(entries).to_bytes(4, "little") + end[16:])


class Evil:
    """Asks whoever unpickles it to make a folder."""

    def __reduce__(self):
        return os.mkdir, (str(MARK),)


MARK = Path(tempfile.gettempdir(), f"checkpoint-test-{os.getpid()}")
ONE = np.ones(1)
HOSTILE = {  # bytes of a file, or arrays that get a checksum that fits
    "empty": (b"", "BadZipFile"),
    "no arrays": ({}, "KeyError"),
    "weights": (archive(("a.npy", npy((1,), bytes(8)))), "its checksum does not fit"),
    "another format": (about(format="GPT"), "is no checkpoint"),
    "a list": (about(b"[]"), "is no checkpoint"),
    "version 99": (about(version=99), "has the version 99"),
    "no version": (about(version=None), "has the version None"),
    "not JSON": (about(b"{"), "JSONDecodeError"),
    "not UTF-8": (about(b'{"\xff": 1}'), "UnicodeDecodeError"),
    "NaN": (running(seed=float("nan")), "the number NaN"),
    "Infinity": (scheduled(lr=float("inf")), "the number Infinity"),
    "a name twice": (about(b'{"run": 1, "run": 1}'), "a name twice"),
    "deep": (about(b"[" * 10**6), "RecursionError"),
    "long": (about(b" " * (2**21 + 1)), "describes itself in 2097153 numbers of uint8"),
    "a long number": (about(b'{"version": ' + b"9" * 10**6 + b"}"), "can't be read"),
    "about in floats": (arrays(about=np.ones(9)), "describes itself in 9 numbers of float64"),
    "wide": (sized(n_embd=10**9), "with the shape (1,), not (1000000000,)"),
    "many blocks": (sized(n_layer=10**9), "holds 48 arrays for 1000000000 blocks"),
    "more blocks than can be said": (sized(n_layer=10**4000), "holds 48 arrays for 1000"),
    "no block": (sized(n_layer=0), "n_layer is 0; allowed"),
    "half a block": (sized(n_layer=0.5), "holds a wrong config ("),
    "a word of blocks": (sized(n_layer="1"), "holds a wrong config ("),
    "a size of another model": (sized(n_kv_head=1), "holds a wrong config ("),
    "no configuration": (about(config=None), "holds a wrong config ("),
    "less than a configuration": (about(config={}), "holds a wrong config ("),
    "a rate below 0": (scheduled(lr=-1.0), "lr is -1.0; allowed"),
    "a rate beyond floats": (scheduled(lr=10**400), "holds a wrong schedule ("),
    "a rate that floats round up": (
        about(packing.pack(example())["about"].tobytes().replace(b'"lr":0.3', b'"lr":9e999')),
        "lr is inf; allowed: from 0 up, a finite number"),
    "half a step to make": (scheduled(steps=1.5), "holds a wrong schedule ("),
    "half a step in the log": (about(step=0.5), "holds a wrong step ("),
    "a step back": (about(step=-1), "holds a wrong step ("),
    "too many steps": (about(step=2**54), "holds a wrong step ("),
    "a step that is true": (about(step=True), "holds a wrong step ("),
    "another generator": (drawing(bit_generator="MT19937"), "holds a wrong generators ("),
    "a long state": (drawing(state={"state": 2**128, "inc": 1}), "holds a wrong generators ("),
    "a state below 0": (drawing(state={"state": -1, "inc": 1}), "holds a wrong generators ("),
    "no state": (drawing(state={}), "holds a wrong generators ("),
    "a word as a state": (drawing(uinteger="1"), "holds a wrong generators ("),
    "no generators": (about(generators={}), "they are []; allowed: "),
    "one generator": (about(generators={"masks": example().generators["masks"]}), "they are"),
    "a third generator": (about(generators=example().generators | {"a": None}), "they are"),
    "generators in a list": (about(generators=[]), "holds a wrong generators ("),
    "another tokenizer": (about(tokenizer={"kind": "words"}), "holds a wrong tokenizer ("),
    "too many tokens": (about(tokenizer={"kind": "bytes"}), "more tokens than the model knows"),
    "a run in a number": (about(run=1), "holds a wrong run ("),
    "a run in a list": (about(run=sorted(example().run)), "holds a wrong run ("),
    "no run": (about(run={}), "it has []; allowed: batch_size, accumulate"),
    "more than a run": (running(more=1), "it has ["),
    "a word of sequences": (running(batch_size="x"), "batch_size is 'x'; allowed: an integer from"),
    "no sequences": (running(batch_size=0), "batch_size is 0; allowed: an integer from 1 to "),
    "too many sequences": (running(batch_size=10**30), "allowed: an integer from 1 to 1048576"),
    "a true sequence": (running(batch_size=True), "batch_size is True; allowed: "),
    "a seed below 0": (running(seed=-1), "seed is -1; allowed: an integer from 0 up"),
    "a dtype in a list": (running(dtype=["float64"]), "allowed: float32 or float64"),
    "another dtype": (running(dtype="float32"), "arrays of another dtype than its run has"),
    "a text in a list": (running(text=[1]), "text is [1]; allowed: a path, a list of paths, or null"),
    "a digest in a number": (running(digest=1), "digest is 1; allowed: a word"),
    "another side": (running(**{"with": "jax"}), "with is 'jax'; allowed: numpy or torch"),
    "no threads": (running(threads=0), "threads is 0; allowed: an integer from 1 to 4096"),
    "too many threads": (running(threads=10**9), "allowed: an integer from 1 to 4096"),
    "too many steps to make": (scheduled(steps=10**30), "steps is 1000000000"),
    "too long a rise": (scheduled(warmup=10**400), "warmup is 1000000000"),
    "an array too many": (arrays(more=ONE), "holds 'more' with the shape (1,), not None"),
    "a way out": ({**arrays(), "../evil": ONE}, "holds '../evil' with the shape (1,), not None"),
    "a way to the root": ({**arrays(), "/evil": ONE}, "holds '/evil' with the shape"),
    "one number too many": (arrays(m__norm__bias=ONE), "holds 'm/norm/bias' with the shape"),
    "one that is too long": ({**arrays(), "m/norm.bias": np.ones(2)}, "with the shape (2,), not (1,)"),
    "a number that is none": ({**arrays(), "m/norm.bias": np.full(1, np.nan)}, "is not finite"),
    "an endless weight": ({**arrays(), "params/norm.bias": np.full(1, np.inf)}, "is not finite"),
    "a mean of squares below 0": ({**arrays(), "v/norm.bias": np.full(1, -1e-9)}, "below 0, a mean"),
    "a log of words": ({**arrays(), "log": np.ones(5, "f4")}, "holds a log of float32 with the shape"),
    "a flat log": ({**arrays(), "log": np.ones(5)}, "holds a log of float64 with the shape (5,)"),
    "a log that goes back": (logged([2, 1, 1, 1, 1], [2, 1, 1, 1, 1]), "other than rising steps"),
    "a log ahead": (logged([8, 1, 1, 1, 1]), "holds a log of other than rising steps"),
    "half a step": (logged([1.5, 1, 1, 1, 1]), "holds a log of other than rising steps"),
    "a loss that is none": (logged([1, np.nan, 1, 1, 1]), "holds a log of other than rising steps"),
    "a loss below 0": (logged([1, -1, 1, 1, 1]), "holds a log of other than rising steps"),
    "an endless validation": (logged([1, 1, np.inf, 1, 1]), "holds a log of other than rising steps"),
    "stats of words": (arrays(stats=np.ones((1, 5), "f4")), "holds a stats of float32"),
    "stats of a layer too many": (arrays(stats=np.array([[1, 3, 1, 1, 1.0]])), "holds stats of other"),
    "stats ahead": (arrays(stats=np.array([[8, 0, 1, 1, 1.0]])), "holds stats of other than steps"),
    "endless stats": (arrays(stats=np.array([[1, 0, 1, 1, np.inf]])), "holds stats of other than"),
    "a pending word": (about(pending=["1", 1]), "holds a wrong pending ("),
    "three pending": (about(pending=[1.0, 1, 1]), "holds a wrong pending ("),
    "a pending sum below 0": (about(pending=[-1.0, 1]), "allowed: a sum and a count from 0 up"),
    "integers": ({**arrays(), "m/norm.bias": np.ones(1, "u1")}, "not all float32 or all float64"),
    "halves": ({**arrays(), "m/norm.bias": np.ones(1, "f2")}, "not all float32 or all float64"),
    "swapped bytes": ({**arrays(), "m/norm.bias": np.ones(1, ">f8")}, "not all float32"),
    "complex": ({**arrays(), "m/norm.bias": np.ones(1, "c16")}, "of dtype"),
    "huge": (archive(("a.npy", npy((10**12,)))), "the shape"),
    "negative": (archive(("a.npy", npy((-1, -1), bytes(8)))), "shape (-1, -1)"),
    "deep header": (archive(("a.npy", npy("(" * 5000))), "can't be read"),
    "bomb": (archive(("a.npy", npy((10**6,), bytes(8 * 10**6))),
                     compression=zipfile.ZIP_DEFLATED), "is compressed in another way"),
    "overlapping": (overlapping(), "declares 1048656000 bytes of arrays"[:10]),
    "twice": (archive(("a.npy", npy((1,), bytes(8))), ("a", npy((1,), bytes(8)))), "a name twice"),
    "pickle": (archive(("a.npy", npy((1,), pickle.dumps(Evil()), "|O"))), "of dtype"),
    "objects": ({**arrays(), "m/norm.bias": np.array([Evil()])}, "of dtype"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_made_to_hurt_is_refused_in_little_memory(name, tmp_path, recwarn):
    made, words = HOSTILE[name]
    path = tmp_path / "run.npz"
    if isinstance(made, bytes):
        path.write_bytes(made)
    else:
        np.savez(path, checksum=checkpoint.checksum(made), **made)
    tracemalloc.start()
    try:
        sentence = refused(path)
        assert tracemalloc.get_traced_memory()[1] < 2**22 + 4 * path.stat().st_size
    finally:
        tracemalloc.stop()
    assert sentence and words in sentence and not MARK.exists() and not recwarn.list
    assert os.listdir(tmp_path) == ["run.npz"]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False,
                    allow_infinity=False) | st.text(), lambda inner: st.lists(inner)
                    | st.dictionaries(st.text(), inner), max_leaves=5), st.data())
def test_any_value_anywhere_is_refused_or_taken(value, data):
    told = json.loads(packing.pack(example())["about"].tobytes())
    place = told
    while isinstance(place, dict) and place:  # a random way down
        parent, key = place, data.draw(st.sampled_from(sorted(place)))
        place = place[key] if data.draw(st.booleans()) else None
    parent[key] = value
    made = packing.pack(example()) | {"about": np.frombuffer(json.dumps(told).encode(), np.uint8)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.npz")
        np.savez(path, checksum=checkpoint.checksum(made), **made)
        try:
            found = checkpoint.load(path)
        except ValueError as error:
            assert str(error).startswith("checkpoint is ") and str(error).isprintable()
        else:
            checkpoint.save(path, found)
            assert equal(checkpoint.load(path), found)
