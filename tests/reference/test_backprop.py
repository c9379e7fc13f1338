"""The primer: what it says of torch's graph is what torch does."""

import re

import torch

from compare.checks.derivations import derivation


def graph(node):
    """Return the nodes of torch's graph below a grad_fn, and it: operations and leaves, each once."""
    found = {node}
    for below, _ in node.next_functions:
        if below is not None:
            found |= graph(below)
    return found


def test_torch_walks_the_operations_in_the_order_that_the_table_shows():
    shown = re.findall(r"^\| `\S+` \| `(\w+)` \|$", derivation("backprop"), re.M)
    a, b = (torch.tensor(number, requires_grad=True) for number in (2.0, 3.0))
    loss = (a * b) * (a * a + b)
    walked = []
    for node in graph(loss.grad_fn):
        if node.name() != "torch::autograd::AccumulateGrad":  # a leaf, which no operation made
            node.register_prehook(lambda _, name=node.name(): walked.append(name))
    loss.backward()
    assert (a.grad.item(), b.grad.item()) == (45, 20)
    assert shown and walked == shown
