"""The picture of AdamW in place: the trips, counted once more by hand from the lines of code."""

from compare.book.figures.memory_trips import fused_trips, plain_trips
from pictures import painted, root_of, texts_of
from reference import adamw


def trips_of(lines):
    """Return the trips to memory of each line of code, by its tag."""
    found = {}
    for trips in lines:
        tag = trips.name.split()[0]
        found[tag] = found.get(tag, 0) + sum(trips.reads) + sum(trips.writes)
    return found


def test_each_operation_of_the_plain_form_goes_to_memory():
    # an operation on one array is 2 trips, on two arrays 3
    assert trips_of(plain_trips()) == {
        "clip": 2, "AW-1": 2 + 2 + 3, "AW-2": 2 + 2 + 2 + 3, "AW-3": 2, "AW-4": 2,
        "AW-6": 2 + 2 + 3 + 2 + 3 + 2 + 3}


def test_in_place_four_arrays_are_read_once_and_three_are_written_once():
    found = fused_trips()
    assert trips_of(found) == {"FAW-1": 1, "FAW-2": 2, "FAW-3": 2, "FAW-4": 1, "FAW-5": 1}
    assert sum(sum(trips.reads) for trips in found) == 4
    assert sum(sum(trips.writes) for trips in found) == 3


def test_the_count_follows_the_code(monkeypatch):
    plain = adamw.clip
    monkeypatch.setattr(adamw, "clip", lambda grads, limit: plain(plain(grads, limit)[0], limit))
    assert trips_of(plain_trips())["clip"] == 4


def test_the_squares_and_the_sums_are_the_counts():
    squares = [node for node in root_of("fused_adamw").iter("rect") if node.get("width") == "12"]
    full = sum(painted(node, "one") + painted(node, "two") for node in squares)
    assert full == 39 + 7 + 2  # two of the legend
    assert {"39 trips", "7 trips"} <= set(texts_of("fused_adamw"))
    wide = [float(node.get("width")) for node in root_of("fused_adamw").iter("rect")
            if painted(node, "three")]
    assert abs(wide[0] / wide[1] - 39 / 7) < 0.02
