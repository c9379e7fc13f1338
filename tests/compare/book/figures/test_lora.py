"""The picture of lora: its arrays are the factors, their product, the sum, and the gradients."""

import numpy as np

from compare.book.figures.lora import ADAPTER, DY, SCALE, WEIGHT, X
from pictures import printed_numbers


def test_the_arrays_are_what_they_are_called():
    numbers, arrays = printed_numbers("lora"), []
    for rows, columns in (3, 1), (1, 4), (3, 4), (3, 4), (3, 4), (3, 4), (1, 4), (3, 1):
        arrays.append(np.reshape(numbers[:rows * columns], (rows, columns)))
        numbers = numbers[rows * columns:]
    b, a, product, weight, again, merged, da, db = arrays
    assert numbers == [] and np.array_equal(b, ADAPTER.b) and np.array_equal(a, ADAPTER.a)
    assert np.array_equal(product, b @ a) and np.array_equal(again, product)
    assert np.array_equal(weight, WEIGHT) and np.array_equal(merged, weight + SCALE * product)
    assert not da.any() and np.array_equal(db, SCALE * (DY.T @ X @ a.T)) and db.any()
