"""The numbers of AdamW: three updates of a small layer on both sides, of which the last is shown.

The first is in the warm-up. Its learning rate is shown too, as the line is not reached again.
"""

import collections

import torch_impl.adamw
import torch_impl.linear
from reference import adamw, linear
from reference.fast.fused_adamw import FusedAdamW

from ...layers.source import HOUSE, path_of
from ...layers.streams import stream
from ...layers.weights import load_into, to_torch
from .number import copied, number
from .trace import made_by

LEAVES = "weight", "bias"  # in the order of both sides' updates
UPDATES = 3
MAX_NORM = 1.0             # the gradients are longer, so that clipping bites
SCHEDULE = {"lr": 0.1, "min_lr": 0.01, "warmup": 1, "steps": 3}
OF_ONE = {"mhat": "mhat", "vhat": "vhat", "decay": "decay", "move": "p",  # the names in move
          "g": "g", "m": "m", "v": "v", "p": "p"}
INSIDE = {"AW-3": "AdamW.step", "AW-4": "AdamW.step", "AW-8": "nn.utils.clip_grad_norm_",
          "FAW-4": "AdamW.step"}


def optimizer_numbers(stem):
    """Return the Numbers of adamw or of fused_adamw, in the order in which they were made.

    Raises ValueError for what is no optimizer, such as a layer that has no row yet.
    """
    if stem not in MADE:
        raise ValueError(f"{stem} has a derivation and no numbers; allowed: a row in "
                         f"compare/layers/table.py, or {' or '.join(MADE)}")
    p, grads = drawn()
    made, theirs = MADE[stem](p, grads), of_torch(p, grads)
    found = []
    for one in made:
        tag, = one.tags
        expression, tensor = theirs.get((tag, one.name), ("", None))
        why = "" if expression else f"{INSIDE[tag]} makes this inside of one call"
        found.append(number(tag, one, tensor, expression, why))
    return found


def drawn():
    """Return the parameters before the first update, and the gradients of each."""
    rng = stream(0, "initial values")
    p, *grads = [linear.Params(rng.standard_normal((2, 2)), rng.standard_normal(2))
                 for _ in range(1 + UPDATES)]
    return p, grads


def of_adamw(p, grads):
    """Return the Made of the last update, and of the learning rate in the warm-up."""
    state, found = adamw.init(p), []
    for step in range(UPDATES):
        def update():
            clipped, _ = adamw.clip(grads[step], MAX_NORM)
            rate = adamw.learning_rate(step, **SCHEDULE)
            return adamw.update(p, clipped, state, lr=rate)
        (p, state), made = made_by(update, HOUSE / path_of("adamw"), copied)
        found += [one for one in made if "AW-9" in one.tags or step == UPDATES - 1 and one.tags]
    return by_leaf(found)


def of_fused_adamw(p, grads):
    """Return the Made of the last update."""
    optimizer = FusedAdamW(p)
    for step in range(UPDATES):
        def update():
            clipped, _ = optimizer.clip(grads[step], MAX_NORM)
            rate = adamw.learning_rate(step, **SCHEDULE)
            optimizer.update(optimizer.params, clipped, optimizer.state, lr=rate)
        _, made = made_by(update, HOUSE / path_of("fused_adamw"), copied)
    return by_leaf([one for one in made if one.tags])


MADE = {"adamw": of_adamw, "fused_adamw": of_fused_adamw}


def by_leaf(made):
    """Return the Made, those of one parameter with its name in theirs, as in "mhat.weight"."""
    times, found = collections.Counter(), []
    for one in made:
        if one.name in OF_ONE:
            leaf = LEAVES[times[one.tags]]
            times[one.tags] += 1
            one = one._replace(name=f"{OF_ONE[one.name]}.{leaf}")
        found.append(one)
    return found


def of_torch(p, grads):
    """Return (what torch's code calls it, its value) by (tag, name of NumPy's)."""
    model = load_into(torch_impl.linear.Linear(2, 2), p)
    optimizer = torch_impl.adamw.optimizer(model, lr=SCHEDULE["lr"])
    scheduler = torch_impl.adamw.scheduler(optimizer, **SCHEDULE)
    rates = []
    for wanted in grads:
        model.weight.grad, model.bias.grad = to_torch(wanted)
        norm = torch_impl.adamw.clip(model, MAX_NORM)
        rates += scheduler.get_last_lr()[:1]
        optimizer.step()
        scheduler.step()
    found = {("AW-7", "global_norm"): ("clip_grad_norm_(...)", norm),
             ("AW-9", "learning_rate"): ("get_last_lr()", rates[0]),
             ("AW-10", "learning_rate"): ("get_last_lr()", rates[-1])}
    for name, parameter in model.named_parameters():
        state = optimizer.state[parameter]
        decay, = (group["weight_decay"] for group in optimizer.param_groups
                  if any(one is parameter for one in group["params"]))
        for tags, letter, called, value in [
                (("AW-1", "FAW-2"), "m", f"state[{name}]['exp_avg']", state["exp_avg"]),
                (("AW-2", "FAW-3"), "v", f"state[{name}]['exp_avg_sq']", state["exp_avg_sq"]),
                (("AW-5",), "decay", f"group['weight_decay'] of {name}", decay),
                (("AW-6", "FAW-5"), "p", name, parameter.detach()),
                (("FAW-1",), "g", f"{name}.grad", parameter.grad)]:
            found |= {(tag, f"{letter}.{name}"): (called, value) for tag in tags}
    return found
