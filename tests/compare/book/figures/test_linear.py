"""The picture of linear: in each panel the third array is the product of the other two."""

import re

import numpy as np

from pictures import printed_numbers, texts_of

SHAPES = [((4, 3), (3, 2)), ((4, 2), (2, 3)), ((2, 4), (4, 3))]  # of N = 4, I = 3, O = 2


def test_each_panel_is_a_product():
    numbers, arrays = printed_numbers("linear"), []
    for left, right in SHAPES:
        for shape in left, right, (left[0], right[1]):
            count = shape[0] * shape[1]
            arrays.append(np.reshape(numbers[:count], shape))
            numbers = numbers[count:]
    x, weight_t, y, dy, weight, dx, dy_t, x_again, dweight = arrays
    assert numbers == [] and np.array_equal(weight_t, weight.T) and np.array_equal(dy_t, dy.T)
    assert np.array_equal(x, x_again) and np.array_equal(y, x @ weight.T)
    assert np.array_equal(dx, dy @ weight) and np.array_equal(dweight, dy.T @ x)


def test_the_sums_are_worked_out_as_they_are_written():
    sums = [words for words in texts_of("linear") if "\u00b7" in words]
    for words in sums:
        left, right = words.split(" = ")
        terms = [re.sub(r"[()]", "", term).split("\u00b7") for term in left.split(" + ")]
        assert sum(float(u) * float(v) for u, v in terms) == float(right)
    assert len(sums) == 3
