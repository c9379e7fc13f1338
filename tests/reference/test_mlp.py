"""What mlp.md proves: each position is on its own."""

import numpy as np
from hypothesis import given

from compare.layers.table import LAYERS
from reference import mlp
from strategies import examples


@given(examples(LAYERS["mlp"]))
def test_each_position_is_on_its_own(case):
    x = case.example.inputs["x"]
    y, _ = mlp.forward(x, case.example.params)
    for t in range(x.shape[1]):
        alone, _ = mlp.forward(x[:, t : t + 1], case.example.params)
        np.testing.assert_allclose(alone, y[:, t : t + 1], atol=1e-13)
