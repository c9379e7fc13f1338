"""Submissions for the tests of the grader, and a short way to run them."""

import functools
import sys

import pytest

from compare.grading import exercise, sandbox, submission
from compare.grading.cases import cases
from compare.grading.verdict import print_verdict
from compare.layers.source import HOUSE
from compare.layers.table import LAYERS

RIGHT = {  # the body of each backward as a student may write it
    "layer_norm": """
    xhat, rstd, weight = cache
    d, n = dy * weight, dy.shape[-1]
    dx = rstd / n * (n * d - d.sum(-1, keepdims=True) - xhat * (d * xhat).sum(-1, keepdims=True))
    axes = tuple(range(dy.ndim - 1))
    return dx, Params((dy * xhat).sum(axes), dy.sum(axes))
""",
    "softmax": """
    jacobian = np.einsum("...i,ij->...ij", cache.y, np.eye(cache.y.shape[-1])) \\
        - cache.y[..., :, None] * cache.y[..., None, :]
    return (dy[..., None, :] @ jacobian)[..., 0, :]
""",
    "linear": """
    x, weight = cache
    return dy @ weight, (np.einsum("bto,bti->oi", dy, x), dy.sum((0, 1)))
""",
    "cross_entropy": """
    dlogits = cache.probs.copy()
    np.put_along_axis(dlogits, cache.targets[..., None],
                      np.take_along_axis(dlogits, cache.targets[..., None], -1) - 1, -1)
    return dloss * dlogits * cache.counted[..., None] / cache.counted.sum()
""",
    "embedding": """
    tokens, V, S, C, _ = cache
    onehot = np.arange(V) == tokens[..., None]
    position = np.zeros((S, dy.shape[-1]))
    position[:tokens.shape[1]] = dy.sum(0)
    return Params(Table(np.einsum("btv,btc->vc", onehot, dy)), Table(position))
""",
}


@functools.cache
def kept_cases(stem):
    """Return the cases of a layer, the same ones each time: what they hold is computed once."""
    return cases(LAYERS[stem])


def run_inside(main, folder):
    """Run what a process would, on its folder; return what the process would: its code and output."""
    path = list(sys.path)
    main(folder)
    sys.path[:] = path
    for name in [name for name in sys.modules if name.partition(".")[0] == "submission"]:
        del sys.modules[name]
    return 0, b""


@pytest.fixture
def here(monkeypatch):
    """Run the submission's process inside this one: starting another costs two seconds."""
    monkeypatch.setattr(sandbox, "start", lambda folder, *_: run_inside(submission.main, folder))
    monkeypatch.setattr(sandbox, "cases", lambda layer: kept_cases(layer.stem))
    monkeypatch.chdir(HOUSE)  # where the pages that a verdict names are


def fill(folder, stem, body):
    """Write the exercise of a layer with its backward filled in."""
    path = exercise.write_exercise(stem, folder / f"{stem}_exercise.py")
    text = path.read_text(encoding="utf-8")
    filled = text.replace('    raise NotImplementedError("fill in backward")\n', body.lstrip("\n"))
    assert filled != text
    path.write_text(filled, encoding="utf-8")
    return path


def verdict(capsys, path, stem, **options):
    right = print_verdict(path, stem, sandbox.run_submission(path, stem, **options))
    return right, capsys.readouterr().out
