"""What the edits ask of a syntax tree, and what they build."""

import ast
import copy


def method(node):
    """Return the name of the function that a call calls: "sum" for x.sum(0) and np.sum(x)."""
    if not isinstance(node, ast.Call):
        return None
    return getattr(node.func, "attr", getattr(node.func, "id", None))


def call(value, name, *arguments, keywords=()):
    return ast.Call(ast.Attribute(value, name, ast.Load()), list(arguments), list(keywords))


def expression(text):
    return ast.parse(text, mode="eval").body


def negative(node):
    return ast.UnaryOp(ast.USub(), node)


def with_value(statement, value):
    """Return a statement with another value."""
    new = copy.copy(statement)
    new.value = value
    return new


def is_transposed(node):
    return isinstance(node, ast.Attribute) and node.attr in ("T", "mT") or (
        method(node) in ("swapaxes", "transpose"))


def other_axes(node):
    """Return the axes among -1, 0, 1 that a literal axis isn't; none for what is no literal."""
    return [] if literal(node) is None else sorted({-1, 0, 1} - {literal(node)})


def literal(node):
    """Return the integer that a node spells, -1 included, or None."""
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    return value if type(value) is int else None


def checks(node):
    """Whether a node is a statement that only calls a check."""
    return isinstance(node, ast.Expr) and (method(node.value) or "").startswith("check_")


def refuses(node):
    """Whether a node is an `if` that ends in an error."""
    return isinstance(node, ast.If) and isinstance(node.body[-1], ast.Raise)
