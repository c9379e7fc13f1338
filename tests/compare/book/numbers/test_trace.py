"""What a line made is noted when it is done: by name and tag, each time, and nothing else is."""

import sys
import textwrap

import numpy as np
import pytest

from compare.book.numbers.number import copied
from compare.book.numbers.trace import made_by


@pytest.fixture
def trace(tmp_path):
    """Run f() of a source; return what was noted as (tags, name, value, before), in lists."""
    def run(source, function="f", *arguments):
        path = tmp_path / "source.py"
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        names = {"np": np}
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
        _, made = made_by(lambda: names[function](*arguments), path, copied)
        return [(one.tags, one.name, one.value.tolist(), one.before if one.before is None
                 else one.before.tolist()) for one in made]
    return run


def test_a_line_is_noted_when_it_is_done(trace):
    assert trace("""
        def f():
            a = 1.5        # () AA-1
            b = a + 1.0
            c = "no array"  # AA-2
    """) == [(("AA-1",), "a", 1.5, None), ((), "b", 2.5, None)]


def test_the_value_is_that_of_the_line_not_of_a_later_one(trace):
    assert trace("""
        def f():
            a = np.zeros(2)      # AA-1
            b = np.exp(a, out=a)  # AA-2
    """) == [(("AA-1",), "a", [0, 0], None), (("AA-2",), "b", [1, 1], None)]


def test_a_statement_of_several_lines_has_the_tags_of_all_of_them(trace):
    assert trace("""
        def f():
            a = (1.0     # AA-1
                 + abs(
                     -2.0))  # AA-2 .. AA-3
            b = max(
                a, 1.0)
    """) == [(("AA-1", "AA-2", "AA-3"), "a", 3.0, None), ((), "b", 3.0, None)]


def test_each_target_of_a_tuple_is_noted(trace):
    assert trace("""
        def f():
            (a, b), c = (part + 1.0
                         for part in ((0.0, 1.0), 2.0) if 0) or ((1.0, 2.0), 3.0) \\
                if 0 else ((1.0, 2.0), 3.0)  # AA-1
            a, b = (part * 2
                    for part in (a, b))      # AA-2
    """) == [(("AA-1",), "a", 1.0, None), (("AA-1",), "b", 2.0, None), (("AA-1",), "c", 3.0, None),
             (("AA-2",), "a", 2.0, None), (("AA-2",), "b", 4.0, None)]


@pytest.mark.parametrize("line, after", [
    ("a += 1", [1, 1, 1]), ("a[1:] += 2", [0, 2, 2]), ("a[0] = 3", [3, 0, 0]),
    ("np.add.at(a, [1, 1], 1)", [0, 2, 0])])
def test_a_line_in_place_has_the_whole_array_before_and_after(trace, line, after):
    assert trace(f"""
        def f():
            a = np.zeros(3)
            {line}  # AA-1
    """)[1:] == [(("AA-1",), "a", after, [0, 0, 0])]


def test_a_line_in_a_loop_is_noted_each_time(trace):
    found = trace("""
        def f():
            total = 0.0
            for i in range(3):
                total += i  # AA-1
    """)
    assert found[1:] == [(("AA-1",), "total", now, before)
                         for now, before in ((0, 0), (1, 0), (3, 1))]


def test_nested_functions_are_followed_and_a_lambda_belongs_to_its_statement(trace):
    assert trace("""
        def f():
            def inner(a):
                return a + 1       # AA-1
            b = list(map(lambda a: inner(a),
                         (1.0, 2.0)))[0]  # AA-2
    """) == [(("AA-1",), "inner", 2.0, None), (("AA-1",), "inner", 3.0, None),
             (("AA-2",), "b", 2.0, None)]


def test_what_is_returned_has_the_name_of_a_result_or_a_gradient(trace):
    source = """
        def forward(logits):
            with np.errstate(over="ignore"):
                return 2 * logits, "cache"  # AA-1

        def backward(dy):
            return dy, "gradients"          # AA-2

        def norm(a):
            return abs(a)                   # AA-3
    """
    one = np.ones(1)
    assert trace(source, "forward", one) == [(("AA-1",), "y", [2], None)]
    assert trace(source, "backward", one) == [(("AA-2",), "dlogits", [1], None)]
    assert trace(source, "norm", one) == [(("AA-3",), "norm", [1], None)]


def test_a_tree_is_noted_leaf_by_leaf_and_a_cache_is_not(trace):
    assert trace("""
        from typing import NamedTuple

        class Params(NamedTuple):
            weight: float
            none: object

        class Cache(NamedTuple):
            x: float

        def f():
            dx, dp, cache = 1.0, Params(Params(2.0, None), None), Cache(3.0)  # AA-1
    """) == [(("AA-1",), "dx", 1, None), (("AA-1",), "dp.weight.weight", 2, None)]


def test_a_line_that_fails_made_nothing(trace):
    assert trace("""
        def fails():
            return 1 / 0  # AA-1

        def f():
            a = 1.0       # AA-2
            try:
                a = fails()  # AA-3
            except ZeroDivisionError:
                b = a     # AA-4
    """) == [(("AA-2",), "a", 1, None), (("AA-4",), "b", 1, None)]


def test_a_loop_inside_of_a_statement_may_end(trace):
    assert trace("""
        class Once:
            def __init__(self):
                self.left = [1.0]

            def __iter__(self):
                return self

            def __next__(self):
                if not self.left:
                    raise StopIteration
                return self.left.pop()

        def f():
            a = [2 * i for i in Once()][0]  # AA-1
    """)[-1] == (("AA-1",), "a", 2, None)


def test_other_files_are_not_followed(trace):
    assert trace("""
        import textwrap

        def f():
            textwrap.dedent(" a")
            a = 1.0
    """) == [((), "a", 1, None)]


def test_the_tracer_before_is_put_back(trace):
    before, ours = sys.gettrace(), lambda frame, event, arg: None
    sys.settrace(ours)
    try:
        trace("def f(): pass")
        after = sys.gettrace()
        with pytest.raises(ZeroDivisionError):
            trace("def f(): 1 / 0")
        after_error = sys.gettrace()
    finally:
        sys.settrace(before)
    assert after is ours and after_error is ours
