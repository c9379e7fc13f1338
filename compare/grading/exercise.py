"""An exercise: a file with a layer's forward, its shapes, and an empty backward to fill in."""

import ast
import re
from pathlib import Path

from ..layers import both
from ..layers.table import LAYERS
from ..layers.sizes import sizes, in_words
from ..layers.source import path_of, read, tags
from ..words import argument

HEAD = '''"""Exercise: the backward of {stem}.

Fill in `backward` at the end. Then: python -m compare grade {file}
In the project's folder, the forward is that of {path}, and {page} derives
the equations.
"""

LAYER = "{stem}"
'''
TASK = '''    # Return {results}.
    # Derive {equations}. At {sizes} the shapes are:
{shapes}
    raise NotImplementedError("fill in backward")
'''


def write_exercise(stem, path=None):
    """Write the exercise of a layer and return its path; raises ValueError if the file exists."""
    path = Path(path or f"{stem}_exercise.py")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(exercise_text(stem, argument(path.as_posix())))
    except FileExistsError:
        raise ValueError(f"FILE is {path}, which exists; allowed: a new name (--output)") from None
    except OSError as error:
        raise ValueError(f"FILE is {path}, which can't be written: {error.strerror}; "
                         "allowed: a path in a folder that exists") from None
    return path


def exercise_text(stem, file):
    """Return the text of the exercise: the layer's source, and last a backward without its body."""
    source = read(path_of(stem))
    lines, body = source.splitlines(), ast.parse(source).body
    backward = next(node for node in body if getattr(node, "name", "") == "backward")
    opening = backward.body[0].end_lineno  # the end of its docstring
    equations = [tag for line in lines[opening : backward.end_lineno] for tag in tags(line)]
    start = min(node.lineno for node in [backward, *backward.decorator_list]) - 1
    given = lines[body[0].end_lineno : start] + lines[backward.end_lineno + 2 :]
    given = "\n".join(absolute(line, path_of(stem).parent.parts) for line in given)
    if "import numpy as np" not in given:
        given = given.replace("\nfrom numpy", "\nimport numpy as np\nfrom numpy", 1)
    names, shapes = results(LAYERS[stem], backward.args.args[0].arg)
    span = equations[0] + (f" to {equations[-1]}" if len(equations) > 1 else "")
    task = TASK.format(results=names, equations=span, shapes=shapes,
                       sizes=in_words(sizes(LAYERS[stem].letters, "apart")))
    return (HEAD.format(stem=stem, file=file, path=path_of(stem).as_posix(),
                        page=path_of(stem, ".md").as_posix()) + given.rstrip() + "\n\n\n"
            + "\n".join(lines[backward.lineno - 1 : opening]) + "\n" + task)


def absolute(line, package):
    """Return a line with the whole name of the module that it imports from, seen from a package."""
    def whole(match):
        base = package[:len(package) - len(match[1]) + 1]
        return f"from {'.'.join([*base, *filter(None, [match[2]])])} import"
    return re.sub(r"^from (\.+)([\w.]*) ?import", whole, line)


def results(layer, cotangent):
    """Return what backward returns, in words, and a comment line for each gradient's shape."""
    example = layer.example(sizes(layer.letters, "apart"), 0)
    dy = both.draw_cotangent(layer, example, 0)
    returned = [f"d{name}" for name in both.differentiable(example)]
    if example.params is not None:
        returned.append("Params of the gradients")
    gradients = both.run_numpy(layer, example, dy).gradients
    shapes = {cotangent: dy.shape} | {f"d {name}": grad.shape for name, grad in gradients.items()}
    width = max(map(len, shapes)) + 2
    words = ", ".join(returned) + "; None for what is not written yet" * (len(gradients) > 1)
    return words, "\n".join(
        f"    #   {name:<{width}}{shape}" for name, shape in shapes.items())
