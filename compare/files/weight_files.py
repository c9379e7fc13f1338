"""Files of arrays by name: .npz, .safetensors and torch's own, read without trust in them."""

import json
import math
import os
import re
import zipfile
from pathlib import Path

import numpy as np

from .torch_files import read_torch
from .untrusted import (
    EXPANSION, Refused, check_bytes, distinct, from_bfloat16, members, quoted, refusing)
from .whole import written_whole

FORMATS = ".npz, .safetensors, or torch's .pt, .pth and .bin"
DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "U8": "|u1", "BOOL": "|b1"}
HEADER = 2**20  # bytes of a safetensors header; the largest GPT-2 needs about 60,000
SHARD = re.compile(r"[\w.-]+\.safetensors", re.ASCII)  # a name in the folder of its index
NPY = re.compile(rb"\x93NUMPY\x01\x00..\{'descr': '([^']*)', 'fortran_order': (True|False), "
                 rb"'shape': \(([-\d, ]*)\),? ?\} *\n", re.DOTALL)


def read_weights(path):
    """Return {name: NumPy array} of a file of weights: .npz, .safetensors, .pt, .pth or .bin.

    A .json is the index of several .safetensors in its folder, model.safetensors.index.json.
    Runs nothing that the file holds, and believes no size before the file accounts for it.
    Raises ValueError for a file that is missing, damaged or made to hurt.
    """
    path = Path(path)
    with refusing("weights", path, f"{FORMATS}, whole and with nothing but arrays in it, or the "
                                   ".json that is the index of .safetensors"):
        if path.suffix.lower() not in READERS:
            raise Refused(f"has the suffix {quoted(path.suffix)}")
        return READERS[path.suffix.lower()](path)


def read_npz(path, *, deflated=True):
    """Return the arrays of an .npz file, compressed or not; without deflated, refuse the first."""
    kinds = [zipfile.ZIP_STORED] + [zipfile.ZIP_DEFLATED] * deflated
    return {name.removesuffix(".npy"): as_npy(name.removesuffix(".npy"), body)
            for name, body in members(path, *kinds, expansion=EXPANSION if deflated else 1)}


def as_npy(name, body):
    """Return the array of the bytes of an .npy file, in their memory."""
    start = 10 + int.from_bytes(body[8:10], "little")
    header = NPY.fullmatch(body[:start])
    if not header:
        raise Refused(f"holds {quoted(name)}, whose header can't be read")
    dtype, order, sizes = (word.decode("ascii") for word in header.groups())
    if dtype[1:] not in {code[1:] for code in DTYPES.values()}:
        raise Refused(f"holds {quoted(name)} of dtype {quoted(dtype)}")
    dtype, shape = np.dtype(dtype), tuple(int(n) for n in sizes.split(",") if n.strip())
    check_bytes(name, shape, dtype, len(body) - start)
    return np.frombuffer(body, dtype, offset=start).reshape(
        shape, order="F" if order == "True" else "C")


def read_safetensors(path):
    """Return the arrays of a .safetensors file; their bytes must fill it, one after another."""
    arrays, place = {}, 0
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        size = path.stat().st_size - 8 - length  # bytes of arrays
        if length > HEADER or size < 0:
            raise Refused(f"declares a header of {length} bytes")
        header = json.loads(file.read(length).decode("utf-8"), object_pairs_hook=distinct)
        header.pop("__metadata__", None)
        for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
            (start, end), shape, code = entry["data_offsets"], entry["shape"], entry["dtype"]
            if code not in DTYPES:
                raise Refused(f"holds {quoted(name)} of dtype {quoted(code)}")
            if start != place or not start <= end <= size:
                raise Refused(f"places {quoted(name)} at {quoted((start, end))} of {size} bytes")
            dtype, place = np.dtype(DTYPES[code]), end
            check_bytes(name, shape, dtype, end - start)
            a = np.fromfile(file, dtype, math.prod(shape)).reshape(shape)
            arrays[name] = from_bfloat16(a) if code == "BF16" else a
    if place != size:
        raise Refused(f"has {size - place} bytes that no array accounts for")
    return arrays


def read_index(path):
    """Return the arrays of the .safetensors files that an index maps its names to."""
    if path.stat().st_size > HEADER:
        raise Refused(f"has more than {HEADER} bytes, too many for an index")
    files = json.loads(path.read_text("utf-8"), object_pairs_hook=distinct)["weight_map"]
    arrays = {}
    for name in dict.fromkeys(files.values()):
        shard = path.parent / name
        if not SHARD.fullmatch(name) or not shard.is_file():
            raise Refused(f"names {quoted(name)}, which is no .safetensors file beside it")
        try:
            found = read_safetensors(shard)
        except Refused as error:
            raise Refused(f"names {name}, which {error}") from None
        if found.keys() != {key for key, file in files.items() if file == name}:
            raise Refused(f"names {name}, which has other arrays than the index says")
        arrays |= found
    return arrays


def write_weights(path, arrays):
    """Write {name: array} as a new file of the kind of its suffix, whole or not at all.

    Raises ValueError for another suffix, a dtype that the kind lacks, a path that is taken, or
    one that can't be written.
    """
    path = Path(path)
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise ValueError(f"weights is {path}, which has the suffix {quoted(path.suffix)}; "
                         f"allowed: {FORMATS}")
    if os.path.lexists(path):
        raise ValueError(f"weights is {path}, which is there already; allowed: a new name")
    try:
        with written_whole(path) as file:
            writer(file, arrays)
    except OSError as error:
        raise ValueError(f"weights is {path}, which can't be written ({error.strerror or error}); "
                         "allowed: a new name in a folder with room") from None


def write_npz(file, arrays):
    """Write an .npz file."""
    np.savez(file, **arrays)


def write_safetensors(file, arrays):
    """Write a .safetensors file; raises ValueError for a dtype it lacks."""
    codes = {np.dtype(code): name for name, code in DTYPES.items() if name != "BF16"}
    header, place = {}, 0
    for name, a in arrays.items():
        if a.dtype not in codes:
            raise ValueError(f"{name} has dtype {a.dtype}; allowed: {', '.join(map(str, codes))}")
        header[name] = {"dtype": codes[a.dtype], "shape": a.shape,
                        "data_offsets": (place, place + a.nbytes)}
        place += a.nbytes
    text = json.dumps(header).encode("ascii")
    text += b" " * (-len(text) % 8)  # so that the arrays start aligned
    file.write(len(text).to_bytes(8, "little") + text)
    for a in arrays.values():
        file.write(a.tobytes())


def write_torch(file, arrays):
    """Write a state_dict as torch does; raises ValueError where torch is not installed."""
    try:
        import torch
    except ImportError:
        raise ValueError(f"weights is {file.name}, which needs torch, which is not installed; "
                         "allowed: .npz, .safetensors") from None
    try:
        torch.save({name: torch.from_numpy(a) for name, a in arrays.items()}, file)
    except RuntimeError as error:  # what torch makes of an OSError, which names no reason
        raise OSError("torch could not write it") from error


TORCH = ".pt", ".pth", ".bin"
READERS = {".npz": read_npz, ".safetensors": read_safetensors, ".json": read_index
           } | dict.fromkeys(TORCH, read_torch)
WRITERS = {".npz": write_npz, ".safetensors": write_safetensors} | dict.fromkeys(TORCH, write_torch)


def as_array(value):
    """Return the NumPy array of an array or torch tensor; NumPy lacks bfloat16, so float32."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy()
    return np.asarray(value)
