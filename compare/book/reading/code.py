"""The lines of code that belong to each tag, read from a source with ast."""

import ast
import re
import textwrap
from pathlib import Path
from typing import NamedTuple

from ...layers.source import read, tags

SHAPE = re.compile(r"#\s*(\([^()]*\)(?:, \([^()]*\))*)")
TAGGED = re.compile(r"\s*# [^#]*\b[A-Z]{2,4}-\d+[^#]*$")  # the last #: others are in strings


class Code(NamedTuple):
    """The lines of one file that do the equations of some tags."""

    path: Path    # as seen from the house
    first: int    # the number of the first line
    last: int
    text: str     # without the lines that refuse arguments, and without the tags
    shape: str    # as the comment gives it, such as "(..., C)"
    tags: tuple   # all tags of its comment, in order


def code_of_tags(path):
    """Return the Code of each tag of a file, by tag; tags of one comment share one.

    Raises ValueError, with file and line, for a tag that stands twice, or in no body of a function.
    """
    text = read(path)
    lines, found = text.splitlines(), {}
    marks = marked_lines(path, lines)
    for function in outermost_functions(ast.parse(text)):
        begin = function.body[0]
        end = begin.end_lineno if ast.get_docstring(function) else begin.lineno - 1
        own = [n for n in marks if end < n <= function.end_lineno and n >= function.lineno]
        for number, following in zip(own, [*own[1:], None]):
            first, end = end + 1, reach(function, number, following)
            kept = kept_lines(function, lines, first, end)
            code = Code(Path(path), kept[0], kept[-1], cell(lines, kept),
                        shape_in(lines[number - 1]), tuple(marks.pop(number)))
            found.update(dict.fromkeys(code.tags, code))
    for number, (tag, *_) in marks.items():
        raise ValueError(f"{Path(path).as_posix()}:{number}: {tag} is in no body of a function; "
                         "allowed: in the comment of a line of one")
    return found


def marked_lines(path, lines):
    """Return the tags of each line that has some, by its number."""
    marks, seen = {n: names for n, line in enumerate(lines, 1) if (names := tags(line))}, {}
    for number, names in marks.items():
        for tag in names:
            if tag in seen:
                raise ValueError(f"{Path(path).as_posix()}:{number}: {tag} stands in line "
                                 f"{seen[tag]}, too; allowed: each tag once")
            seen[tag] = number
    return marks


def outermost_functions(tree):
    """Return the functions and methods of a module that are in no other function."""
    bodies = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))]
    return [node for body in bodies for node in body if isinstance(node, ast.FunctionDef)]


def reach(function, number, following):
    """Return the last line that belongs to the tagged line of a number, before the next tag.

    It is that of the function after its last tag. Before, it is that of the statement, with the
    rest of the loops and branches that it ends, and with what changes the same name once more.
    """
    if following is None:
        return function.end_lineno
    end, body = number, function.body
    while body:
        at = next((i for i, s in enumerate(body) if s.lineno <= number <= s.end_lineno), None)
        if at is None:  # a comment between statements
            return end
        inside = body[at]
        if inside.end_lineno < following:
            end = inside.end_lineno
            for other in body[at + 1:]:
                if other.end_lineno >= following or not assigned(other) & assigned(inside):
                    break
                end = other.end_lineno
            return end
        body = list(statements_in(inside))
    return end


def statements_in(node):
    """Yield the statements right inside of one: of its body, its else, its handlers and so on."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        else:
            yield from statements_in(child)


def assigned(statement):
    """Return the names that a statement assigns."""
    if isinstance(statement, (ast.Assign, ast.AugAssign)):
        targets = getattr(statement, "targets", None) or [statement.target]
        return {node.id for target in targets for node in ast.walk(target)
                if isinstance(node, ast.Name)}
    return set()


def kept_lines(function, lines, first, last):
    """Return the numbers of the lines from first to last that neither refuse nor are blank."""
    dropped = {n for node in ast.walk(function) if only_refuses(node)
               for n in range(node.lineno, node.end_lineno + 1)}
    return [n for n in range(first, last + 1)
            if lines[n - 1].strip() and (n not in dropped or tags(lines[n - 1]))]


def only_refuses(node):
    """Whether a statement only looks at arguments: a check, or a branch that raises."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return getattr(node.value.func, "id", "").startswith("check_")
    return isinstance(node, ast.If) and isinstance(node.body[-1], ast.Raise) and not node.orelse


def cell(lines, numbers):
    """Return lines as they stand in a cell: dedented, comments closed up, a tagged one without its
    own."""
    kept = [TAGGED.sub("", lines[n - 1]) if tags(lines[n - 1]) else lines[n - 1] for n in numbers]
    return textwrap.dedent("\n".join(re.sub(r"(?<=\S) {2,}", "  ", line) for line in kept))


def shape_in(line):
    """Return the shape that the comment of a line gives, or an empty string."""
    found = SHAPE.search(line)
    return found[1] if found else ""
