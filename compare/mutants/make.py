"""Wrong versions of the hand-written code, each one edit away from it, made from its syntax tree.

A check is worth what it catches: `make mutants` runs the tests against every one of them. And a
student's wrong gradient that equals a mutant's has a name (grade.py).
"""

import ast
import collections
import contextlib
import copy
import functools
import pickle
from typing import NamedTuple

from ..layers.source import module_of, path_of, read, tags
from ..layers.table import LAYERS
from .edits import OPERATORS
from .by_hand import HAND_MADE
from .in_labs import FORWARDS_IN_LABS
from .known import EQUIVALENT, MEANINGS
from .scope import Scope
from .syntax import checks, refuses

TARGETS = {  # functions and methods of each file; a tag after @ picks the lines that carry it
    **{stem: ["backward"] for stem in LAYERS},
    "softmax": ["backward", "causal_mask", "check_mask", "forward@SM-1"],
    "dropout": ["backward", "forward", "draw_keep"],
    "attention": ["backward", "split_heads", "merge_heads", "draw_keep"],
    "flash_attention": ["backward", "forward", "block_scores", "blocks"],
    "rope": ["backward", "forward", "turns"],
    "grouped_attention": ["backward", "project", "unproject", "sizes_of"],
    "block": ["backward", "draw_keep"],
    "gpt": ["backward", "loss_and_grad", "draw_keep"],
    "llama": ["backward", "loss_and_grad"],
    "sums": ["sum_over_rows", "row_sum", "row_mean", "row_dot"],
    "adamw": ["update", "clip", "learning_rate"],
    "fused_adamw": ["FusedAdamW.__init__", "FusedAdamW.update", "groups", "views", "gathered"],
    "parallel": ["share_of_loss", "share_of_gradient", "in_parts", "split", "add"],
    "elementwise": ["elementwise", "alike"],
    "train": ["train", "accumulated", "check_finite", "evaluate"],
    "generate": ["generate", "stream", "window_start", "probabilities", "pick"],
    "decode": ["begin", "step", "attend", "feed", "norm", "linear"],
    "llama_decode": ["begin", "step", "attend", "feed", "norm", "score"],
    "packed": ["Packed.__getitem__", "Packed.__matmul__", "Packed.floats", "products", "floats"],
    "packed_llama": ["begin", "block_params", "block_rows"],
    "tree_search": ["search", "play", "walk", "expanded", "select", "most_visited", "score_of"],
    "word2vec": ["kept_share", "noise_share", "unit", "ranked", "answers"],
    "selection": ["losses", "gradient_norms", "reducible", "highest", "price"],
    "torch_impl.dropout": ["Dropout.forward"],
    "torch_impl.attention": ["Attention.forward", "Attention.attend_with"],
    "torch_impl.adamw": ["optimizer", "clip", "scheduler"],
    "torch_impl.train": ["train", "accumulated", "check_finite", "evaluate"],
    "torch_impl.generate": ["generate", "stream", "forward", "window_start", "probabilities",
                            "pick"],
    "torch_impl.decode": ["begin", "step", "attend"],
    "torch_impl.llama_decode": ["begin", "step", "attend"],
    "compare.text.corpus": ["train_and_validation", "batches", "windows", "bigram_loss"],
    "compare.training.job": ["Batches.__next__", "validation"],
    "compare.training.log": ["is_due", "is_entered", "is_owed", "noted", "entered", "measured"],
    "compare.training.torch_side": ["TorchSide.steps", "TorchSide.own", "TorchSide.evaluate"],
}


class Mutant(NamedTuple):
    """One wrong version of one function."""

    stem: str      # the file in reference/, or the dotted name of another module
    function: str
    tag: str       # of the line, such as "LN-8"; several as "LN-5, LN-6"
    edit: str      # what was done: "the term dxhat.mean(-1, keepdims=True) is left out"
    tree: ast.FunctionDef

    @property
    def name(self):
        """The name under which it is listed."""
        return f"{self.stem}.{self.function} {self.tag}".rstrip() + f": {self.edit}"

    @property
    def reason(self):
        """Why it is right after all, or None: see EQUIVALENT."""
        return EQUIVALENT.get(self.name)

    @functools.cache
    def build(self):
        """Return the wrong function, living among the names of its module."""
        module, found = module_of(self.stem), {}
        code = ast.Module([self.tree], [])
        exec(compile(code, f"<{self.name}>", "exec"), vars(module), found)
        return found[self.tree.name]

    @contextlib.contextmanager
    def planted(self):
        """Put the wrong function in the right one's place for the length of a with block."""
        owner = module_of(self.stem)
        for part in self.function.split(".")[:-1]:
            owner = getattr(owner, part)  # a class
        right = getattr(owner, self.tree.name)
        setattr(owner, self.tree.name, self.build())
        try:
            yield
        finally:
            setattr(owner, self.tree.name, right)


@functools.cache
def mutants(stem):
    """Return every Mutant of a file, each source once and each name once."""
    lines, functions = functions_of(stem)
    found, times = {}, collections.Counter()
    for target in TARGETS[stem]:
        name, _, only = target.partition("@")
        for mutant in of_function(stem, name, functions[name], lines):
            if only in mutant.tag and (name, ast.unparse(mutant.tree)) not in found:
                times[mutant.name] += 1
                if times[mutant.name] > 1:
                    mutant = mutant._replace(edit=f"{mutant.edit} (place {times[mutant.name]})")
                found[name, ast.unparse(mutant.tree)] = mutant
    return list(found.values())


@functools.cache
def hand_made(stem):
    """Return the wrong versions more than one edit away, from by_hand.py and in_labs.py."""
    made = [("backward", *row[:3]) for row in HAND_MADE]
    made += [("forward", *row) for row in FORWARDS_IN_LABS]
    return [Mutant(stem, name, ", ".join(replaced), edit, with_lines(stem, replaced, name))
            for name, file, edit, replaced in made if file == stem]


def with_lines(stem, replaced, name="backward"):
    """Return the tree of a function with other statements in the place of those with some tags.

    Raises ValueError for a tag that no statement carries.
    """
    lines, functions = functions_of(stem)
    exchange = Exchange(lines, replaced)
    function = exchange.visit(functions[name])
    if left := set(replaced) - exchange.done:
        raise ValueError(f"no statement of {stem}.{name} carries {', '.join(sorted(left))}")
    return function


def in_one(first, second):
    """Return the Mutant with what both of one function did to it, None where that is one place."""
    right = unparsed_body(right_version(first.stem, first.function))
    mine, other = unparsed_body(first.tree), unparsed_body(second.tree)
    if not len(right) == len(mine) == len(other) or any(
            was not in (a, b) for was, a, b in zip(right, mine, other)):
        return None
    body = [a if text != was else b for a, b, text, was in zip(
        first.tree.body, second.tree.body, mine, right)]
    tree = copy.copy(first.tree)
    tree.body = body
    return first._replace(tag=f"{first.tag}, {second.tag}", tree=tree,
                          edit=f"{first.edit}, and {second.edit}")


@functools.cache
def right_version(stem, function):
    """Return the tree of a function as it is."""
    return functions_of(stem)[1][function]


@functools.cache
def unparsed_body(function):
    """Return the text of each statement of a function."""
    return [ast.unparse(statement) for statement in function.body]


class Exchange(ast.NodeTransformer):
    """Puts other statements in the place of the innermost ones that carry a tag."""

    def __init__(self, lines, replaced):
        self.lines, self.replaced, self.done = lines, replaced, set()

    def visit(self, node):
        if not isinstance(node, ast.stmt) or hasattr(node, "body"):
            return self.generic_visit(node)
        found = [tag for line in self.lines[node.lineno - 1 : node.end_lineno]
                 for tag in tags(line) if tag in self.replaced]
        self.done.update(found)
        return ast.parse(self.replaced[found[0]]).body if found else node


@functools.cache
def vocabulary(stem):
    """Return the wrong versions of a backward that have a name, the likeliest first: the layer's
    own, then those of the layers whose backwards it calls."""
    own = [m for m in mutants(stem) + hand_made(stem) if m.function == "backward" and not m.reason]
    own.sort(key=lambda m: (m.name not in MEANINGS, m in hand_made(stem), len(m.edit)))
    helpers = [node.value.id for node in ast.walk(functions_of(stem)[1]["backward"])
               if isinstance(node, ast.Attribute) and node.attr == "backward"]
    return list(dict.fromkeys([*own, *(m for helper in helpers for m in vocabulary(helper))]))


def functions_of(stem):
    """Return the lines of a file, and the trees of its functions by name, as in "backward"; those
    of a class as in "FusedAdamW.update"."""
    text = read(path_of(stem))
    module = ast.parse(text).body
    places = [("", module), *((f"{node.name}.", node.body) for node in module
                              if isinstance(node, ast.ClassDef))]
    return text.splitlines(), {prefix + node.name: node for prefix, body in places
                               for node in body if isinstance(node, ast.FunctionDef)}


def of_function(stem, name, function, lines):
    """Yield the mutants of one function, some of them equal."""
    for number, node in enumerate(ast.walk(function)):
        node.number = number  # a copy of the tree keeps it
    original, scope = ast.unparse(function), Scope(stem, function)
    blocks = [(node.lineno - 1, node.end_lineno) for node in ast.walk(function)
              if isinstance(node, (ast.For, ast.FunctionDef))]
    for node, statement in spots(function):
        for operator in OPERATORS:
            for edit, new in operator(node, scope):
                copied = pickle.loads(pickle.dumps(function, -1))  # deepcopy takes thrice as long
                mutated = Replace(node, new).visit(copied)
                if ast.unparse(ast.fix_missing_locations(mutated)) != original:
                    tag = tag_of(statement, lines, blocks)
                    yield Mutant(stem, name, tag, edit, mutated)


class Replace(ast.NodeTransformer):
    """Puts a new node, or nothing, in the place of an old one."""

    def __init__(self, old, new):
        self.number, self.new = old.number, new

    def visit(self, node):
        if getattr(node, "number", None) != self.number:
            return self.generic_visit(node)
        return ast.copy_location(ast.Pass() if self.new is None else self.new, node)


def spots(function):
    """Yield (node, its statement) for all that can be edited; not what only words an error."""
    wording = {id(inner) for node in ast.walk(function) if refuses(node)
               for part in node.body for inner in ast.walk(part)}
    for statement in ast.walk(function):
        if id(statement) in wording or isinstance(getattr(statement, "value", 0), ast.Constant):
            continue
        if checks(statement):
            yield statement, statement  # it is left out, or stays as it is
        elif isinstance(statement, (ast.Assign, ast.AugAssign, ast.Expr, ast.Return)):
            yield from ((node, statement) for node in ast.walk(statement))
        if isinstance(statement, ast.If):
            yield statement, statement
            yield from ((node, statement.test) for node in ast.walk(statement.test))
        if isinstance(statement, ast.For):
            yield from ((node, statement.iter) for node in ast.walk(statement.iter))


def tag_of(statement, lines, blocks):
    """Return the tags on the lines of a statement; or, in its loop or function, the next ones
    below it or the last ones above it. A return closes a function, and has only its own."""
    start, end = statement.lineno - 1, statement.end_lineno
    first, last = min((block for block in blocks if block[0] <= start and end <= block[1]),
                      key=lambda block: block[1] - block[0])
    own = [tag for line in lines[start:end] for tag in tags(line)]
    near = [] if isinstance(statement, ast.Return) else [
        *map(tags, lines[end:last]), *map(tags, reversed(lines[first:start]))]
    return ", ".join(own or next(filter(None, near), []))
