"""The picture of dropout: the factor of an entry is the same on both ways."""

from pictures import printed_numbers, root_of, texts_of


def test_one_mask_holds_for_both_ways():
    factors = [float(words[2:]) for words in texts_of("dropout") if words.startswith("\u00d7")]
    numbers = iter(printed_numbers("dropout"))
    assert set(factors) == {0, 2}
    for factor, x, y, dx, dy in zip(factors, numbers, numbers, numbers, numbers):
        assert y == x * factor and dx == dy * factor and x and dy


def test_an_arrow_leaves_the_mask_only_where_the_number_is_kept():
    factors = [words for words in texts_of("dropout") if words.startswith("\u00d7")]
    heads = sum(1 for _ in root_of("dropout").iter("polygon"))
    assert heads == 2 * len(factors) + 2 * sum(words != "\u00d7 0" for words in factors)
