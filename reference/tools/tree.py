"""Parameters as a tree: nested NamedTuples and tuples whose leaves are arrays."""


def walk(tree, prefix=""):
    """Yield (dotted name, leaf) in field order, as in ("blocks.0.norm_1.weight", array)."""
    if not isinstance(tree, tuple):
        yield prefix, tree
        return
    for name, branch in zip(_names(tree), tree):
        yield from walk(branch, f"{prefix}.{name}" if prefix else name)


def map(function, *trees):
    """Return a tree of the first one's type whose leaves are function(leaf of each tree)."""
    first = trees[0]
    if not isinstance(first, tuple):
        return function(*trees)
    branches = [map(function, *branch) for branch in zip(*trees, strict=True)]
    return type(first)(*branches) if hasattr(first, "_fields") else tuple(branches)


def leaves(tree):
    """Return the leaves in the order of walk."""
    if not isinstance(tree, tuple):
        return [tree]
    return [leaf for branch in tree for leaf in leaves(branch)]


def unwalk(like, named):
    """Return a tree shaped as `like` whose leaves are named[dotted name]; the inverse of walk."""
    names = iter([name for name, _ in walk(like)])
    return map(lambda _: named[next(names)], like)


def _names(node):
    return getattr(node, "_fields", None) or [str(i) for i in range(len(node))]
