"""GGUF files: what each type packs, what the metadata says, and what is refused."""

import math
import struct
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.files import gguf
from gguf_form import gguf_bytes
from strategies import seeds

BLOCK = {"F32": 4, "F16": 2, "BF16": 2, "Q4_0": 18, "Q4_1": 20, "Q8_0": 34}  # bytes


def read_bytes(data):
    """What a file of these bytes holds, its arrays copied: the file is gone by then."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder, "a.gguf")
        path.write_bytes(data)
        metadata, tensors = gguf.read(path)
        return ({key: np.array(value) if isinstance(value, np.ndarray) else value
                 for key, value in metadata.items()},
                {name: t._replace(packed=np.array(t.packed)) for name, t in tensors.items()})


def half(body):
    return struct.unpack("<e", body)[0]


def block_by_hand(body, kind):
    """The weights of one block, a byte at a time, in Python's own numbers."""
    if kind == "F32":
        return [struct.unpack("<f", body)[0]]
    if kind == "F16":
        return [half(body)]
    if kind == "BF16":
        return [struct.unpack("<f", b"\0\0" + body)[0]]
    if kind == "Q8_0":
        return [half(body[:2]) * code for code in struct.unpack("<32b", body[2:])]
    d, m, codes = ((half(body[:2]), half(body[2:4]), body[4:]) if kind == "Q4_1" else
                   (half(body[:2]), -8 * half(body[:2]), body[2:]))
    return [d * (byte % 16) + m for byte in codes] + [d * (byte // 16) + m for byte in codes]


def blocks(rng, kind, count):
    """The bytes of blocks of random weights, all of them finite and of about 1."""
    if BLOCK[kind] < 5:
        return [rng.standard_normal(1).astype("<f4").tobytes()[4 - BLOCK[kind]:] if kind != "F16"
                else rng.standard_normal(1).astype("<f2").tobytes() for _ in range(count)]
    scales = BLOCK[kind] % 16 // 2  # d, and of Q4_1 m
    return [rng.standard_normal(scales).astype("<f2").tobytes()
            + rng.bytes(BLOCK[kind] - 2 * scales) for _ in range(count)]


@pytest.mark.parametrize("kind", BLOCK)
@given(seed=seeds, rows=st.integers(1, 3), count=st.integers(1, 3), version=st.sampled_from([2, 3]))
def test_each_type_is_what_its_blocks_say(kind, seed, rows, count, version):
    made = blocks(np.random.default_rng(seed), kind, rows * count)
    width = count * len(block_by_hand(made[0], kind))
    data = gguf_bytes({}, [("w", (width, rows), kind, b"".join(made))], version=version)
    tensor = read_bytes(data)[1]["w"]
    assert tensor[:3] == ("w", (rows, width), kind)
    assert tensor.packed.shape == (rows, count * BLOCK[kind])
    found, truth = tensor.floats(), [w for body in made for w in block_by_hand(body, kind)]
    assert found.dtype == np.float32 and type(found) is np.ndarray
    np.testing.assert_allclose(found, np.reshape(truth, (rows, width)), rtol=1e-6, atol=1e-6)


METADATA = {"a.text": "caf\u00e9", "a.none": "", "a.texts": ["\u0120t", "", "x"], "a.empty": [],
            "a.yes": np.True_, "a.bools": [np.True_, np.False_], "a.int": np.int32(-5),
            "a.many": [np.int32(i) for i in range(-3, 3)], "a.half": np.float64(0.5),
            "a.floats": [np.float32(1.5), np.float32(-2)], "a.byte": np.uint8(255),
            "a.short": np.int16(-2**15), "a.big": np.uint64(2**64 - 1), "a.small": np.int64(-2**63)}


@given(st.permutations([*METADATA]), st.sampled_from([2, 3]))
def test_metadata_of_every_kind_comes_back(keys, version):
    found, tensors = read_bytes(gguf_bytes({key: METADATA[key] for key in keys}, version=version))
    assert list(found) == list(keys) and tensors == {}
    for key, value in found.items():
        truth = METADATA[key]
        if isinstance(value, np.ndarray):
            assert value.dtype == truth[0].dtype and value.tolist() == [x.item() for x in truth]
        else:
            truth = truth.item() if isinstance(truth, np.generic) else truth
            assert type(value) is type(truth) and value == truth


@pytest.mark.parametrize("alignment", [None, 8, 32, 256])
def test_tensors_lie_at_multiples_of_the_alignment_which_is_32_where_none_is_named(alignment):
    named = {} if alignment is None else {"general.alignment": np.uint32(alignment)}
    a, b = np.float32([1, 2, 3]), np.float16([[4], [5]])
    data = gguf_bytes(named, [("a", (3,), "F32", a.tobytes()), ("b", (1, 2), "F16", b.tobytes())],
                      alignment=alignment or 32)
    for padding in b"", bytes((alignment or 32) - len(b.tobytes()) % (alignment or 32) - 1):
        tensors = read_bytes(data + padding)[1]
        np.testing.assert_array_equal(tensors["a"].floats(), a)
        np.testing.assert_array_equal(tensors["b"].floats(), b)


def test_dimensions_come_in_reverse():
    a = np.arange(24, dtype="f4").reshape(2, 3, 4)
    tensor = read_bytes(gguf_bytes({}, [("a", (4, 3, 2), "F32", a.tobytes())]))[1]["a"]
    np.testing.assert_array_equal(tensor.floats(), a)


def test_weights_stay_in_the_file_until_they_are_asked_for(tmp_path):
    (tmp_path / "a.gguf").write_bytes(gguf_bytes({}, [("a", (2**17, 16), "F32", bytes(2**23))]))
    tracemalloc.start()
    try:
        tensor = gguf.read(tmp_path / "a.gguf")[1]["a"]
        assert tensor.packed[3].any() == 0 and tracemalloc.get_traced_memory()[1] < 2**20
        assert tensor.floats().nbytes == 2**23 < tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert not tensor.packed.flags.writeable
    del tensor  # lets go of the file, which Windows deletes only then


# the order of the rows of queries and keys

def turned(a, t, pairs, base=100.0):
    """One head's query or key (D,) at a position, its pairs of channels turned one by one."""
    y = np.array(a)
    for i, (one, other) in enumerate(pairs):
        angle = t * base ** (-2 * i / len(a))
        y[one] = a[one] * math.cos(angle) - a[other] * math.sin(angle)
        y[other] = a[one] * math.sin(angle) + a[other] * math.cos(angle)
    return y


@given(seeds, st.integers(1, 3), st.integers(1, 4), st.integers(0, 50), st.integers(0, 50))
def test_scores_of_halves_are_those_of_interleaved_pairs(seed, heads, half_of_d, t, u):
    rng, d = np.random.default_rng(seed), 2 * half_of_d
    w_q, w_k, x, z = (rng.standard_normal(n) for n in ((heads * d, 5), (heads * d, 5), 5, 5))
    interleaved = [(2 * i, 2 * i + 1) for i in range(half_of_d)]
    halves = [(i, i + half_of_d) for i in range(half_of_d)]
    ours_q, ours_k = (gguf.from_interleaved(w, heads) for w in (w_q, w_k))
    for h in range(heads):
        head = slice(h * d, (h + 1) * d)
        theirs = turned(w_q[head] @ x, t, interleaved) @ turned(w_k[head] @ z, u, interleaved)
        ours = turned(ours_q[head] @ x, t, halves) @ turned(ours_k[head] @ z, u, halves)
        assert math.isclose(ours, theirs, rel_tol=1e-12, abs_tol=1e-12)


@pytest.mark.parametrize("kind", BLOCK)
def test_packed_rows_move_as_their_weights_do(kind):
    made = blocks(np.random.default_rng(0), kind, 12)
    packed = np.frombuffer(b"".join(made), np.uint8).reshape(12, -1)
    moved = gguf.unpacked(gguf.from_interleaved(packed, 3), kind)
    np.testing.assert_array_equal(moved, gguf.from_interleaved(gguf.unpacked(packed, kind), 3))
    assert not np.array_equal(moved, gguf.unpacked(packed, kind))


def test_rows_that_are_no_pairs_of_every_head_are_refused():
    with pytest.raises(ValueError, match="rows is 6; allowed: a multiple of 2 heads = 4"):
        gguf.from_interleaved(np.zeros((6, 1)), 2)


# files made to hurt

def one(dims=(4,), kind="F32", body=bytes(16), **more):
    return gguf_bytes({}, [("w", dims, kind, body)], **more)


def entry(kind, body, key=b"\1\0\0\0\0\0\0\0k"):
    """A file of one key and a value of any bytes."""
    return (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + key + struct.pack("<I", kind) + body).ljust(96)


MOST = 2**64 - 1
HOSTILE = {
    "empty": (b"", "can't be read"),
    "magic": (gguf_bytes(head=b"GGML"), "begins with b'GGML'"),
    "version 1": (gguf_bytes(version=1), "the version 1"),
    "version 4": (gguf_bytes(version=4), "the version 4"),
    "big-endian": (gguf_bytes(version=3 << 24), "the version 50331648"),
    "many tensors": (gguf_bytes(head=b"GGUF" + struct.pack("<IQ", 3, MOST)), f"counts {MOST}"),
    "many keys": (gguf_bytes(head=b"GGUF" + struct.pack("<IQQ", 3, 0, MOST)), f"counts {MOST}"),
    "more tensors": (gguf_bytes(head=b"GGUF" + struct.pack("<IQ", 3, 9)), "bytes after the first"),
    "long key": (entry(4, b"", struct.pack("<Q", MOST)), f"declares {MOST} bytes after the fir"),
    "long text": (entry(8, struct.pack("<Q", MOST)), f"declares {MOST} bytes"),
    "long array": (entry(9, struct.pack("<IQ", 12, MOST)), f"declares {8 * MOST} bytes"),
    "many texts": (entry(9, struct.pack("<IQ", 8, MOST)), f"arrays of {MOST} texts"),
    "some texts": (entry(9, struct.pack("<IQ", 8, 2**20)), "declares"),
    "nested": (entry(9, struct.pack("<IQIQ", 9, 1, 9, 1)), "holds arrays in an array"),
    "kind": (entry(13, bytes(8)), "holds the kind 13"),
    "kinds": (entry(9, struct.pack("<IQ", 99, 1)), "holds the kind 99"),
    "neither": (entry(7, b"\2"), "a truth value of 2"),
    "latin": (entry(8, struct.pack("<Q", 1) + b"\xff"), "UnicodeDecodeError"),
    "twice": (gguf_bytes({}, 2 * [("w", (4,), "F32", bytes(16))]), "holds a name twice"),
    "no axes": (one(dims=()), "holds 'w' of 0 dimensions"),
    "axes": (one(dims=(1,) * 5), "holds 'w' of 5 dimensions"),
    "huge": (one(dims=(2**63, 2**63, 2**63)), "places 'w' of shape (9223372036854775808,"),
    "beyond": (one(dims=(5,)), "at 0 of 16 bytes, where 0 is next"),
    "far": (one(offsets=[MOST]), f"at {MOST} of 16 bytes"),
    "hole": (one(offsets=[32], body=bytes(64)), "at 32 of 64 bytes, where 0 is next"),
    "overlap": (gguf_bytes({}, [(name, (8,), "F32", bytes(32)) for name in "ab"], offsets=[0, 0]),
                "places 'b' of shape (8,) at 0 of 64 bytes, where 32 is next"),
    "rest": (one(body=bytes(48)), "has 32 bytes that no tensor accounts for"),
    "rows": (one(dims=(33, 2), kind="Q8_0"),
             "of the shape (2, 33), whose rows are no whole blocks of 32"),
    "no weights": (one(dims=(4, 0), body=b""), "of the shape (0, 4), whose rows are"),
    "alignment 0": (gguf_bytes({"general.alignment": np.uint32(0)}), "has the alignment 0"),
    "alignment 12": (gguf_bytes({"general.alignment": np.uint32(12)}), "has the alignment 12"),
    "alignment text": (gguf_bytes({"general.alignment": "32"}), "has the alignment '32'"),
    "far start": (gguf_bytes({"general.alignment": np.uint64(2**63)},
                             [("w", (4,), "F32", bytes(16))]), "at 0 of 0 bytes"),
    "Q4_K": (one(kind=12), "holds 'w' in the type Q4_K"),
    "I64": (one(kind=27), "holds 'w' in the type I64"),
    "retired": (one(kind=4), "holds 'w' in the type 4"),
    "unknown": (one(kind=2**32 - 1), "holds 'w' in the type 4294967295"),
    "name": (gguf_bytes({}, [("\n\x1b[2J" * 30, (4,), 4, bytes(16))]), r"holds '\n\x1b[2J"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_made_to_hurt_is_one_sentence_in_little_memory(name, tmp_path):
    data, words = HOSTILE[name]
    path = tmp_path / "a.gguf"
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError) as caught:
            gguf.read(path)
        assert tracemalloc.get_traced_memory()[1] < 2**21
    finally:
        tracemalloc.stop()
    sentence = str(caught.value)
    assert words in sentence and sentence.isprintable() and len(sentence) < 500
    assert sentence.startswith(f"weights is {path}, which ")
    assert sentence.endswith("; allowed: a whole little-endian GGUF file of version 2 or 3, with "
                             "weights in F32, F16, BF16, Q4_0, Q4_1, Q8_0")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    for path in tmp_path, tmp_path / "none.gguf":
        with pytest.raises(ValueError, match="which is not a file; allowed: a whole"):
            gguf.read(path)
