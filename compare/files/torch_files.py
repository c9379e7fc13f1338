"""torch's own files, read without torch: the arrays that torch.save wrote.

A file is pickles and the bytes of storages: since torch 1.6 in a zip archive, whose sums are
checked; before, one after another, with no sum. A pickle is a program. Of its steps only those
that torch.save writes are taken, and none of them calls what the pickle names.
"""

import io
import math
import pickletools
import re
import zipfile
from typing import NamedTuple

import numpy as np

from .untrusted import AXES, Refused, check_total, distinct, from_bfloat16, members, quoted

PICKLE = 2**20   # bytes of the pickles; those of GPT-2 XL with AdamW's state take 344,000
STEPS = 2**17    # of a pickle; the same one has 88,000
MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # how a file without a zip archive begins
STORAGES = {f"torch {name}Storage": dtype for name, dtype in {
    "Double": "<f8", "Float": "<f4", "Half": "<f2", "BFloat16": "<u2", "Bool": "|b1",
    "Byte": "|u1", "Char": "|i1", "Short": "<i2", "Int": "<i4", "Long": "<i8"}.items()}
KNOWN = re.compile(r"collections OrderedDict|torch\._utils _rebuild_(tensor_v2|parameter)"
                   rf"|torch (Size|device|b?float\d+|u?int\d+|bool)|{'|'.join(STORAGES)}")


class Global(NamedTuple):
    """A function or class by its name; nothing imports it."""

    name: str


class Storage(NamedTuple):
    """A run of numbers that tensors are views of."""

    kind: str
    key: str
    count: int

    @property
    def nbytes(self):
        return self.count * np.dtype(STORAGES[self.kind]).itemsize


class Tensor(NamedTuple):
    """A view of a storage; offset and strides in numbers."""

    storage: Storage
    offset: int
    shape: tuple
    strides: tuple


class Pairs(list):
    """A dict as (key, value): a file could choose keys that take for ever to hash."""

    __slots__ = ()


def read_torch(path):
    """Return the arrays of a file that torch.save wrote: a state_dict, bare or in a checkpoint."""
    with open(path, "rb") as file:
        read = read_zipped if file.read(2) == b"PK" else read_unzipped
    found, bodies = read(path)
    tensors = by_name(found)
    for key in "model", "state_dict":
        tensors = by_name(tensors[key]) if isinstance(tensors.get(key), Pairs) else tensors
    for name, tensor in tensors.items():
        check_tensor(name, tensor, bodies)
    check_total(path, sum(math.prod(t.shape) * np.dtype(STORAGES[t.storage.kind]).itemsize
                          for t in tensors.values()))
    return {name: viewed(tensor, bodies) for name, tensor in tensors.items()}


def read_zipped(path):
    """Return (what the pickle describes, {key: bytes of a storage}) of a zip archive."""
    bodies = dict(members(path, zipfile.ZIP_STORED))
    pickles = [name for name in bodies if name.endswith("/data.pkl")]
    if len(pickles) != 1 or len(bodies[pickles[0]]) > PICKLE:
        raise Refused(f"has not one data.pkl of at most {PICKLE} bytes")
    root = pickles[0].removesuffix("data.pkl")
    check_order(bodies.get(f"{root}byteorder", b"little") == b"little")
    found, _ = unpickled(io.BytesIO(bodies[pickles[0]]))
    return found, {name.removeprefix(f"{root}data/"): body for name, body in bodies.items()}


def read_unzipped(path):
    """Return the same of a file from before torch 1.6: five pickles, then the storages."""
    with open(path, "rb") as file:
        head = io.BytesIO(file.read(PICKLE))
        if (unpickled(head)[0], unpickled(head)[0]) != (MAGIC, PROTOCOL):
            raise Refused("is no file that torch.save wrote")
        check_order(("little_endian", True) in unpickled(head)[0])
        found, storages = unpickled(head)
        keys, bodies = unpickled(head)[0], {}
        file.seek(head.tell())
        for key in keys:
            left = path.stat().st_size - file.tell() - 8
            if int.from_bytes(file.read(8), "little") != storages[key].count or (
                    key in bodies or storages[key].nbytes > left):
                raise Refused(f"declares the storage {quoted(key)} in {left} bytes")
            bodies[key] = bytearray(storages[key].nbytes)
            file.readinto(bodies[key])
        if file.read(1):
            raise Refused("has bytes that no array accounts for")
    return found, bodies


def unpickled(pickle):
    """Return (what the next pickle of a file describes, its storages by key)."""
    stack, marks, memo, storages = [], [], {}, {}
    for count, (step, argument, _) in enumerate(pickletools.genops(pickle)):
        name = step.name
        if count == STEPS:
            raise Refused(f"takes more than {STEPS} steps to describe its arrays")
        if name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name in PUSH:
            stack.append(PUSH[name](argument))
        elif name == "MARK":
            marks.append(len(stack))
        elif name in TAKE:
            below, build = TAKE[name]
            start = (marks.pop() if name in TO_MARK else len(stack)) - below
            stack[start:] = [build(*stack[start:])]
            if name == "BINPERSID":
                storages[stack[-1].key] = stack[-1]
        elif name not in ("PROTO", "STOP"):
            raise Refused(f"takes the step {name}, which torch.save does not")
    return stack.pop(), storages


def as_global(argument):
    """Return the Global of "module name"; refuse what state_dicts don't need."""
    if not KNOWN.fullmatch(argument):
        raise Refused(f"builds {quoted(argument.replace(' ', '.'))}")
    return Global(argument)


def called(function, arguments):
    """Return what a function of torch's would make of its arguments."""
    match function, arguments:
        case Global("collections OrderedDict"), ():
            return Pairs()
        case Global("torch._utils _rebuild_tensor_v2"), (storage, offset, shape, strides, *_):
            return Tensor(storage, offset, shape, strides)
        case Global("torch._utils _rebuild_parameter"), (Tensor() as tensor, *_):
            return tensor
        case Global("torch Size" | "torch device"), _:
            return None  # no part of an array
    raise Refused("calls what torch.save does not")


def stored(identity):
    """Return the Storage of a persistent identity, in which torch refers to it."""
    match identity:
        case ("storage", Global(kind), str(key), str(), int(count), *more):
            if kind in STORAGES and count >= 0 and more in ([], [None]):
                return Storage(kind, key, count)
    raise Refused("refers to a storage in another way than torch.save does")


def extended(container, *items):
    """Return a list with items at its end."""
    container.extend(items)
    return container


def updated(container, *items):
    """Return Pairs with items at its end, which are keys and values in turn."""
    container.extend(zip(items[::2], items[1::2]))
    return container


# the steps of a pickle: what they push; what they make of how many values on the stack, or of
# those since the mark and how many below it
PUSH = {"NONE": lambda _: None, "NEWTRUE": lambda _: True, "NEWFALSE": lambda _: False,
        "EMPTY_TUPLE": lambda _: (), "EMPTY_LIST": lambda _: [], "EMPTY_DICT": lambda _: Pairs(),
        "GLOBAL": as_global} | dict.fromkeys(
    ("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE"), lambda value: value)
TAKE = {"TUPLE": (0, lambda *items: items), "TUPLE1": (1, lambda *items: items),
        "TUPLE2": (2, lambda *items: items), "TUPLE3": (3, lambda *items: items),
        "APPEND": (2, extended), "APPENDS": (1, extended), "SETITEM": (3, updated),
        "SETITEMS": (1, updated), "REDUCE": (2, called), "BINPERSID": (1, stored),
        "BUILD": (2, lambda built, _: built)}
TO_MARK = {"TUPLE", "APPENDS", "SETITEMS"}


def by_name(found):
    """Return the dict of Pairs whose keys are words, each once."""
    if not isinstance(found, Pairs) or not all(type(key) is str for key, _ in found):
        raise Refused("holds no arrays by name")
    return distinct(found)


def check_order(little):
    if not little:
        raise Refused("was written on a big-endian machine")


def check_tensor(name, tensor, bodies):
    """Refuse what is no tensor, or not within its storage."""
    if not isinstance(tensor, Tensor):
        raise Refused(f"holds {quoted(name)}, which is not a tensor")
    storage, offset, shape, strides = tensor
    if not (isinstance(storage, Storage) and type(shape) is type(strides) is tuple
            and len(shape) == len(strides) <= AXES
            and all(type(n) is int and n >= 0 for n in (offset, *shape, *strides))):
        raise Refused(f"holds {quoted(name)} of no possible shape")
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides))
    if len(bodies[storage.key]) != storage.nbytes or 0 not in shape and last >= storage.count:
        raise Refused(f"holds {quoted(name)} beyond the bytes of its storage")


def viewed(tensor, bodies):
    """Return the array of a tensor, in the memory of its storage; bfloat16 as float32."""
    storage, offset, shape, strides = tensor
    dtype = np.dtype(STORAGES[storage.kind])
    if 0 in shape:
        return np.zeros(shape, dtype)
    a = np.ndarray(shape, dtype, bodies[storage.key], offset * dtype.itemsize,
                   [stride * dtype.itemsize for stride in strides])
    return from_bfloat16(a) if storage.kind == "torch BFloat16Storage" else a
