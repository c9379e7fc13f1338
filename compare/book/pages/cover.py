"""The cover of the book: a map of the model, each part a link, and the order to read in."""

import re
from html import escape

from ...layers.source import TEXTS, path_of, read
from .map import model_map
from ..reading.markdown import as_html

ORDER = re.compile(r"^\d+\. \[(\w+)\]\((?:fast/|labs/)?\w+\.md\): (.*(?:\n   .*)*)", re.M)
ABOUT = """A GPT is a chain of layers. The **forward** of a layer makes its output, and its
**backward** finds the slopes that training needs. Here the same GPT stands twice: in NumPy, where
every backward is derived and written by hand, and in PyTorch, which finds the backward by itself.
Each page takes one layer. It shows every equation beside the line of NumPy and the line of
PyTorch that do it, and the numbers that each line makes.

You need the derivative of a function of one number, a matrix times a vector, and a little Python.
Begin with [Backpropagation](backprop.html): it explains the rest, NumPy included."""
HOW = """
- **The forward reads down.** The backward starts from the end: its first row belongs to the last
  line of the forward.
- A name such as `LN-8` is a **tag**. It heads an equation, and stands in the comment of the line
  of code that does it. Click on a tag, and the address of the page leads to this row.
- PyTorch often does several rows in one call. Its cell then stands beside all of them.
- Under a row, *in plain loops* spells the equation out entry by entry. *The numbers* are what the
  line makes of a small example, beside what PyTorch makes of the same.
- Point at a name, or tap it: it lights up in the formulas and in the code.
- The gradient of the loss with respect to `x` is `dx`, in formulas $\\mathrm{d}x$.
"""


def reading_order():
    """Return (stem, what is said of it) for each derivation, as reference/README.md lists them.

    Raises ValueError where a derivation is not in that list, or something else is.
    """
    path = "reference/README.md"
    order = re.search(r"^## The order to read in\n(.*?)^## ", read(path), re.M | re.S)
    found = [(stem, " ".join(words.split())) for stem, words in ORDER.findall(order[1])]
    line = read(path).count("\n", 0, order.start()) + 1
    for stem in sorted({stem for stem, _ in found} ^ set(TEXTS)):
        raise ValueError(f"{path}:{line}: the order to read in has "
                         f"{'no line for' if stem in TEXTS else 'a line for'} {stem}; "
                         "allowed: one for each derivation, and no other")
    return found


def cover(titles):
    """Return the cover as HTML, without the frame of a page; titles are those of the chapters."""
    rows = {room: "".join(
        f'<li><a href="{stem}.html">{escape(titles[stem])}</a>: {escape(words)}</li>\n'
        for stem, words in reading_order() if (path_of(stem, ".md").parent.name == "labs") == room)
        for room in (False, True)}
    return f"""<h1>One GPT, written twice</h1>
{as_html(ABOUT, "the cover")}
<div class="cover">
<figure>{model_map().svg}
<figcaption>The model, from the ids of a text at the bottom to the loss at the top. The dashed
line is training: the backward gives each parameter its gradient, and AdamW makes new parameters
of them. Each part is a link.</figcaption></figure>
<section aria-labelledby="order">
<h2 id="order">The order to read in</h2>
<ol>
{rows[False]}</ol>
</section>
<section aria-labelledby="labs">
<h2 id="labs">The labs</h2>
<p>Features of language models, each shown on a small GPT beside a control that fails. The losses
that they need are layers like the others.</p>
<ol start="{1 + rows[False].count('<li>')}">
{rows[True]}</ol>
</section>
<section aria-labelledby="how">
<h2 id="how">How to read a page</h2>
{as_html(HOW, "the cover")}
</section>
</div>
<p>The words and the letters are in the <a href="glossary.html">glossary</a>.</p>"""
