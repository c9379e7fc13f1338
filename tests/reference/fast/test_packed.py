"""Products with packed weights are those of the numbers that their codes stand for."""

import tracemalloc
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference.fast import packed
from reference.fast.packed import Packed
from strategies import seeds

KINDS = {"Q4_1": (16, "u1"), "Q4_0": (16, "u1"), "Q8_0": (32, "i1"), "F16": (7, "f2"),
         "BF16": (7, "u2")}  # what codes[g] has: its length and type
CODE = {  # of a weight in its group, from the codes of one row
    "nibbles": lambda codes, i: int(codes[i]) % 16 if i < 16 else int(codes[i - 16]) // 16,
    "u2": lambda codes, i: float((codes[i:i + 1].astype("u4") * 65536).view("f4")[0]),
    "one": lambda codes, i: float(codes[i])}


def draw(kind, seed, O, G):
    """Packed weights, and the d, q and m of each one by itself, (O, I) of Python's numbers."""
    rng, (size, dtype) = np.random.default_rng(seed), KINDS[kind]
    G = G if kind[0] == "Q" else 1
    codes = rng.standard_normal((G, size, O)).astype("f4")
    codes = {"u2": lambda: (codes.view("u4") >> 16).astype("u2"), "f2": lambda: codes.astype("f2"),
             }.get(dtype, lambda: rng.integers(0, 256, codes.shape, "u1").view(dtype))()
    scale = rng.standard_normal((G, O)).astype("f4") if kind[0] == "Q" else None
    least = rng.standard_normal((G, O)).astype("f4") if kind[:2] == "Q4" else None
    code = CODE["nibbles" if dtype == "u1" else dtype if dtype == "u2" else "one"]
    n = 32 if kind[0] == "Q" else size  # weights of a group

    def each(of):
        return np.array([[of(*divmod(i, n), o) for i in range(G * n)] for o in range(O)], float)
    return (Packed(codes, scale, least),
            each(lambda g, i, o: 1 if scale is None else scale[g, o]),
            each(lambda g, i, o: code(codes[g, :, o], i)),
            each(lambda g, i, o: 0 if least is None else least[g, o]))


@pytest.mark.parametrize("kind", KINDS)
@given(seed=seeds, O=st.integers(1, 5), G=st.integers(1, 3), piece=st.integers(1, 400))
def test_a_product_is_the_sum_over_all_weights(kind, seed, O, G, piece):
    weight, d, q, m = draw(kind, seed, O, G)
    x = np.random.default_rng(seed).standard_normal(d.shape[1]).astype("f4")
    with mock.patch.object(packed, "PIECE", piece):
        y = weight @ x
    truth, largest = (d * q + m) @ x, np.maximum(abs(q), 16 if kind[:2] == "Q4" else 0)
    assert y.dtype == np.float32 and y.shape == truth.shape
    # each product and each sum, of I and then of d and m, is rounded once; a byte is two codes
    size = (abs(d) * largest + abs(m)) @ abs(x)
    assert (abs(y - truth) <= (len(x) + 6) * 2.0**-24 * size).all()


@pytest.mark.parametrize("kind", KINDS)
@given(seed=seeds, O=st.integers(1, 5), G=st.integers(1, 3))
def test_rows_are_those_of_the_whole_weight(kind, seed, O, G):
    weight, d, q, m = draw(kind, seed, O, G)
    truth = (d.astype("f4") * q.astype("f4") + m.astype("f4"))
    assert weight.shape == truth.shape
    some = np.random.default_rng(seed).integers(0, O, 4)
    for found, rows in [(weight.floats(), slice(None)), (weight[O - 1], O - 1), (weight[some], some),
                        (weight[:2].floats(), slice(2)), (weight[-1:].floats(), slice(-1, None))]:
        np.testing.assert_array_equal(found, truth[rows])


def test_no_more_than_a_piece_is_unpacked_at_one_time():
    weight, *_ = draw("Q4_1", 0, 1, 1)
    weight = Packed(*(np.tile(a, (64, *[1] * (a.ndim - 2), 512)) for a in weight[:].__dict__.values()))
    x = np.ones(weight.shape[1], "f4")                       # (2048,), of a weight of 4 MB as floats
    with mock.patch.object(packed, "PIECE", 2**15):          # 128 kB as floats
        tracemalloc.start()
        try:
            y = weight @ x
            assert tracemalloc.get_traced_memory()[1] < 2**19
        finally:
            tracemalloc.stop()
    np.testing.assert_allclose(y, weight.floats() @ x, rtol=1e-4)
