"""What happens inside a model in training: its activations, their gradients, and its updates.

The layers are the embedding, each block, and the last norm. Without dropout, so that both
implementations see the same.
"""

import contextlib
import math
from types import SimpleNamespace

import numpy as np

from reference.tools import tree

from ..files.packing import Stat
from ..files.whole import written_whole
from ..layers.models import model_of
from .log import write_rows

COLUMNS = {"activation": "deviation of a layer's output", "gradient": "deviation of its gradient",
           "update": "size of an update over that of the weights"}


def names(config):
    """Return the names of the layers."""
    return ["embedding", *(f"blocks.{i}" for i in range(config.n_layer)), "norm"]


def of_update(step, inside, before, after):
    """Return the Stats of an update, a layer each.

    inside holds (activation, gradient) by layer, before and after the parameters.
    """
    return tuple(
        Stat(step, layer, activation, gradient,
             length(tree.map(np.subtract, new, old)) / length(old))
        for layer, ((activation, gradient), old, new) in enumerate(
            zip(inside, parts(before), parts(after), strict=True)))


def parts(params):
    """Return the parameters of each layer."""
    return [params.embedding, *params.blocks, params.norm]


def length(values):
    """Return the Euclidean length of all arrays laid end to end."""
    return math.sqrt(sum(float(np.vdot(a, a)) for a in tree.leaves(values)))


def numpy_inside(params, tokens, targets, config):
    """Return (deviation of the output, of its gradient) of each layer of the NumPy model."""
    model = model_of(config)
    with observed(model.numpy, model.block_stem, model.norm_stem) as (outputs, gradients):
        model.numpy.loss_and_grad(tokens, targets, params, config=config)
    return list(zip(outputs, reversed(gradients), strict=True))


@contextlib.contextmanager
def observed(model, *stems):
    """Note what goes into the first of the layers that a model calls by these stems, and what each
    puts out; and the gradients of them, which come back the other way round."""
    outputs, gradients = [], []

    def watching(layer):
        def forward(x, *arguments, **options):
            y, cache = layer.forward(x, *arguments, **options)
            outputs.extend(float(a.std()) for a in ([y] if outputs else [x, y]))
            return y, cache

        def backward(dy, cache):
            dx, dp = layer.backward(dy, cache)
            gradients.extend(float(a.std()) for a in ([dx] if gradients else [dy, dx]))
            return dx, dp
        return SimpleNamespace(**vars(layer) | {"forward": forward, "backward": backward})

    before = {stem: getattr(model, stem) for stem in stems}
    for stem, layer in before.items():
        setattr(model, stem, watching(layer))
    try:
        yield outputs, gradients
    finally:
        for stem, layer in before.items():
            setattr(model, stem, layer)


def write_csv(path, stats, config):
    """Write the stats as CSV, the names of the columns first."""
    named = names(config)
    write_rows(path, [Stat._fields, *(s._replace(layer=named[s.layer]) for s in stats)])


def table(stats, config):
    """Yield the lines of a table of the last step's stats."""
    last = [s for s in stats if s.step == stats[-1].step]
    yield f"{f'at step {last[0].step}':<16}{'activation':>12}{'gradient':>12}{'update':>12}"
    for stat, name in zip(last, names(config)):
        yield f"{name:<16}{stat.activation:>12.3g}{stat.gradient:>12.3g}{stat.update:>12.3g}"


SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 {height}" \
font-family="sans-serif" font-size="12">
<title>inside the model</title>
<rect width="960" height="{height}" fill="white"/>
{panels}
{legend}
</svg>
"""
PANEL = """<g transform="translate({x} 40)">
<text x="0" y="-16">{title}</text>
{grid}
{lines}
<text x="240" y="238" text-anchor="end">step {last}</text>
</g>"""
GRID = ('<line x1="0" x2="240" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>'
        '<text x="-6" y="{text:.1f}" text-anchor="end">{value}</text>')
LINE = '<polyline fill="none" stroke="{color}" stroke-width="1.5" points="{points}"/>'


def write_picture(path, stats, config):
    """Write a picture of the stats: a panel each column, a line each layer, from blue to red."""
    named = names(config)
    colors = [f"hsl({240 - 240 * i / (len(named) - 1):.0f} 65% 45%)" for i in range(len(named))]
    panels = "\n".join(panel(60 + 320 * i, title, [
        [(s.step, getattr(s, column)) for s in stats if s.layer == layer]
        for layer in range(len(named))], colors)
        for i, (column, title) in enumerate(COLUMNS.items()))
    places = [(60 + 120 * (i % 7), 310 + 18 * (i // 7)) for i in range(len(named))]
    legend = "\n".join(f'<text x="{x}" y="{y}" fill="{color}">{name}</text>'
                       for (x, y), color, name in zip(places, colors, named))
    with written_whole(path) as file:
        file.write(SVG.format(height=places[-1][1] + 20, panels=panels, legend=legend).encode())


def panel(x, title, lines, colors):
    """Return one panel: lines of (step, value), the values on a logarithmic scale."""
    logs = [math.log10(value) for line in lines for _, value in line if value > 0] or [0.0]
    low, high = math.floor(min(logs)), max(math.ceil(max(logs)), math.floor(min(logs)) + 1)
    last = max(step for line in lines for step, _ in line)

    def height(log):
        return 220 * (high - log) / (high - low)

    drawn = [LINE.format(color=color, points=" ".join(
        f"{240 * step / last:.1f},{height(math.log10(value)):.1f}"
        for step, value in line if value > 0)) for line, color in zip(lines, colors)]
    powers = range(low, high + 1, max(1, (high - low) // 4))
    grid = [GRID.format(y=height(power), text=height(power) + 4, value=f"{10.0**power:g}")
            for power in powers]
    return PANEL.format(x=x, title=title, grid="\n".join(grid), lines="\n".join(drawn), last=last)
