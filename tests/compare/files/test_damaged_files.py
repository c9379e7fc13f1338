"""Files of every kind, damaged a thousand times: one sentence, soon, in little memory."""

import json
import time
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import settings

from compare.__main__ import main
from compare.files import checkpoint, gguf, llama, llama_gguf, packing, weight_files
from compare.text import gpt2_files, published
from compare.text.bpe import train_bpe
from damage import broken, resealed
from gguf_form import gguf_bytes
from gpt2_form import write_gpt2
from llama_form import gguf_llama, hugging_face
from published_form import json_form, metadata_form, small
from reference.llama import Config
from reference.tools import tree
from strategies import same

COUNT = 1000 if settings.default.max_examples > 1000 else 100  # of each kind of file
ARRAYS = {f"h.{i}.weight": np.random.default_rng(i).standard_normal((3, i)).astype("f4")
          for i in range(4)} | {"b": np.arange(20.0), "h": np.float16([1, 2])}
LLAMA = Config(5, 8, n_layer=1, n_head=2, n_kv_head=1, n_embd=32, n_hidden=32, tied=True)
SUMMED = {"checkpoint.npz", "stored.npz", "deflated.npz", "a.pt"}  # carry a sum of what they hold


def write_checkpoint(path):
    (path.parent / "own.txt").write_text("to be or not to be, that is the question.\n" * 9)
    sizes = "--block-size 4 --n-layer 1 --n-head 1 --n-embd 2 --warmup 0 --steps 1 --threads 1"
    words = f"train --with numpy --text {path.parent / 'own.txt'} --out {path.parent} {sizes}"
    assert main(words.split()) == 0


def write_ours(path):
    weight_files.write_weights(path, ARRAYS)


def write_torch(path):
    torch.save({"model": {name: torch.tensor(a) for name, a in ARRAYS.items()}, "step": 1}, path,
               _use_new_zipfile_serialization=path.suffix == ".pt")


def write_tokenizer(path):
    write_gpt2(path.parent, train_bpe("low lower lowest " * 3, 9))


def write_packed(path):
    path.write_bytes(gguf_bytes({"general.name": "small", "many": np.float32([1, 2, 3])}, [
        ("a", (3, 2), "F32", bytes(24)), ("b", (32, 2), "Q8_0", bytes(68)),
        ("c", (2,), "BF16", bytes(4))]))


def read_packed(path):
    return {name: tensor.floats() for name, tensor in gguf.read(path)[1].items()}


def write_index(path):
    weight_files.write_weights(path.parent / "one.safetensors", ARRAYS)
    path.write_text(json.dumps({"weight_map": dict.fromkeys(ARRAYS, "one.safetensors")}))


def read_llama(path):
    config, tensors, _ = llama_gguf.read_llama(path)
    return dict(tree.walk(llama_gguf.floats_of(config, tensors)))


def write_fields(path):
    path.write_text(json.dumps(hugging_face(LLAMA)))


def read_fields(path):
    fields = gpt2_files.read_json("model", path, "a config.json", 2**16)
    return vars(llama.config_of_fields(fields))


KINDS = {  # name: how it is written, how it is read
    "checkpoint.npz": (write_checkpoint, lambda path: packing.pack(checkpoint.load(path))),
    "stored.npz": (lambda path: np.savez(path, **ARRAYS), weight_files.read_weights),
    "deflated.npz": (lambda path: np.savez_compressed(path, **ARRAYS), weight_files.read_weights),
    "a.safetensors": (write_ours, weight_files.read_weights),
    "a.pt": (write_torch, weight_files.read_weights),
    "a.bin": (write_torch, weight_files.read_weights),
    "encoder.json": (write_tokenizer, lambda path: gpt2_files.load_gpt2(path.parent)),
    "vocab.bpe": (write_tokenizer, lambda path: gpt2_files.load_gpt2(path.parent)),
    "a.safetensors.index.json": (write_index, weight_files.read_weights),
    "a.gguf": (write_packed, read_packed),
    "vocab.gguf": (lambda path: path.write_bytes(gguf_bytes(metadata_form(small()))),
                   lambda path: published.of_metadata(gguf.read(path)[0])),
    "llama.gguf": (lambda path: gguf_llama(LLAMA, path), read_llama),
    "config.json": (write_fields, read_fields),
    "tokenizer.json": (lambda path: path.write_text(json.dumps(json_form(small()))),
                       published.load_json),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_file_is_one_sentence_soon_and_in_little_memory(name, tmp_path):
    path, (write, read) = tmp_path / name, KINDS[name]
    write(path)
    whole, truth, refusals = path.read_bytes(), read(path), 0
    tracemalloc.start()
    try:
        # test_checkpoint.py damages a checkpoint at each byte
        for seed in range(COUNT // 5 if name == "checkpoint.npz" else COUNT):
            damage = [broken, resealed][seed % 2]
            path.write_bytes(damage(whole, np.random.default_rng(seed)))
            tracemalloc.reset_peak()
            begun, held = time.process_time(), tracemalloc.get_traced_memory()[0]
            try:
                found = read(path)
            except ValueError as error:
                assert "; allowed: " in str(error) and str(error).isprintable(), (seed, error)
                assert len(str(error)) < 700, (seed, error)
                refusals += 1
            else:
                assert damage is resealed or name not in SUMMED or same(found, truth), seed
            assert time.process_time() - begun < 2, seed  # of the processor: no load lengthens it
            assert tracemalloc.get_traced_memory()[1] - held < 10**7 + path.stat().st_size, seed
    finally:
        tracemalloc.stop()
    assert refusals > seed / 3


@pytest.mark.parametrize("name", ["encoder.json", "vocab.bpe"])
def test_a_tokenizer_file_longer_than_any_is_refused_unread(name, tmp_path):
    write_tokenizer(tmp_path / name)
    (tmp_path / name).write_text("[" + "{}," * 10**7)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="more than 2097152 characters, .*; allowed: a UTF-8"):
            gpt2_files.load_gpt2(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()
