"""What the lines of a file make: a function is run, and what each statement makes is noted."""

import ast
import functools
import os
import sys
from typing import Any, NamedTuple

from reference.tools import tree

from ...layers.source import tags

MAKERS = ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Return


class Made(NamedTuple):
    """One array that a statement made, or changed in place."""

    tags: tuple     # those in the statement's comment, () for none
    name: str       # as in "xhat"; of a leaf of a tree as in "ddown.weight"
    value: Any
    before: Any     # what it was, where it was changed in place; else None
    node: ast.stmt  # the statement


class Statement(NamedTuple):
    """A simple statement, and what it makes."""

    node: ast.stmt
    tags: tuple
    targets: list   # (name, whether it is changed in place)


def made_by(function, path, copy):
    """Call the function; return (its result, a Made for each thing made in the file, in order).

    copy(value) is called when a statement is done, and returns what to keep of the value; None
    leaves it out. Caches are left out, and trees are noted leaf by leaf.
    """
    with open(path, encoding="utf-8") as file:
        statements, found = statements_of(file.read()), []
    is_it = functools.cache(lambda name: os.path.realpath(name) == os.path.realpath(path))

    def follow(frame, event, _):
        if event == "call" and is_it(frame.f_code.co_filename):
            return Follower(statements, copy, found).step
        return None

    before = sys.gettrace()
    sys.settrace(follow)
    try:
        return function(), found
    finally:
        sys.settrace(before)


class Follower:
    """Follows one call of a function, line by line."""

    def __init__(self, statements, copy, found):
        self.statements, self.copy, self.found = statements, copy, found
        self.open = self.returning = None  # the statement at work; the return that ends the call
        self.before = {}                   # what it changes in place, as it was

    def step(self, frame, event, arg):
        """Take note of one event of sys.settrace."""
        if event == "exception" and not issubclass(arg[0], StopIteration):  # that one ends a loop
            self.open = self.returning = None
        elif event == "line":
            self.enter(self.statements.get((frame.f_code.co_name, frame.f_lineno)), frame)
        elif event == "return":
            self.enter(None, frame)
            if self.returning:
                (name, _), = self.returning.targets
                self.note(self.returning, name, first_of(arg))
        return self.step

    def enter(self, statement, frame):
        """Note what the statement at work made, if another begins."""
        if statement is self.open:
            return  # the next line of the same
        if self.open:
            for name, in_place in self.open.targets:
                self.note(self.open, name, frame.f_locals.get(name), in_place)
        self.open = statement
        if statement and isinstance(statement.node, ast.Return):
            self.open, self.returning = None, statement
        elif statement:
            self.before = {name: dict(self.leaves(name, frame.f_locals.get(name)))
                           for name, in_place in statement.targets if in_place}

    def note(self, statement, name, value, in_place=False):
        """Note a value, or the leaves of a tree."""
        for leaf, kept in self.leaves(name, value):
            before = self.before[name].get(leaf) if in_place else None
            self.found.append(Made(statement.tags, leaf, kept, before, statement.node))

    def leaves(self, name, value):
        """Yield (dotted name, copy) of each leaf that is kept."""
        if not is_cache(value):
            for leaf, part in tree.walk(value, name):
                if (kept := self.copy(part)) is not None:
                    yield leaf, kept


def is_cache(value):
    """Whether it is the cache of a layer."""
    return type(value).__name__ == "Cache"


def first_of(value):
    """Return y of what a forward returns, (y, cache), dx of (dx, dp); a tree as it is."""
    return value[0] if type(value) is tuple and value else value


@functools.lru_cache(64)
def statements_of(text):
    """Return the Statements of a file that make something, by (their function's name, line)."""
    module, lines, found = ast.parse(text), text.splitlines(), {}
    first = {node.name: node.args.args[0].arg for node in module.body
             if isinstance(node, ast.FunctionDef) and node.args.args}.get("forward")
    for function in ast.walk(module):  # an outer one before those in it
        if not isinstance(function, ast.FunctionDef):
            continue
        returned = {"forward": "y", "backward": first and f"d{first}"}.get(function.name)
        for node in ast.walk(function):
            if isinstance(node, MAKERS):
                own = lines[node.lineno - 1:node.end_lineno]
                statement = Statement(node, tuple(tag for line in own for tag in tags(line)),
                                      list(targets_of(node, returned or function.name)))
                for line in range(node.lineno, node.end_lineno + 1):
                    found[function.name, line] = statement
    return found


def targets_of(node, returned):
    """Yield (name, whether it is changed in place) of what a statement makes."""
    if isinstance(node, ast.Return):
        yield returned, False
    elif isinstance(node, ast.Expr):
        call = node.value  # such as np.add.at(name, places, values)
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "at":
            yield from targets(call.args[0], True)
    else:
        for target in getattr(node, "targets", None) or [node.target]:
            yield from targets(target, isinstance(node, ast.AugAssign))


def targets(target, in_place):
    """Yield the same of one target: x, x[...] or a tuple of such."""
    if isinstance(target, ast.Name):
        yield target.id, in_place
    elif isinstance(target, ast.Subscript):
        yield from targets(target.value, True)
    elif isinstance(target, ast.Tuple):
        for part in target.elts:
            yield from targets(part, in_place)
