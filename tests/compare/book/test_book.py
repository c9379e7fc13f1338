"""The book: every page is whole, every tag has its cells, every link leads somewhere."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from compare.__main__ import main
from compare.book.reading import chapter as chapters
from compare.book.book import SHADE, colors
from compare.book.reading.chapter import read_chapter
from compare.book.reading.code import code_of_tags
from compare.book.figures import PICTURED
from compare.svg import COLORS
from compare.book.pages.names import symbols
from compare.book.numbers.numbers import numbers_of
from compare.book.pages.tables import tables
from compare.layers.labs import LABS
from compare.layers.source import DERIVED, TEXTS, path_of, read, torch_path

VOID = {"meta", "link", "br", "path", "rect", "polygon", "mspace", "circle", "line"}
SCHEMES = {name: i for i, name in enumerate(["light", "dark"])}


class Page(HTMLParser):
    """Reads a page: refuses what is not nested, and notes its ids, links and headings."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.loaded, self.headings, self.bare = [], [], [], [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids += [given["id"]] if "id" in given else []
        if tag == "a":
            self.links.append(given["href"])
        elif "href" in given or "src" in given:
            self.loaded.append(given.get("href") or given.get("src"))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag in ("svg", "img") and not (given.get("aria-label") or given.get("alt")):
            self.bare.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        if tag not in VOID:
            self.handle_starttag(tag, attrs)
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, self.getpos()


@pytest.fixture(scope="module")
def parsed(book):
    """Every page of the book by its path in the folder."""
    return {path.relative_to(book).as_posix(): Page(path.read_text(encoding="utf-8"))
            for path in book.rglob("*.html")}


def test_every_derivation_has_its_page(parsed):
    assert {f"{stem}.html" for stem in TEXTS} | {"index.html", "glossary.html", "debates.html"} == {
        path for path in parsed if "/" not in path}


def test_pages_are_nested_with_one_name_a_place_and_no_heading_left_out(parsed):
    for path, page in parsed.items():
        assert len(page.ids) == len(set(page.ids)), path
        assert page.headings[0] == 1 and page.headings.count(1) == 1, path
        assert all(b <= a + 1 for a, b in zip(page.headings, page.headings[1:])), path
        assert not page.bare, path


def test_every_link_leads_somewhere(book, parsed):
    count = 0
    for path, page in parsed.items():
        for link in page.links:
            if link.startswith("https://"):
                continue
            target, _, place = link.partition("#")
            found = (book / path).parent.joinpath(unquote(target)).resolve() if target else book / path
            assert found.is_file(), f"{path}: {link}"
            name = found.relative_to(book.resolve()).as_posix() if target else path
            assert not place or place in parsed[name].ids, f"{path}: {link}"
            count += 1
    assert count > 500


def test_nothing_is_loaded_from_the_network(book, parsed):
    for path, page in parsed.items():
        assert {address.rpartition("/")[2] for address in page.loaded} == {"style.css", "names.js"}, path
    for path in book.glob("*.[cj]s*"):
        assert not re.search(r"//\w|url\(|@import|fetch", path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("stem", DERIVED)
def test_every_tag_has_its_cells(book, stem):
    page, chapter = (book / f"{stem}.html").read_text(encoding="utf-8"), read_chapter(stem)
    torch = set()
    for part in chapter.parts:
        for each in part.equations:
            row = re.search(rf'<section class="row" aria-label="{each.tag}">.*?</section>', page, re.S)[0]
            cells = dict(re.findall(r'<div class="(equation|shape|numpy|torch)" [^>]*>(.*?)(?=<div class="'
                                    r'(?:shape|numpy|torch|under)|\Z)', row, re.S))
            assert f'id="{each.tag.lower()}"' in cells["equation"] and "<math" in cells["equation"]
            assert each.numpy.shape.replace("...", "\u2026") in cells["shape"] and each.numpy.shape
            assert f"{each.numpy.path.as_posix()}:{each.numpy.first}<" in cells["numpy"]
            words = cells.get("torch", "")
            if part.backward:
                torch |= {each.tag} if "grad_fn" in words or torch else set()
            elif each.torch:
                torch |= set(each.torch.tags) if torch_path(stem).as_posix() in words else set()
            else:
                torch |= {each.tag} if 'class="note"' in words else set()
    assert {each.tag for each in chapter.equations} <= torch


@pytest.mark.parametrize("stem", DERIVED)
def test_the_comments_of_a_cell_are_closed_up(stem):
    for code in code_of_tags(path_of(stem)).values():
        assert not re.search(r"\S {3,}", code.text), code.text


@pytest.mark.parametrize("stem", [stem for stem in DERIVED if stem not in LABS])
def test_the_numbers_are_those_of_a_fresh_run(book, stem):
    page, numbers = (book / f"{stem}.html").read_text(encoding="utf-8"), numbers_of(stem)
    assert set(numbers) == {each.tag for each in read_chapter(stem).equations}
    for tag, found in numbers.items():
        assert found and tables(found) in page, tag


@pytest.mark.parametrize("stem", DERIVED)
def test_the_symbols_are_names_of_the_code(stem):
    found = symbols(read_chapter(stem))
    assert len(found) >= 2
    for _, names in found:
        for name in names:
            assert re.search(rf"\bd?{name}\b", read(path_of(stem))), name


def test_every_layer_has_its_picture():
    assert {*PICTURED, *LABS} == set(DERIVED)  # a lab's is drawn from its log


def rgb(color):
    return [int(color[i:i + 2], 16) for i in (1, 3, 5)]


def luminance(color):
    parts = [part / 255 for part in color]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear))


def contrast(one, other):
    """Return the contrast of two colours (r, g, b), as WCAG 2 defines it."""
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def mixed(selector):
    """Return the colour that the background of a selector is mixed with, and its share."""
    found = re.search(rf"{re.escape(selector)} {{ background: color-mix\(in srgb, var\(--(\w+)\) (\d+)%, "
                      r"transparent\)", read("compare/book/pages/style.css"))
    return found[1], int(found[2]) / 100


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_can_be_told_from_its_ground(scheme):
    at = {name: rgb(pair[SCHEMES[scheme]]) for name, pair in {**COLORS, "shade": SHADE}.items()}
    for ground in "paper", "shade":
        for name in "ink", "muted", "one", "two", "three":
            assert contrast(at[name], at[ground]) >= 4.5, (name, ground)
        for selector, names in (".lit", ["ink"]), (".source span:target", ["ink", "muted"]):
            color, share = mixed(selector)  # a name that is lit up; a line that a link leads to
            ground_there = [share * a + (1 - share) * b for a, b in zip(at[color], at[ground])]
            for name in names:
                assert contrast(at[name], ground_there) >= 4.5, (name, selector, ground)


def test_the_style_has_no_colour_but_those_and_shows_the_focus():
    style = re.sub(r"/\*.*?\*/", "", read("compare/book/pages/style.css"), flags=re.S)
    assert not re.search(r"#[0-9a-f]{3}|rgb\(|hsl\(|opacity|outline: (0|none)", style)
    assert set(re.findall(r"[ {;]color: ([^;}]+)", style)) <= {
        "inherit", *(f"var(--{name})" for name in ("ink", "muted", "one", "two", "three"))}
    assert {words.partition("(in")[0] for words in re.findall(r"background: ([^;}]+)", style)} == {
        "var(--paper)", "var(--shade)", "color-mix"}
    shown, = re.findall(r"([^}]*):focus-visible { outline: 2px solid var\(--two\)", style)
    assert {"a:focus-visible", "summary:focus-visible", "pre"} == set(shown.strip().split(", "))


def test_what_is_not_seen_is_heard():
    style = read("compare/book/pages/style.css")
    hidden, = re.findall(r"^\.unseen, \.label { (.*) }$", style, re.M)
    assert "position: absolute" in hidden and "display" not in hidden and "visibility" not in hidden
    narrow = style[style.index("@media (max-width: 70rem)"):style.index("@media print")]
    assert re.search(r"\.label { position: static; .*clip-path: none;", narrow)  # there, in sight, too


def test_the_colours_of_each_scheme_are_in_the_style(book):
    light, dark = colors().split("@media (prefers-color-scheme: dark)")
    assert (book / "style.css").read_text(encoding="utf-8") == colors() + read("compare/book/pages/style.css")
    for name, pair in {**COLORS, "shade": SHADE}.items():
        assert f"--{name}: {pair[0]};" in light and f"--{name}: {pair[1]};" in dark


FAULTS = {  # what stands in softmax.md instead, and what is said of it
    "an unknown command": (r"\frac{e^{x_s", r"\foo{e^{x_s", r"reference/softmax\.md:\d+: the command is \\foo; allowed: "),
    "a formula that is not closed": ("# Softmax\n", "# Softmax\n\n$x\n", r"reference/softmax\.md:3: "),
    "a tag without code": ("### SM-5\n", "### SM-9\n", r"reference/softmax\.md:\d+: SM-9 is in no line of reference/softmax\.py; "),
    "a heading that is no tag": ("### SM-5\n", "### The end\n", r"reference/softmax\.md:\d+: the heading is The end; allowed: a tag"),
    "code without a heading": ("### SM-4\n", "#### SM-4\n", r"reference/softmax\.py:\d+: SM-4 heads nothing in reference/softmax\.md; "),
    "a tag twice": ("### SM-4\n", "### SM-3\n", r"reference/softmax\.md:\d+: SM-3 stands in line \d+, too; allowed: each tag once"),
    "a link to nothing": ("(softmax.py)", "(softmax.pie)", r"reference/softmax\.md:\d+: the link leads to softmax\.pie; allowed: "),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_a_sentence_and_the_old_book_stays(fault, book, monkeypatch, capsys):
    old, new, sentence = FAULTS[fault]
    right = read(path_of("softmax", ".md"))
    assert old in right
    monkeypatch.setattr(chapters, "read", lambda path: right.replace(old, new, 1)
                        if path == path_of("softmax", ".md") else read(path))
    before = sorted(path.name for path in book.parent.iterdir()), (book / "index.html").stat().st_mtime_ns
    assert main(["book", "--out", str(book)]) == 2
    assert re.match("error: " + sentence, capsys.readouterr().err)
    assert before == (sorted(path.name for path in book.parent.iterdir()), (book / "index.html").stat().st_mtime_ns)


def test_the_whole_book_is_small(book):
    assert sum(path.stat().st_size for path in book.rglob("*") if path.is_file()) < 5e6
