"""The picture of layer_norm: the columns add up, and what is left is at right angles to both."""

import numpy as np

from pictures import printed_numbers, texts_of


def test_the_parts_are_projections():
    dxhat, mean, share, rest = np.reshape(printed_numbers("layer_norm"), (4, 4))
    assert np.abs(dxhat + mean + share - rest).max() < 1e-12
    assert np.all(mean == -dxhat.mean())
    away = np.stack([np.ones(4), share], 1)  # (C, 2)
    best, *_ = np.linalg.lstsq(away, dxhat, rcond=None)
    assert np.abs(dxhat - away @ best - rest).max() < 1e-12
    assert [words[-3:] for words in texts_of("layer_norm")[-2:]] == ["0.0", "0.0"]


def test_the_share_of_xhat_is_what_the_label_says():
    share = np.reshape(printed_numbers("layer_norm"), (4, 4))[2]
    label, = [words for words in texts_of("layer_norm") if words.endswith(" * xhat")]
    factor = float(label.removesuffix(" * xhat"))
    xhat = -share / factor
    assert abs(xhat.mean()) < 1e-12 and abs((xhat * xhat).mean() - 1) < 1e-12
