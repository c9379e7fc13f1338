"""Every picture: well-formed, described, without an address, its text inside of its frame."""

import pytest

from compare.book.figures import figure_of


def test_a_layer_without_a_picture_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="LAYER is decode; allowed: "):
        figure_of("decode")
