"""What is the same on every page of the book: the head, the way on, the foot."""

from html import escape


def document(title, body, *, at="", before=None, after=None, wide=False):
    """Return a whole page; at is the way from it to the book's folder, such as "../../".

    before and after are (address, title) of the neighbours in the order of reading.
    """
    ways = [f'<a href="{at}index.html">The book</a>', f'<a href="{at}glossary.html">Glossary</a>']
    if before:
        ways.append(f'<a rel="prev" href="{at}{before[0]}">\u2190 {escape(before[1])}</a>')
    if after:
        ways.append(f'<a rel="next" href="{at}{after[0]}">{escape(after[1])} \u2192</a>')
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="python -m compare book">
<title>{escape(title)} \u00b7 One GPT, written twice</title>
<link rel="stylesheet" href="{at}style.css">
<script defer src="{at}names.js"></script>
</head>
<body{' class="wide"' if wide else ""}>
<a class="skip" href="#main">To the text</a>
<header><nav aria-label="Pages">{" ".join(ways)}</nav></header>
<main id="main">
{body}
</main>
<footer>
<p>Made by <code>python -m compare book</code> from the sources, which it links to.</p>
</footer>
</body>
</html>
"""


def source_page(path, text, at):
    """Return the page of a source: its lines, numbered, each with an anchor such as #L12."""
    lines = "".join(f'<span id="L{n}">{escape(line, quote=False)}\n</span>'
                    for n, line in enumerate(text.splitlines(), 1))
    body = f'<h1 class="path">{escape(path)}</h1>\n<pre class="source" tabindex="0">{lines}</pre>'
    return document(path, body, at=at, wide=True)
