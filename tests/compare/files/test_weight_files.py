"""Files of weights: what is written is read, what is damaged or made to hurt is refused."""

import io
import json
import os
import pickle
import subprocess
import sys
import tempfile
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from compare.files import weight_files
from damage import archived
from strategies import same, seeds



def write_anew(path, arrays):
    """Write a file of weights, over one that is there."""
    with open(path, "wb") as file:
        weight_files.WRITERS[path.suffix](file, {name: np.asarray(a) for name, a in arrays.items()})


def write_shards(path, arrays):
    """Write arrays into two .safetensors files, and the index of both."""
    files = {name: f"model-0000{1 + i % 2}-of-00002.safetensors" for i, name in enumerate(arrays)}
    for file in {*files.values()}:
        write_anew(path.parent / file,
                   {name: a for name, a in arrays.items() if files[name] == file})
    path.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": files}))


ARRAYS = {"w": np.arange(6.0).reshape(2, 3), "half": np.float16([1, 2]), "single": np.float32(3),
          "none": np.zeros((0, 2)), "mask": np.tri(2, dtype=bool)}
WRITERS = {
    "stored.npz": lambda path, arrays: np.savez(path, **arrays),
    "deflated.npz": lambda path, arrays: np.savez_compressed(path, **arrays),
    "a.safetensors": write_anew,
    "a.pt": lambda path, arrays: torch.save(tensors(arrays), path),
    "nested.pth": lambda path, arrays: torch.save({"model": tensors(arrays), "step": 3}, path),
    "old.bin": lambda path, arrays: torch.save({"state_dict": tensors(arrays)}, path,
                                               _use_new_zipfile_serialization=False),
    "model.safetensors.index.json": write_shards,
    "ours.npz": write_anew,
    "ours.pt": write_anew,
}


def tensors(arrays):
    return {name: torch.tensor(a) for name, a in arrays.items()}


@pytest.mark.parametrize("name", WRITERS)
def test_what_is_written_is_read(name, tmp_path):
    arrays = {key: np.asarray(a) for key, a in ARRAYS.items()}
    for some in arrays, {f"h.{i}.bias": np.full(i, float(i)) for i in range(30)}:
        WRITERS[name](tmp_path / name, some)
        assert same(weight_files.read_weights(tmp_path / name), some)
    np.savez(tmp_path / "b.npz", a=np.asfortranarray(ARRAYS["w"]), b=ARRAYS["w"].astype(">f4"))
    for a in weight_files.read_weights(tmp_path / "b.npz").values():
        np.testing.assert_array_equal(a, ARRAYS["w"])


@pytest.mark.parametrize("name", ["a.pt", "old.bin"])
def test_views_of_a_storage_are_what_torch_has(name, tmp_path):
    a = torch.arange(12.0).reshape(3, 4)
    views = {"a": a, "transposed": a.T, "tied": a, "part": a[1:, ::2], "row": a[2], "one": a[1, 1],
             "spread": a[:1].expand(3, 4), "none": a[:0], "parameter": torch.nn.Parameter(a),
             "half": a.bfloat16(), "number": torch.tensor(1.5).bfloat16(), "long": torch.arange(3)}
    more = {"optimizer": {"state": {0: torch.ones(2)}, "lr": 3e-4, "betas": (0.9, 0.95)},
            "config": [None, True, -7, 2**40, "word", torch.float32, torch.Size([1])]}
    torch.save({"model": views} | more, tmp_path / name,
               _use_new_zipfile_serialization=name == "a.pt")
    found = weight_files.read_weights(tmp_path / name)
    assert same(found, {key: view.detach().float().numpy() if view.dtype == torch.bfloat16
                        else view.detach().numpy() for key, view in views.items()})


@pytest.mark.parametrize("name", ["stored.npz", "deflated.npz", "a.pt"])
def test_no_flipped_bit_changes_what_a_file_with_sums_holds(name, tmp_path):
    WRITERS[name](tmp_path / name, ARRAYS)
    whole = (tmp_path / name).read_bytes()
    truth, refusals = weight_files.read_weights(tmp_path / name), 0
    for place in range(0, len(whole), 7):
        (tmp_path / name).write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1:])
        if refused(tmp_path / name):
            refusals += 1
        else:
            assert same(weight_files.read_weights(tmp_path / name), truth), place
    assert refusals > len(whole) / 7 / 4


@given(st.lists(st.floats(width=32, allow_nan=False), max_size=9))
def test_bfloat16_is_the_upper_half_of_float32(values):
    truth = torch.tensor(values, dtype=torch.bfloat16)
    body = truth.view(torch.uint16).numpy().tobytes()
    entry = {"dtype": "BF16", "shape": [len(values)], "data_offsets": [0, len(body)]}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.safetensors")
        path.write_bytes(safetensors({"__metadata__": {"format": "pt"}, "a": entry}, body))
        np.testing.assert_array_equal(weight_files.read_weights(path)["a"], truth.float().numpy())


def refused(path):
    """The sentence that refuses a file, or None if it was read."""
    try:
        arrays = weight_files.read_weights(path)
    except ValueError as error:
        assert str(error).startswith(f"weights is {path}, which ") and "; allowed: " in str(error)
        assert str(error).isprintable() and len(str(error)) < 400
        return str(error)
    assert all(isinstance(a, np.ndarray) for a in arrays.values())
    return None


@pytest.mark.parametrize("name", WRITERS)
def test_a_damaged_file_is_refused_or_read_but_breaks_nothing(name, tmp_path):
    WRITERS[name](tmp_path / name, ARRAYS)
    whole = (tmp_path / name).read_bytes()
    for cut in range(0, len(whole), 1 + len(whole) // 20):
        (tmp_path / name).write_bytes(whole[:cut])
        assert refused(tmp_path / name)

    @given(seeds)
    def damage(seed):
        rng = np.random.default_rng(seed)
        for _ in range(6):  # bytes changed, put in, or lost
            place, gone, new = rng.integers(len(whole)), rng.integers(4), rng.integers(4)
            (tmp_path / name).write_bytes(whole[:place] + rng.bytes(new) + whole[place + gone:])
            refused(tmp_path / name)

    damage()


def test_a_dtype_without_a_code_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="a has dtype int64; allowed: float64, float32"):
        weight_files.write_weights(tmp_path / "a.safetensors", {"a": np.arange(3)})
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("change, words", [
    (lambda files: files | {"h": "../h.safetensors"}, "'../h.safetensors', which is no"),
    (lambda files: files | {"h": "/etc/h.safetensors"}, "'/etc/h.safetensors', which is no"),
    (lambda files: files | {"h": "h.npz"}, "'h.npz', which is no .safetensors file beside it"),
    (lambda files: files | {"h": "h.safetensors"}, "names 'h.safetensors', which is no"),
    (lambda files: files | {"h": 3}, "can't be read (TypeError)"),
    (lambda files: files | {"h": "cut.safetensors"}, "cut.safetensors, which declares a header"),
    (lambda files: files | {"h": files["w"]}, "which has other arrays than the index says"),
    (lambda files: {"w": files["w"]}, "which has other arrays than the index says"),
    (lambda files: [files], "can't be read (AttributeError)"),
    (lambda files: files | {"h" * 2**20: "x"}, "has more than 1048576 bytes, too many for"),
])
def test_an_index_that_does_not_fit_its_files_is_refused(change, words, tmp_path):
    path = tmp_path / "model" / "model.safetensors.index.json"
    path.parent.mkdir()
    write_shards(path, {name: np.asarray(a) for name, a in ARRAYS.items()})
    write_anew(tmp_path / "h.safetensors", {"h": np.ones(1)})  # a whole file, in another folder
    (path.parent / "h.npz").write_bytes(b"")
    (path.parent / "cut.safetensors").write_bytes(b"cut")
    files = json.loads(path.read_text())["weight_map"]
    path.write_text(json.dumps({"weight_map": change(files)}))
    assert words in refused(path)


def safetensors(header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def entry(shape, offsets, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def npz(*members, compression=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for i, data in enumerate(members):  # a and a.npy are one name
            archive.writestr("a" + ".npy" * i, data)
    return file.getvalue()


def npy(shape, body=b"", descr="<f8"):
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + body


def torch_file(values, zipped=True):
    file = io.BytesIO()
    torch.save(values, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def pickled(steps):
    return archived([("a/data.pkl", b"\x80\x02" + steps + b".")])


class Calls:
    """Asks whoever unpickles it to call a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def viewed(offset, shape, strides):
    return Calls(torch._utils._rebuild_tensor_v2, torch.ones(2)._typed_storage(), offset, shape,
                 strides, False, {})


MARK = Path(tempfile.gettempdir(), f"weight-files-test-{os.getpid()}")
EVIL = Calls(os.mkdir, str(MARK))
HOSTILE = {
    "huge.safetensors": (safetensors({"a": entry([10**12], [0, 4])}, b"1234"), "1000000000000"),
    "far.safetensors": (safetensors({"a": entry([10**12], [0, 4 * 10**12])}), "of 0 bytes"),
    "negative.safetensors": (safetensors({"a": entry([-1, -1], [0, 4])}, b"1234"), "[-1, -1]"),
    "true.safetensors": (safetensors({"a": entry([True], [0, 4])}, b"1234"), "True"),
    "broken.safetensors": (safetensors({"a": entry([1], [0.0, 4.0])}, b"1234"), "4.0 bytes"),
    "text.safetensors": (safetensors({"a": entry("", [0, 4])}, b"1234"), "shape ''"),
    "nines.safetensors": (safetensors({"a": entry([9] * 300_000, [0, 4])}, b"1234"), "[9, 9, 9"),
    "digits.safetensors": (safetensors(b'{"a": ' + b"9" * 10**6 + b"}"), "can't be read"),
    "overlap.safetensors": (safetensors({n: entry([1], [0, 4]) for n in "ab"}, b"1234"), "'b'"),
    "hole.safetensors": (safetensors({"a": entry([1], [4, 8])}, b"12345678"), "places 'a'"),
    "rest.safetensors": (safetensors({"a": entry([1], [0, 4])}, b"12345"), "has 1 bytes"),
    "twice.safetensors": (safetensors(b'{"a": 1, "a": 1}'), "a name twice"),
    "kind.safetensors": (safetensors({"a": entry([1], [0, 8], "I64")}, b"12345678"), "'I64'"),
    "deep.safetensors": (safetensors(b"[" * 10**6), "RecursionError"),
    "latin.safetensors": (safetensors(b'{"\xff": 1}'), "UnicodeDecodeError"),
    "list.safetensors": (safetensors([]), "can't be read"),
    "header.safetensors": (b"\xff" * 8, "a header of 18446744073709551615 bytes"),
    "long.safetensors": (safetensors(b" " * 2**21), "a header of 2097152 bytes"),
    "empty.safetensors": (b"", "a header of 0 bytes"),
    "huge.npz": (npz(npy((10**12,))), "1000000000000"),
    "negative.npz": (npz(npy((-1, -1), bytes(8))), "shape (-1, -1)"),
    "twice.npz": (npz(npy((1,), bytes(8)), npy((1,), bytes(8))), "a name twice"),
    "rest.npz": (npz(npy((1,), bytes(99999))), "in 99999 bytes"),
    "bomb.npz": (npz(npy((10**6,), bytes(8 * 10**6))), "too many"),
    "deep.npz": (npz(npy("(" * 5000)), "can't be read"),
    "nines.npz": (npz(npy((9,) * 9000)), "(9, 9, 9"),
    "members.npz": (archived((f"{i}.npy", b"") for i in range(2**14 + 1)), "has 16385 members"),
    "directory.npz": (archived((f"{i}.npy", b"") for i in range(2**16 - 1)), "has a part of"),
    "kind.npz": (npz(npy((1,), bytes(8), "<U2")), "dtype"),
    "bzip.npz": (npz(npy((1,), bytes(8)), compression=zipfile.ZIP_BZIP2), "is compressed in"),
    "pickle.npz": (npz(npy((1,), pickle.dumps(EVIL), "|O")), "of dtype '|O'"),
    "pickle.pt": (torch_file({"a": EVIL}), f"builds '{os.name}.mkdir'"),
    "pickle.bin": (pickle.dumps({"a": EVIL}, 2), f"builds '{os.name}.mkdir'"),
    "huge.pt": (torch_file({"a": torch.zeros(1).expand(10**12)}), "declares 4000000000000 bytes"),
    "bytes.pt": (torch_file({"a": Calls(bytearray, 10**9)}), "bytearray"),
    "tensor.pt": (torch_file({"a": Calls(torch.Tensor, 10**9)}), "Tensor"),
    "deflated.pt": (npz(b"only torch.save's own zip archives store"), "is compressed in"),
    "bare.bin": (b"\x80\x02}.", "can't be read"),
    "number.pt": (torch_file({"step": 3}), "'step', which is not a tensor"),
    "steps.pt": (pickled(b"]" * 2**18), "takes more than 131072 steps"),
    "long.pt": (pickled(b"]" * 2**21), "has not one data.pkl of at most"),
    "steps.bin": (b"\x80\x02" + b"]" * 2**22 + b".", "takes more than 131072 steps"),
    # what would take time or memory out of all proportion, if it were done
    "copies.pt": (pickled(b"ccollections\nOrderedDict\nq\0]\x85q\1" + b"h\0h\1R" * 9000), "calls"),
    "laughs.pt": (pickled(b"K\1q\0" + b"h\0h\0h\0\x87q\0" * 9000 + b"}h\0h\0s"), "no arrays by"),
    "bytes.bin": (b"\x80\x02\x96" + b"\xff" * 7 + b"\x7f", "can't be read"),
    "short.bin": (torch_file({"a": torch.ones(9)}, zipped=False)[:-1], "declares the storage"),
    "rest.bin": (torch_file({"a": torch.ones(9)}, zipped=False) + b"1", "that no array accounts"),
    "big.pt": (archived([("a/data.pkl", b"N."), ("a/byteorder", b"big")]), "a big-endian machine"),
    "back.pt": (torch_file({"a": viewed(0, (1,), (-1,))}), "of no possible shape"),
    "axes.pt": (torch_file({"a": viewed(0, (1,) * 99, (1,) * 99)}), "of no possible shape"),
    "beyond.pt": (torch_file({"a": viewed(1, (2,), (1,))}), "beyond the bytes of its storage"),
    "list.pt": (torch_file([torch.ones(1)]), "holds no arrays by name"),
    "empty.pt": (b"", "can't be read"),
    "a.txt": (b"", "has the suffix '.txt'"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_made_to_hurt_is_refused_in_little_memory(name, tmp_path, recwarn):
    data, words = HOSTILE[name]
    (tmp_path / name).write_bytes(data)
    tracemalloc.start()
    try:
        sentence = refused(tmp_path / name)
        assert tracemalloc.get_traced_memory()[1] < 2**23 + 4 * len(data)  # arrays are traced too
    finally:
        tracemalloc.stop()
    assert words in sentence and not MARK.exists() and not recwarn.list


def test_a_file_that_is_not_there_is_refused(tmp_path):
    for path in tmp_path, tmp_path / "none.npz":
        assert "which is not a file" in refused(path)


def test_torchs_own_files_are_read_where_torch_is_not_installed(tmp_path):
    for name in "a.pt", "nested.pth", "old.bin":
        WRITERS[name](tmp_path / name, ARRAYS)
    words = ("import sys; sys.modules['torch'] = None; from compare.files import weight_files\n"
             "for path in sys.argv[1:]: print(*weight_files.read_weights(path))")
    done = subprocess.run([sys.executable, "-c", words, *sorted(tmp_path.iterdir())], text=True,
                          capture_output=True, cwd=Path(__file__).parents[3])
    assert done.stdout == 3 * f"{' '.join(ARRAYS)}\n", done.stderr
