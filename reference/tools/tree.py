"""Parameters as a tree: nested NamedTuples and tuples whose leaves are arrays."""


def walk(tree, prefix=""):
    """Yield (dotted name, leaf) in field order, as in ("blocks.0.norm_1.weight", array)."""
    if not isinstance(tree, tuple):
        yield prefix, tree
        return
    for name, branch in zip(_names(tree), tree):
        yield from walk(branch, f"{prefix}.{name}" if prefix else name)


def map(function, *trees):
    """Return a tree of the first one's type whose leaves are function(leaf of each tree).

    Raises ValueError, which names the place, for trees of two forms: the number of the branches
    or the names of the fields.
    """
    try:
        return _map(function, *trees)
    except _Differ:
        raise ValueError(_difference(trees, ())) from None


def leaves(tree):
    """Return the leaves in the order of walk."""
    if not isinstance(tree, tuple):
        return [tree]
    return [leaf for branch in tree for leaf in leaves(branch)]


def count(tree):
    """Return how many numbers the leaves hold."""
    return sum(leaf.size for leaf in leaves(tree))


def unwalk(like, named):
    """Return a tree shaped as `like` whose leaves are named[dotted name]; the inverse of walk."""
    names = iter([name for name, _ in walk(like)])
    return map(lambda _: named[next(names)], like)


class _Differ(Exception):
    """Two trees have not one form."""


def _map(function, first, *others):
    kind = type(first)
    if not isinstance(first, tuple):
        if any(isinstance(other, tuple) for other in others):
            raise _Differ
        return function(first, *others)
    for other in others:
        if type(other) is not kind and _form(other) != _form(first) or len(other) != len(first):
            raise _Differ
    branches = [_map(function, *branch) for branch in zip(first, *others)]
    return kind(*branches) if hasattr(kind, "_fields") else tuple(branches)


def _difference(trees, path):
    first, *others = trees
    for other in others:
        if _form(other) != _form(first):
            return (f"trees differ at {'.'.join(path) or 'the root'}: {_words(_form(first))} "
                    f"against {_words(_form(other))}; allowed: trees of one form")
    for name, *branches in zip(_names(first), *trees) if isinstance(first, tuple) else ():
        if found := _difference(branches, (*path, name)):
            return found
    return None


def _form(node):
    return getattr(node, "_fields", len(node)) if isinstance(node, tuple) else None


def _words(form):
    if form is None:
        return "a leaf"
    if isinstance(form, int):
        return f"{form} branch{'' if form == 1 else 'es'}"
    return f"the fields {', '.join(form)}"


def _names(node):
    return getattr(node, "_fields", None) or [str(i) for i in range(len(node))]
