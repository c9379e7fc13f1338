"""What a picture says: its texts, its numbers and its shapes, read from the SVG."""

import functools
import re
import xml.etree.ElementTree as ElementTree

from compare.book.figures import figure_of

NUMBER = re.compile(r"-?\d+(\.\d+)?")
picture_of = functools.cache(figure_of)  # drawn once for all tests


def root_of(stem):
    """Return the root of a layer's picture."""
    return ElementTree.fromstring(picture_of(stem).svg)


def texts_of(stem):
    """Return the texts of a picture in their order, with a plain minus sign."""
    return ["".join(node.itertext()).replace("\u2212", "-") for node in root_of(stem).iter("text")]


def printed_numbers(stem):
    """Return the texts that are a number and nothing else, in their order."""
    return [float(words) for words in texts_of(stem) if NUMBER.fullmatch(words)]


def painted(node, color):
    """Whether a shape is filled or drawn with a colour."""
    return f"var(--{color}," in node.get("style", "")
