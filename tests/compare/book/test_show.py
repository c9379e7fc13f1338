"""The console's page: what stands beside what, at any width, and nothing cut."""

import re

import pytest

from compare.__main__ import main
from compare.book import show
from compare.book.reading.chapter import Equation, read_chapter
from compare.book.reading.markdown import read_blocks
from compare.book.reading.plain import plain_text
from compare.layers.source import DERIVED

NARROW, STACKED, WIDE = 80, show.SIDE_BY_SIDE - 1, 160


@pytest.fixture(scope="module")
def chapters():
    return {stem: read_chapter(stem) for stem in DERIVED}


def printed(capsys, *words):
    """Return the lines that show prints."""
    assert main(["show", *words]) == 0
    return capsys.readouterr().out.splitlines()


def rows(lines):
    """Return the lines of each tag."""
    found, tag = {}, None
    for line in lines:
        if head := re.match(r"([A-Z]+-\d+)(  |$)", line):
            tag = head[1]
        if tag:
            found.setdefault(tag, []).append(line)
    return found


@pytest.mark.parametrize("width", [NARROW, STACKED, WIDE])
@pytest.mark.parametrize("stem", DERIVED)
def test_every_equation_is_there_and_no_line_is_too_wide(stem, width, chapters, capsys):
    lines = printed(capsys, stem, "--width", str(width))
    assert max(map(len, lines)) <= width and all(line == line.rstrip() for line in lines)
    assert [*rows(lines)] == [row.tag for row in chapters[stem].equations]


@pytest.mark.parametrize("stem", DERIVED)
def test_a_row_holds_its_lines_of_both_sides_in_order(stem, chapters, capsys):
    shown = rows(printed(capsys, stem, "--width", str(STACKED)))
    done = set()
    for row in chapters[stem].equations:
        lines = shown[row.tag]
        for name, code in ("NumPy", row.numpy), ("torch", row.torch):
            if code and code not in done:
                place = f"  {name}: {code.path.as_posix()}:{code.first}"
                start = next(i for i, line in enumerate(lines) if line.startswith(place))
                code_lines = ["    " + line for line in code.text.splitlines()]
                assert lines[start + 1:start + 1 + len(code_lines)] == code_lines
                done.add(code)
        assert row.numpy.shape in lines[0]


@pytest.mark.parametrize("stem", DERIVED)
def test_what_is_folded_keeps_every_word(stem, chapters, capsys):
    shown = rows(printed(capsys, stem, "--width", str(NARROW)))
    for row in chapters[stem].equations:
        text = "".join("".join(shown[row.tag]).split()).replace("#", "")
        assert "".join(row.numpy.text.split()).replace("#", "") in text, row.tag


def test_a_console_can_be_too_narrow_for_words(capsys):
    assert printed(capsys, "gpt", "--width", "1") == printed(capsys, "gpt", "--width", "40")


def test_both_sides_stand_beside_each_other_where_there_is_room(capsys):
    lines = printed(capsys, "softmax", "--width", str(show.SIDE_BY_SIDE))
    (line,) = [line for line in lines if "F.softmax" in line]
    left, right = line.split("  |  ")
    assert "top = x.real.max(" in left and right == "  return F.softmax(x, dim=-1)"
    bars = {line.index("|") for line in lines if "  |" in line}
    assert len(bars) == 1


def test_the_left_side_takes_what_both_sides_need_or_half():
    short, long = ["a" * 30], ["a" * 90]
    room = 120 - len(show.INDENT) - len(show.BAR)
    assert show.left_of([(short, long), (long, [])], 120) == 30
    assert show.left_of([(long, short)], 120) == room - 30
    assert show.left_of([(long, long)], 120) == room // 2


def test_what_torch_hides_in_a_call_is_said(capsys):
    assert "  torch: no line of its own" in printed(capsys, "--tag", "FA-9", "--width", "80")


def test_a_call_that_does_several_equations_is_at_the_first(capsys):
    shown = rows(printed(capsys, "layer_norm", "--width", str(NARROW)))
    assert any(re.search(r"torch: torch_impl/layer_norm.py:\d+-\d+, LN-1 .. LN-4$", line)
               for line in shown["LN-1"])
    assert sum("F.layer_norm" in line for lines in shown.values() for line in lines) == 1
    for tag in "LN-2", "LN-3", "LN-4":
        assert "  torch: in the call at LN-1" in shown[tag]


def test_only_the_tags_of_the_derivation_are_named(capsys):
    lines = printed(capsys, "fused_adamw", "--width", str(NARROW))
    assert not re.search(r"\bAW-", "\n".join(lines))
    assert any(line.endswith(", FAW-2 .. FAW-5") for line in lines)


def test_the_backward_alone(chapters, capsys):
    lines = printed(capsys, "attention", "--backward", "--width", str(WIDE))
    (part,) = [part for part in chapters["attention"].parts if part.backward]
    assert [*rows(lines)] == [row.tag for row in part.equations]
    assert sum("autograd" in line for line in lines) == 1 and "Forward" not in lines
    assert not any("torch:" in line or "|" in line for line in lines)


def test_one_equation_has_its_text_and_its_call(chapters, capsys):
    lines = printed(capsys, "--tag", "ln-3", "--width", str(NARROW))
    assert lines == printed(capsys, "layer_norm", "--tag", "LN-3", "--width", str(NARROW))
    assert [*rows(lines)] == ["LN-3"] and max(map(len, lines)) <= NARROW
    row = next(row for row in chapters["layer_norm"].equations if row.tag == "LN-3")
    (told,) = [block.text for block in row.told if block.kind == "p"][:1]
    text = " ".join(" ".join(lines).split())
    assert " ".join(plain_text(told).split()) in text and "$" not in text
    assert "F.layer_norm(" in text
    assert lines[-1] == "what leads to it: reference/layer_norm.md#ln-3"


def test_one_equation_of_a_backward_says_who_does_it(capsys):
    assert "  torch: autograd does it" in printed(capsys, "--tag", "LN-8", "--width", str(NARROW))


def test_every_tag_can_be_shown_alone(chapters):
    for stem, chapter in chapters.items():
        for row in chapter.equations:
            assert show.stem_of_tag(row.tag) == stem
            for width in NARROW, WIDE:
                lines = [*show.lines_of_row(chapter, row.tag, width)]
                assert max(map(len, lines)) <= width, row.tag


def test_without_code_there_are_only_equations():
    text = "A mean of *both*.\n\n$$\nJ_{oi} = \\frac{\\partial y_o}{\\partial x_i}\n$$\n"
    told = read_blocks(text, "x.md")
    chapter = read_chapter("softmax")
    part = chapter.parts[0]._replace(
        title="From the end", equations=[Equation("BP-3", 1, told, None, [], None, None)])
    chapter = chapter._replace(pieces=[part])
    for width in NARROW, WIDE:
        assert [*show.lines_of_rows(chapter, False, width)][2:] == [
            "", "From the end", "------------", "", "BP-3",
            "  J[o,i] = partial y[o] / partial x[i]"]
        assert [*show.lines_of_row(chapter, "BP-3", width)][:5] == [
            "BP-3", "", "A mean of both.", "", "  J[o,i] = partial y[o] / partial x[i]"]


def test_a_line_that_is_too_long_is_folded_with_its_comment_below():
    line = "    scores = q @ k.swapaxes(-1, -2) / math.sqrt(D)  # (B, H, T, T)  a row sums to 1"
    assert show.fold_code(line, 90) == [line]
    assert show.fold_code(line, 30) == [
        "    scores = q @", "        k.swapaxes(-1, -2) /", "        math.sqrt(D)",
        "      # (B, H, T, T)  a row", "      # sums to 1"]


@pytest.mark.parametrize("tags, line", [
    (["LN-1"], "LN-1"),
    (["LN-1", "LN-2"], "LN-1, LN-2"),
    (["LN-1", "LN-2", "LN-3"], "LN-1 .. LN-3"),
    (["AW-1", "AW-2", "AW-4", "FAW-5"], "AW-1, AW-2, AW-4, FAW-5"),
])
def test_tags_that_follow_each_other_are_a_range(tags, line):
    assert show.runs(tags) == line
