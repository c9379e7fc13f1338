"""Which value of torch is the same thing as an array of NumPy's: by name and tag, never by value.

An array of the forward is the one that torch's line of the same tag makes. A gradient dname is the
.grad of torch's name. Where that doesn't say it, TWINS does.
"""

import ast
import collections
import re
from typing import NamedTuple

from .torch_run import Kept

TWINS = {  # by tag, or by tag and name of NumPy's: the name or key of torch's, or that of each time
    "SM-5": "x",  # of the two, that before the mask
    "LN-2": "y.grad_fn._saved_result2",
    "ATT-3": "(input of self.softmax)", "ATT-4": "self.softmax(...)",
    "ATT-5": "self.weights_drop(...)", "ATT-6": "mixed",
    "ATT-10 dmerged": "(input of self.proj)", "ATT-12": "self.weights_drop(...)",
    "ATT-14": "self.softmax(...)", "ATT-15": "(input of self.softmax)",
    "FA-9": "y.grad_fn._saved_logsumexp",
    "GA-10 dmerged": "merged", "GA-16": "q of GA-4", "GA-17": "k of GA-5",
    "GA-18": "q of GA-1", "GA-19": "k of GA-2",
    "GA-20 dq_weight": "q", "GA-21 dk_weight": "k", "GA-22 dv_weight": "v",
    "BLK-1": "self.norm_1(...)", "BLK-3": "self.norm_2(...)",
    "BLK-5 dm": "self.norm_2(...)", "BLK-8 dn": "self.norm_1(...)",
    "LM-7": "embedding.token.weight", "LM-8 dx": "x of LM-3, time 2",
    "LM-9 dx": ["x of LM-3", "x of LM-2"], "LM-9 dblock": ["blocks.1", "blocks.0"],
    "LM-10": "x of LM-1", "LM-11": "embedding", "LM-12": "embedding.token.weight",
    "LB-1": "self.norm_1(...)", "LB-3": "self.norm_2(...)",
    "LB-5 dm": "self.norm_2(...)", "LB-8 dn": "self.norm_1(...)",
    "LL-6": "embedding.weight", "LL-7 dx": "x of LL-2, time 2",
    "LL-8 dx": ["x of LL-2", "x of LL-1"], "LL-8 dblock": ["blocks.1", "blocks.0"],
    "LL-9": "embedding.weight", "LL-10": "embedding.weight",  # the book's example is tied
}


NO_NAME = "torch's code keeps no name for it"


class Twin(NamedTuple):
    """Torch's value of an array, or why there is none."""

    kept: Kept | None
    name: str          # as the book calls it: "h", "x.grad (x of LM-3, time 2)"
    why: str = ""


def twins(made, run, backward):
    """Return the Twin of each (tag, Made) of NumPy's forward, or of its backward.

    Of several that stand for one value of torch the last is the whole, the others are parts.
    """
    times, found = collections.Counter(), []
    for tag, one in made:
        found.append(twin_of(tag, one.name, times[tag, one.name], run.kept, backward))
        times[tag, one.name] += 1
    whole = {kept.key: i for i, kept in enumerate(found) if kept}  # the last of each
    result = []
    for i, ((tag, _), kept) in enumerate(zip(made, found)):
        if kept is None:
            result.append(Twin(None, "", inside(tag, run.made, backward)))
            continue
        name = torch_name(kept, run.kept, backward)
        if i < whole[kept.key]:
            later = made[whole[kept.key]][0]
            rest = "the line runs again" if later == tag else f"{later} has the whole"
            result.append(Twin(None, "", f"a part of {name}; {rest}"))
        else:
            result.append(Twin(kept, name))
    return result


def twin_of(tag, name, time, kept, backward):
    """Return the Kept that an array of NumPy's stands for, or a part of which; or None."""
    head, dot, rest = name.partition(".")
    if told := TWINS.get(f"{tag} {head}", TWINS.get(tag)):
        told = told if isinstance(told, str) else told[time]
        return kept.get(told + dot + rest) or only_named(told + dot + rest, kept)
    if backward:
        if not name.startswith("d"):
            return None
        plain = re.sub(r"_(rows|params|branch)\b", "", name[1:])
        return only_named(plain, kept) or only(one for one in kept.values()  # or it is a table's:
                                               if one.name.startswith(f"{plain}."))  # token.weight
    of_line = [one for one in kept.values() if one.where in (tag, f"{tag}, time {time + 1}")]
    latest = [one for one in of_line if one.where == of_line[-1].where]
    return only(latest) or only_named(name, {one.key: one for one in latest})


def only_named(name, kept):
    """Return the only Kept of a name, or None."""
    return only(one for one in kept.values() if one.name == name)


def only(found):
    """Return the only one of some, or None if there are none or several."""
    found = list(found)
    return found[0] if len(found) == 1 else None


def torch_name(kept, among, backward):
    """Return how the book calls a value of torch, as in "x.grad (x of LM-3, time 2)"."""
    alone = only_named(kept.name, among) or not kept.where
    if backward:
        return f"{kept.name}.grad" if alone else f"{kept.name}.grad ({kept.key})"
    return kept.name if alone else kept.key


def inside(tag, made, backward):
    """Return why torch has no value of its own for the array of a tag."""
    if backward:
        node = made[-1].value.grad_fn.name()
        return f"{node} makes this inside of one call" if len(made[-1].tags) > 1 else NO_NAME
    line = next((one.node for one in made if tag in one.tags), None)
    if line is None or not isinstance(line.value, ast.Call):
        return NO_NAME
    return f"{ast.unparse(line.value.func)} makes this inside of one call"
