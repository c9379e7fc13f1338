"""The picture of grouped_attention: each head of queries is joined to one of keys, K times as many
numbers are kept."""

from compare.book.figures.grouped_attention import D, H
from pictures import root_of, texts_of


def test_the_heads_and_what_is_kept():
    words = texts_of("grouped_attention")
    heads = [int(text.removeprefix("K = ")) for text in words if text.startswith("K = ")]
    assert heads == [H, 2, 1]
    assert words.count("q") == 3 * H and words.count("kv") == sum(heads)
    kept = [int(after) for before, after in zip(words, words[1:]) if before == "kept:"]
    assert kept == [2 * K * D for K in heads]


def test_each_head_of_queries_is_joined_to_one_of_keys():
    ends = [node.get("d").split()[-2:] for node in root_of("grouped_attention").iter("path")]
    joined = [len({tuple(end) for end in ends[H * row:H * row + H]}) for row in range(3)]
    assert len(ends) == 3 * H and joined == [H, 2, 1]
