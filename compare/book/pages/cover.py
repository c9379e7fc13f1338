"""The cover of the book: a map of the model, each part a link, and the order to read in."""

import collections
import re
from html import escape

from ...layers.labs import LABS
from ...layers.source import TEXTS, path_of, read
from .map import llama_map, model_map
from ..reading.markdown import anchor, as_html

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
    listed = collections.Counter(stem for stem, _ in found)
    for stem in sorted({*listed, *TEXTS}):
        if listed[stem] != (stem in TEXTS):
            raise ValueError(f"{path}:{line}: the order to read in has {listed[stem]} lines for "
                             f"{stem}; allowed: one for each derivation, and no other")
    return found


def cover(titles):
    """Return the cover as HTML, without the frame of a page; titles are those of the chapters."""
    order = [(stem, words, path_of(stem, ".md").parent.name == "labs")
             for stem, words in reading_order()]
    layers = [linked(stem, titles[stem], words) for stem, words, lab in order if not lab]
    losses = [linked(stem, titles[stem], words) for stem, words, lab in order
              if lab and stem not in LABS]
    labs = [linked(stem, lab.asks, lab.says) for stem, lab in LABS.items()]
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
{"".join(layers)}</ol>
</section>
<figure>{llama_map().svg}
<figcaption>The llama, today's form of the same: norms that do not center, positions as turns of
queries and keys, heads that share keys and values, an MLP with a gate.</figcaption></figure>
<section aria-labelledby="labs">
<h2 id="labs">The labs, by question</h2>
<p>Features of language models, each shown on a small GPT beside a control that fails.</p>
<ul>
{"".join(labs)}</ul>
<p>What the labs learn with, derived as the layers are:</p>
<ul>
{"".join(losses)}</ul>
</section>
<section aria-labelledby="words">
<h2 id="words">The words</h2>
<p>The <a href="glossary.html">glossary</a> has a sentence, a source and a command for each word of
the field, and the <a href="glossary.html#notation">letters</a> of the equations. The
<a href="debates.html">debates</a> have both sides, and what can be measured here:</p>
<ul>
{"".join(f'<li><a href="debates.html#{place}">{escape(name)}</a></li>{chr(10)}'
         for place, name in debates())}</ul>
</section>
<section aria-labelledby="how">
<h2 id="how">How to read a page</h2>
{as_html(HOW, "the cover")}
</section>
</div>"""


def linked(stem, name, words):
    """Return a point of a list: the link to a chapter, and what is said of it."""
    end = "" if name.endswith("?") else ":"
    return f'<li><a href="{stem}.html">{escape(name)}</a>{end} {escape(words)}</li>\n'


def debates():
    """Return (anchor, name) of each debate, in order."""
    names = re.findall(r"^## (.+)$", read("reference/DEBATES.md"), re.M)
    return [(anchor(name), name) for name in names]
