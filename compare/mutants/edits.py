"""The edits: what can go wrong in one place of a function.

Each operator takes a node of its syntax tree and yields (what was done, the new node); None for the
new node takes the old one out.
"""

import ast
import copy

from .syntax import (call, checks, expression, is_transposed, literal, method, negative, other_axes,
                     refuses, with_value)


def terms(node, scope):
    """A sum or a difference: a term dropped, a sign flipped."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, (ast.Add, ast.Sub)):
        return
    minus = isinstance(node.op, ast.Sub)
    left, right = ast.unparse(node.left), ast.unparse(node.right)
    yield f"the term {right} is left out", node.left
    yield f"the term {left} is left out", negative(node.right) if minus else node.right
    yield f"the sign of {right} is flipped", ast.BinOp(
        node.left, ast.Add() if minus else ast.Sub(), node.right)


def additions(node, scope):
    """A term that is added to what stands there already: dropped, its sign flipped, or alone."""
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        what, value = ast.unparse(node.target), ast.unparse(node.value)
        yield f"the term {value} is left out", None
        yield f"what {what} held is overwritten, not added to", ast.Assign(
            [node.target], node.value)
        yield f"the sign of {value} is flipped", ast.AugAssign(node.target, ast.Sub(), node.value)


def factors(node, scope):
    """A product, a quotient or a power: a factor dropped, squared, or on the wrong side."""
    if not isinstance(node, ast.BinOp):
        return
    left, right = node.left, node.right
    if isinstance(node.op, ast.Mult):
        for this, other in (left, right), (right, left):
            yield f"the factor {ast.unparse(this)} is left out", other
            yield f"the factor {ast.unparse(this)} is squared", ast.BinOp(node, ast.Mult(), this)
    if isinstance(node.op, ast.Div):
        by = ast.unparse(right)
        yield f"the division by {by} is left out", left
        yield f"it is divided by {by} twice", ast.BinOp(node, ast.Div(), right)
        yield f"it is multiplied by {by}, not divided", ast.BinOp(left, ast.Mult(), right)
    if isinstance(node.op, ast.Pow):
        yield f"the power {ast.unparse(right)} is left out", left


def signs(node, scope):
    """A whole result with the wrong sign; a minus dropped."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and literal(node) is None:
        yield f"the minus of {ast.unparse(node.operand)} is left out", node.operand
    if isinstance(node, (ast.Assign, ast.AugAssign, ast.Return)) and isinstance(
            node.value, ast.BinOp):
        yield "the sign of the result is flipped", with_value(node, negative(node.value))


def transposes(node, scope):
    """A transpose missing, or one too many in a matrix product."""
    if is_transposed(node):
        inner = node.value if isinstance(node, ast.Attribute) else node.func.value
        yield f"the transpose of {ast.unparse(inner)} is missing", inner
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        for side in "left", "right":
            operand = getattr(node, side)
            if not is_transposed(operand):
                new = copy.copy(node)
                setattr(new, side, call(operand, "swapaxes", ast.Constant(-1), ast.Constant(-2)))
                yield f"{ast.unparse(operand)} is transposed, and should not be", new


def reductions(node, scope):
    """A mean for a sum and the other way round; another axis; the first row only."""
    name = method(node)
    if name == "sum_over_rows":
        what = ast.unparse(node.args[0])
        rows = f"({what}).reshape(-1, ({what}).shape[-1])"
        yield f"the mean of the rows of {what} is taken, not the sum", expression(f"{rows}.mean(0)")
        yield f"only the first row of {what} is taken", expression(f"{rows}[0]")
        yield f"{what} is summed over its first axis only", expression(f"({what}).sum(0)")
    if name in ("row_sum", "row_mean"):
        what, other = ast.unparse(node.args[0]), "mean" if name == "row_sum" else "sum"
        yield f"the {other} of {what} is taken, not the {name[4:]}", expression(
            f"({what}).{other}(-1, keepdims=True)")
    if name == "row_dot":
        first, second = map(ast.unparse, node.args)
        yield f"the mean of {first} * {second} is taken, not the sum", ast.BinOp(
            node, ast.Div(), expression(f"({first}).shape[-1]"))
    if name not in ("sum", "mean") or not isinstance(node.func, ast.Attribute):
        return
    value, first = node.func.value, node.args[0] if node.args else None
    what, other = ast.unparse(value), "mean" if name == "sum" else "sum"
    yield f"the {other} of {what} is taken, not the {name}", call(
        value, other, *node.args, keywords=node.keywords)
    if isinstance(first, ast.Name):
        yield f"{what} is summed over its first axis only", call(value, name, ast.Constant(0))
    if first is not None and literal(first) == 0:
        yield f"only the first row of {what} is taken", ast.Subscript(
            value, ast.Constant(0), ast.Load())


def axes(node, scope):
    """Another axis, in a method that takes one or in a shape."""
    if method(node) in AXIS_METHODS and isinstance(node.func, ast.Attribute):
        for i, argument in enumerate(node.args):
            for other in other_axes(argument):
                arguments = [*node.args[:i], ast.Constant(other), *node.args[i + 1 :]]
                yield f"{node.func.attr} takes the axis {other}, not {literal(argument)}", \
                    ast.Call(node.func, arguments, node.keywords)
    if isinstance(node, ast.Subscript) and getattr(node.value, "attr", "") == "shape":
        for other in other_axes(node.slice):
            yield f"the size of the axis {other} is taken, not of {literal(node.slice)}", \
                ast.Subscript(node.value, ast.Constant(other), ast.Load())


def exchanges(node, scope):
    """One array for another of the same shape, cached for cached and gradient for gradient."""
    if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
        for other in scope.alike(node):
            yield f"{other} stands in place of {ast.unparse(node)}", \
                expression(other)
    if isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load):
        for i in range(len(node.elts) - 1):
            elements = list(node.elts)
            first, second = elements[i : i + 2]
            if isinstance(first, ast.Constant) or isinstance(second, ast.Constant):
                continue  # of an index, not of arrays
            elements[i], elements[i + 1] = second, first
            yield f"{ast.unparse(first)} and {ast.unparse(second)} are exchanged", \
                ast.Tuple(elements, ast.Load())


def masks(node, scope):
    """A mask ignored or turned round, a triangle moved, a check left out."""
    if isinstance(node, ast.If) and not refuses(node) and len(node.body) == 1:
        yield f"{ast.unparse(node.test)} makes no difference: its mask is ignored", None
    if refuses(node):
        yield f"nobody asks whether {ast.unparse(node.test)}", None
    if checks(node):
        what = [ast.unparse(a).strip("'") for a in node.value.args[:1]]
        what = what or [keyword.arg for keyword in node.value.keywords]
        yield f"nobody checks {', '.join(what)}", None
    if method(node) == "where":
        mask, *values = node.args
        yield "the mask is ignored", values[0]
        yield "the mask is turned round", ast.Call(
            node.func, [ast.UnaryOp(ast.Invert(), mask), *values], [])
        yield "masked entries become 0", ast.Call(
            node.func, [mask, values[0], ast.Constant(0.0)], [])
    if method(node) == "tri":
        for k in -1, 1:
            yield f"the diagonal is moved by {k}", ast.Call(
                node.func, node.args, [*node.keywords, ast.keyword("k", ast.Constant(k))])
        yield "the triangle is transposed", ast.Attribute(node, "T", ast.Load())


def comparisons(node, scope):
    """A comparison with its border on the other side, or turned round."""
    if isinstance(node, ast.Compare) and (kind := type(node.ops[0])) in BORDER:
        others = {BORDER[kind], TURNED[kind]}
        for other in sorted(others, key=lambda other: other.__name__):
            new = ast.Compare(node.left, [other(), *node.ops[1:]], node.comparators)
            yield f"it asks {ast.unparse(new)}, not {ast.unparse(node)}", new


def calls(node, scope):
    """A function left out, the smaller for the larger, a loop in the wrong order."""
    name = method(node)
    if name in ("sqrt", "reversed", "cos"):
        yield f"{name} is left out", node.args[0]
    if name in ("min", "max") and len(node.args) == 2:
        other = "max" if name == "min" else "min"
        yield f"{other} stands in place of {name}", ast.Call(
            ast.Name(other, ast.Load()), node.args, [])
        for argument in node.args:
            yield f"{ast.unparse(argument)} is taken without the {name}", argument
    if name == "insert":
        yield f"the order of {ast.unparse(node.func.value)} is reversed", call(
            node.func.value, "append", node.args[1])
    if name == "Params":
        for i, argument in enumerate(node.args):
            if scope.is_array(argument):
                zero = ast.BinOp(ast.Constant(0), ast.Mult(), argument)
                yield f"{ast.unparse(argument)} is left at zero", ast.Call(
                    node.func, [*node.args[:i], zero, *node.args[i + 1 :]], [])


def options(node, scope):
    """An option that is not passed on; where an array lies is none that a result shows."""
    if isinstance(node, ast.Call):
        for i, keyword in enumerate(node.keywords):
            if not isinstance(keyword.value, ast.Constant) and keyword.arg not in ("out", "device"):
                name = keyword.arg or ast.unparse(keyword.value)
                yield f"{method(node)} is not told {name}", ast.Call(
                    node.func, node.args, node.keywords[:i] + node.keywords[i + 1:])


def paths(node, scope):
    """One of several gradients that are gathered left at zero: a path of a fan-out left out."""
    if isinstance(node, (ast.Tuple, ast.List)) and isinstance(node.ctx, ast.Load) \
            and len(node.elts) > 1 and all(map(scope.is_gradient, node.elts)):
        for i, gradient in enumerate(node.elts):
            elements = list(node.elts)
            elements[i] = ast.BinOp(ast.Constant(0), ast.Mult(), gradient)
            yield f"{ast.unparse(gradient)} is left at zero", type(node)(elements, ast.Load())


def skipped(node, scope):
    """The gradient passes a layer unchanged, as if the layer were not there."""
    if not isinstance(node, ast.Assign) or method(node.value) != "backward":
        return
    words, incoming = f"{ast.unparse(node.value.func)} is skipped", node.value.args[0]
    if isinstance(node.targets[0], ast.Tuple):
        rest = ast.Subscript(node.value, ast.Constant(1), ast.Load())
        yield words, with_value(node, ast.Tuple([incoming, rest], ast.Load()))
    else:
        yield words, with_value(node, incoming)


def scatter(node, scope):
    """An addition that sees a repeated index once: what dtoken[tokens] += dy does."""
    if isinstance(node, ast.Expr) and ast.unparse(node).startswith("np.add.at("):
        into, index, value = map(ast.unparse, node.value.args)
        for which, order in ("last", ""), ("first", "[::-1, ::-1]"):
            yield f"of the places that share a row of {into}, only the {which} is added", \
                ast.parse(f"{into}[{index}{order}] += {value}{order}").body[0]


def in_place(node, scope):
    """An argument overwritten where a new array belongs."""
    if isinstance(node, ast.BinOp) and type(node.op) in UFUNCS:
        for side in node.left, node.right:
            if scope.is_given(side):
                yield f"{ast.unparse(side)}, which belongs to the caller, is overwritten", \
                    call(ast.Name(scope.library, ast.Load()), UFUNCS[type(node.op)], node.left,
                         node.right, keywords=[ast.keyword("out", side)])


def lines_out(node, scope):
    """A line left out: a call, or one whose name has a value already."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and not checks(node):
        yield f"the line {ast.unparse(node)} is left out", None
    if isinstance(node, ast.Assign):
        target = node.targets[0]
        if isinstance(target, ast.Subscript) or (
                isinstance(target, ast.Name) and target.id in scope.bound_before(node)):
            yield f"the line {ast.unparse(node)} is left out", None


OPERATORS = [terms, additions, factors, signs, transposes, reductions, axes, exchanges, masks,
             comparisons, calls, options, paths, skipped, scatter, in_place, lines_out]
AXIS_METHODS = {"sum", "mean", "swapaxes", "transpose", "concatenate", "any", "max", "split"}
BORDER = {ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt,
          ast.Gt: ast.GtE, ast.GtE: ast.Gt}
TURNED = {ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.Gt, ast.LtE: ast.Gt,
          ast.Gt: ast.Lt, ast.GtE: ast.Lt}
UFUNCS = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide"}
