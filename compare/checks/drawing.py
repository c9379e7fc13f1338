"""What a file says is to be drawn: shapes as words, an example as a function."""

import math
import re
import zlib

import numpy as np

from .nests import Unfit

MOST = [1, *[2] * 4, *[3] * 6, *[5] * 6, 9, 9]  # an example each: its sizes are drawn up to this
DIMENSION = re.compile(r"(\d+|[A-Za-z_]\w*)([*+](\d+|[A-Za-z_]\w*))*")
NOTATION = 'words such as "B T C", "B T 3*C", "B T > 0", "B T < V" for integers, "T T bool"'


class DrawnSizes(dict):
    """Sizes by letter, each drawn when it is first asked for; nobody may set one."""

    def __init__(self, seed, most):
        super().__init__()
        self.seed, self.most = seed, most

    def __missing__(self, letter):
        rng = np.random.default_rng([self.seed, zlib.crc32(str(letter).encode())])
        super().__setitem__(letter, int(rng.integers(1, self.most + 1)))
        return self[letter]

    def __setitem__(self, letter, size):
        raise Unfit(f"sizes is changed at {letter}; allowed: to read it")


def inputs_and_options(module, sizes, rng):
    """Return (inputs, options) of one example, as a file's `example` or its SHAPES say."""
    options = getattr(module, "OPTIONS", {})
    shapes, example = getattr(module, "SHAPES", None), getattr(module, "example", None)
    if example is None and not isinstance(shapes, dict):
        raise Unfit('SHAPES is missing; allowed: SHAPES = {"x": "B T C"} with a shape for each '
                    "argument, or a function example(rng, sizes)")
    made = ({name: draw_argument(name, words, sizes, rng) for name, words in shapes.items()}
            if example is None else example(rng, sizes))
    if isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], (tuple, dict)) \
            and isinstance(made[1], dict):
        made, options = made[0], options | made[1]
    letters = set(sizes)
    return made, {name: sizes[value] if isinstance(value, str) and value in letters else value
                  for name, value in options.items()}


def draw_argument(name, words, sizes, rng):
    """Return the array that words ask for: floats, positive ones, integers below a size, bools."""
    if not isinstance(words, str):
        raise Unfit(f'SHAPES["{name}"] is {words!r}; allowed: {NOTATION}')
    shape, sign, bound = words, None, None
    if found := re.fullmatch(r"(.*?)\s*([<>])\s*(\S+)", words):
        shape, sign, bound = found.groups()
    is_bool = shape.split()[-1:] == ["bool"]
    dimensions = shape.split()[:-1] if is_bool else shape.split()
    if any(not DIMENSION.fullmatch(word) for word in dimensions) or sign == ">" and bound != "0" \
            or sign == "<" and not DIMENSION.fullmatch(bound) or sign and is_bool:
        raise Unfit(f'SHAPES["{name}"] is "{words}"; allowed: {NOTATION}')
    shape = [drawn_size(word, sizes) for word in dimensions]
    if is_bool:
        return rng.random(shape) < 0.6
    if sign == "<":
        return rng.integers(0, drawn_size(bound, sizes), shape)
    drawn = np.asarray(rng.standard_normal(shape))
    return np.abs(drawn) + 0.1 if sign == ">" else drawn


def drawn_size(word, sizes):
    """Return the size of a word: a number, a letter, or sums of their products: T+1 or 3*C."""
    def factor_of(part):
        return int(part) if part.isdigit() else sizes[part]
    return sum(math.prod(map(factor_of, term.split("*"))) for term in word.split("+"))
