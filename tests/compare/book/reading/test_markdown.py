"""Markdown as HTML: each thing that the derivations use, and what is refused, by file and line."""

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, strategies as st

from compare.book.reading.markdown import as_html, read_blocks
from compare.layers.source import DERIVED, HOUSE, path_of, read

PAGES = sorted(HOUSE.glob("reference/**/*.md"))
CHARACTERS = st.characters(exclude_categories=["Cc", "Cs", "Cn"], include_characters="\n")
PIECES = ["a", " ", "\n", "\n\n", "# ", "- ", "1. ", "2. ", "  ", "*a*", "**", "`", "`a`", "$", "$x$",
          "$$\n", "```\n", "[", "](a)", "|", "|a|\n", "|---|\n", "</details>\n", "<b>", "&", "&lt;",
          "<details><summary>a</summary>\n\n", "_", "\\", "!"]
ELEMENTS = {"page", "h1", "h2", "h3", "h4", "h5", "h6", "p", "em", "strong", "code", "pre", "a", "ul",
            "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "math", "mi",
            "mn", "mo", "mrow"}
CASES = {
    "a heading": ("### LN-1", '<h3 id="ln-1">LN-1</h3>'),
    "a heading of several words": (
        "# `x`, and: *y*", '<h1 id="x-and-y"><code>x</code>, and: <em>y</em></h1>'),
    "a heading twice": ("## Cost\n## Cost", '<h2 id="cost">Cost</h2>\n<h2 id="cost-1">Cost</h2>'),
    "a paragraph": ("one\ntwo\n\nthree", "<p>one\ntwo</p>\n<p>three</p>"),
    "what HTML escapes": ("1 < 2 & 3 > 2 \"so\"", "<p>1 &lt; 2 &amp; 3 &gt; 2 \"so\"</p>"),
    "emphasis": ("*a* and **b *c* d**", "<p><em>a</em> and <strong>b <em>c</em> d</strong></p>"),
    "names with underscores": ("layer_norm and top_k", "<p>layer_norm and top_k</p>"),
    "code": ("`a*b_c <d> $e`", "<p><code>a*b_c &lt;d&gt; $e</code></p>"),
    "code with a backtick": ("`` a`b ``", "<p><code>a`b</code></p>"),
    "code over two lines": ("`a\nb`", "<p><code>a b</code></p>"),
    "code in emphasis": ("**`x**y`**", "<p><strong><code>x**y</code></strong></p>"),
    "a formula": ("with $x$, too", "<p>with <math><mi>x</mi></math>, too</p>"),
    "a formula over two lines": ("$x\ny$", "<p><math><mi>x</mi><mi>y</mi></math></p>"),
    "a formula in emphasis": ("*$x$*", "<p><em><math><mi>x</mi></math></em></p>"),
    "a display": ("$$\nx\n$$", '<math display="block"><mi>x</mi></math>'),
    "a display in a paragraph": (
        "a\n$$\nx\n$$\nb", '<p>a</p>\n<math display="block"><mi>x</mi></math>\n<p>b</p>'),
    "a link": (
        "[LN-1 of `x`](a.md#ln-1).", '<p><a href="A.MD#LN-1">LN-1 of <code>x</code></a>.</p>'),
    "a link with quotes": ('[a](b"c)', '<p><a href="B&quot;C">a</a></p>'),
    "code that Python colours": ("```python\nx < 1\n\n# *y*\n```",
                                 '<pre><code class="language-python">x &lt; 1\n\n# *y*\n</code></pre>'),
    "code of no language": ("```\n$ make\n```", "<pre><code>$ make\n</code></pre>"),
    "a list": (
        "- a\n- b\n  c $x$\n\nd", "<ul>\n<li>a</li>\n<li>b\n  c <math><mi>x</mi></math></li>\n</ul>\n<p>d</p>"),
    "a list in a paragraph": ("a:\n- b", "<p>a:</p>\n<ul>\n<li>b</li>\n</ul>"),
    "a list of numbers": ("1. a\n2. b\n   c", "<ol>\n<li>a</li>\n<li>b\n   c</li>\n</ol>"),
    "a table": ("| a | b |\n|---|---|\n| `c` |  |", "<table>\n<thead><tr><th>a</th><th>b</th></tr></thead>\n"
                "<tbody><tr><td><code>c</code></td><td></td></tr></tbody>\n</table>"),
    "an answer to unfold": ("<details><summary>The *answer*</summary>\n\na\n\n</details>",
                            "<details><summary>The <em>answer</em></summary>\n<p>a</p>\n</details>"),
}
FAULTS = {  # what is refused, the line, and how the sentence begins
    "a\n\nb $\\foo$": (3, r"the command is \foo; allowed: \Delta"),
    "a\n\n$$\nx\n+ \\foo\n$$": (5, r"the command is \foo; allowed: \Delta"),
    "a\n$$\nx": (2, "$$ begins no whole block; allowed"),
    "$$\nx\n\ny\n$$": (1, "$$ begins no whole block; allowed"),
    "$$ x $$": (1, "$$ begins no whole block; allowed"),
    "a\n```python\nx": (2, "```python begins no whole block; allowed"),
    "```\nx\n```python\ny\n```": (1, "``` begins no whole block; allowed"),
    "a $x\n\ny$": (1, "the text is $x; allowed"),
    "costs $5": (1, "the text is $5; allowed"),
    "a `b": (1, "the text is `b; allowed"),
    "a\n*b": (2, "* is missing; allowed"),
    "**a *b** c*": (1, "the text is **; allowed"),
    "a * b": (1, "the text is *; allowed"),
    "_a_": (1, "the text is _a_; allowed"),
    "[a] b": (1, "the text is [a]; allowed"),
    "a\n[b\n[c](d)](e)": (3, "the text is [c](d)](e); allowed"),
    "a\n![b](c)": (2, "the text is ![b](c); allowed"),
    "a <b>c</b>": (1, "the text is <b>c</b>; allowed"),
    "<div>": (1, "the line is <div>; allowed"),
    "a &amp; b": (1, "the text is &amp;; allowed"),
    "a \\* b": (1, "the text is \\*; allowed"),
    "a  \nb": (1, "the end of the line is two blanks; allowed"),
    "- a  \n  b": (1, "the end of the line is two blanks; allowed"),
    "a\n> b": (2, "the line is > b; allowed"),
    "a\n---": (2, "the line is ---; allowed"),
    "a\n=": (2, "the line is =; allowed"),
    "    a": (1, "the line is     a; allowed"),
    "+ a": (1, "the line is + a; allowed"),
    "a\n\n2. b": (3, "2. begins no whole block; allowed"),
    "#a": (1, "#a begins no whole block; allowed"),
    "- a\nb": (2, "b follows a list; allowed"),
    "- a\n  - b": (2, "- begins a block in a list; allowed"),
    "- ```": (1, "``` begins a block in a list; allowed"),
    "- ": (1, " begins a block in a list; allowed"),
    "- a\n\n- b": (3, "the list follows another; allowed"),
    "- a\n\n  b": (3, "the line is   b; allowed"),
    "|a|b|\n|---|---|\n|c|": (3, "the row has 1 cells; allowed: 2"),
    "|a|\n|---|---|": (2, "the row has 2 cells; allowed: 1"),
    "a\n|b|": (2, "|b| begins no whole block; allowed"),
    "|a|\n|---|\n|`b": (3, "|`b begins no whole block; allowed"),
    "a\n\n<details>": (3, "<details> begins no whole block; allowed"),
    "a\n\n<details><summary>b</summary>\n\nc": (3, "</details> is missing; allowed"),
    "a\n\n</details>": (3, "</details> closes nothing; allowed"),
    "<details><summary>b</summary>\nc\n</details>": (
        1, "<details><summary>b</summary> begins no whole block"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_the_derivations_use(name):
    text, expected = CASES[name]
    assert as_html(text, "a.md", link=str.upper) == expected


@pytest.mark.parametrize("text", FAULTS)
def test_what_is_refused_by_file_and_line(text):
    line, why = FAULTS[text]
    with pytest.raises(ValueError) as fault:
        as_html(text, "a.md")
    assert str(fault.value).startswith(f"a.md:{line}: {why}") and "\n" not in str(fault.value)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(HOUSE).as_posix())
def test_every_page_of_the_reference_is_well_formed(path):
    ET.fromstring(f"<page>{as_html(path.read_text(encoding='utf-8'), path.name)}</page>")


@pytest.mark.parametrize("stem", DERIVED)
def test_the_blocks_hold_every_line_of_a_derivation_once(stem):
    text = read(path_of(stem, ".md"))
    blocks = read_blocks(text, stem)
    lines = [line for block in blocks for line in block.text.splitlines()]
    assert [line for line in lines if line] == [line for line in text.splitlines() if line]
    for block in blocks:
        assert text.splitlines()[block.line - 1] == block.text.splitlines()[0]


@given(st.lists(st.sampled_from(PIECES)).map("".join) | st.text(CHARACTERS))
def test_whatever_is_drawn_is_well_formed_or_refused_by_its_line(text):
    try:
        page = ET.fromstring(f"<page>{as_html(text, 'a.md')}</page>")
    except ValueError as fault:
        line = int(re.match(r"a\.md:(\d+): .*; allowed: .*$", str(fault))[1])
        assert 1 <= line <= text.count("\n") + 1
    else:
        assert {element.tag for element in page.iter()} <= ELEMENTS


@given(st.text("ab <>&\"'*_$[]\\/=;#"))
def test_no_text_makes_a_tag(text):
    text = " ".join(text.split())
    for page in (f"`{text}.`", f"a\n\n```\n{text}.\n```", f"- [`{text}.`](b)",
                 f"|a|\n|---|\n|`{text}.`|"):
        found = ET.fromstring(f"<page>{as_html(page, 'a.md')}</page>")
        assert [element.text.strip() for element in found.iter("code")] == [f"{text}."]
