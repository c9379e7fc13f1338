"""Files of arrays by name: .npz, .safetensors and torch's own, read without trust in them."""

import contextlib
import json
import math
import mmap
import re
import warnings
import zipfile
from pathlib import Path

import numpy as np

FORMATS = ".npz, .safetensors, or torch's .pt, .pth and .bin"
DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "U8": "|u1", "BOOL": "|b1"}
HEADER = 2**20  # bytes of a safetensors header; the largest GPT-2 needs about 60,000
EXPANSION = 16  # the size of the arrays over that of their file; deflated weights reach about 2
NPY_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0,
               (2, 0): np.lib.format.read_array_header_2_0}
# what a pickle calls by its opcode c, and what of it builds tensors; torch.load would allow
# bytearray(10**12) too
BUILT = re.compile(rb"c((?:torch|builtins|__builtin__|_codecs)[\w.]*\n[\w.]+)\n")
PLAIN = re.compile(rb"torch\._utils\n_rebuild_(tensor_v2|parameter)"
                   rb"|torch\n(\w+Storage|Size|device|b?float\d+|u?int\d+|bool)")


class Refused(Exception):
    """What is wrong with a file, in words that follow its name."""


def read_weights(path):
    """Return {name: NumPy array} of a file of weights: .npz, .safetensors, .pt, .pth or .bin.

    Runs nothing that the file holds, and believes no size before the file accounts for it.
    Raises ValueError for a file that is missing, damaged or made to hurt.
    """
    path = Path(path)
    with refusing("weights", path, f"{FORMATS}, whole and with nothing but arrays in it"):
        if path.suffix.lower() not in READERS:
            raise Refused(f"has the suffix {quoted(path.suffix)}")
        return READERS[path.suffix.lower()](path)


@contextlib.contextmanager
def refusing(name, path, allowed):
    """Turn whatever comes of reading a file into a ValueError of one sentence."""
    try:
        if not path.is_file():
            raise Refused("is not a file")
        with warnings.catch_warnings(action="ignore"):  # the one sentence below says it all
            yield
        return
    except Refused as error:
        reason = str(error)
    except Exception as error:  # whatever a parser raises on bytes it was never meant for
        reason = f"can't be read ({getattr(error, 'strerror', None) or type(error).__name__})"
    raise ValueError(f"{name} is {path}, which {reason}; allowed: {allowed}") from None


def read_npz(path, *, deflated=True):
    """Return the arrays of an .npz file, compressed or not; without deflated, refuse the first."""
    arrays, kinds = {}, [zipfile.ZIP_STORED] + [zipfile.ZIP_DEFLATED] * deflated
    with zipfile.ZipFile(path) as archive:
        check_members(archive, *kinds)
        check_total(path, sum(member.file_size for member in archive.infolist()),
                    EXPANSION if deflated else 1)
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            with archive.open(member) as stream:
                shape, fortran, dtype = NPY_HEADERS[np.lib.format.read_magic(stream)](
                    stream, max_header_size=1024)  # deep nesting needs more
                if dtype.str[1:] not in {code[1:] for code in DTYPES.values()}:
                    raise Refused(f"holds {quoted(name)} of dtype {quoted(dtype)}")
                check_bytes(name, shape, dtype, member.file_size - stream.tell())
                arrays[name] = np.frombuffer(bytearray(stream.read()), dtype).reshape(
                    shape, order="F" if fortran else "C")
    return arrays


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
            # bfloat16 is the upper half of a float32
            arrays[name] = (a.astype("<u4") << 16).view("<f4") if code == "BF16" else a
    if place != size:
        raise Refused(f"has {size - place} bytes that no array accounts for")
    return arrays


def read_torch(path):
    """Return the arrays of a file that torch.save wrote: a state_dict, bare or in a checkpoint."""
    try:
        import torch
    except ImportError:
        raise Refused("needs torch, which is not installed") from None
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:2] == b"PK":  # compression could hide names from the line below
            with zipfile.ZipFile(file) as archive:
                check_members(archive, zipfile.ZIP_STORED)
        if strange := [name for name in BUILT.findall(data) if not PLAIN.fullmatch(name)]:
            raise Refused(f"builds {quoted(strange[0])}")
    values = torch.load(path, map_location="cpu", weights_only=True)
    for key in "model", "state_dict":
        values = values.get(key, values)
    for name, value in values.items():
        if not isinstance(value, torch.Tensor):
            raise Refused(f"holds {quoted(name)}, which is not a tensor")
    check_total(path, sum(value.nbytes for value in values.values()))
    return {name: as_array(value) for name, value in values.items()}


def write_safetensors(path, arrays):
    """Write {name: array} as a .safetensors file; raises ValueError for a dtype it lacks."""
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
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for a in arrays.values():
            file.write(a.tobytes())


READERS = {".npz": read_npz, ".safetensors": read_safetensors,
           ".pt": read_torch, ".pth": read_torch, ".bin": read_torch}


def check_members(archive, *compressions):
    """Refuse a zip archive with a name twice or other compressions."""
    members = archive.infolist()
    if len({member.filename.removesuffix(".npy") for member in members}) < len(members):
        raise Refused("holds a name twice")
    if not all(member.compress_type in compressions for member in members):
        raise Refused("is compressed in another way than its kind is")


def check_total(path, nbytes, expansion=EXPANSION):
    """Refuse arrays that a file of this size could not honestly hold."""
    if nbytes > expansion * path.stat().st_size + 2**20:
        raise Refused(f"declares {nbytes} bytes of arrays, too many for its size")


def check_bytes(name, shape, dtype, nbytes):
    """Refuse a shape that does not account for exactly these bytes."""
    if type(shape) not in (list, tuple) or (
            not all(type(n) is int and n >= 0 for n in (nbytes, *shape))) or (
            math.prod(shape) * dtype.itemsize != nbytes):
        raise Refused(f"holds {quoted(name)} with the shape {quoted(shape)} in {nbytes} bytes")


def distinct(pairs):
    """Return the dict of a JSON object that has no name twice."""
    if len(dict(pairs)) < len(pairs):
        raise Refused("holds a name twice")
    return dict(pairs)


def quoted(found, length=60):
    """Return what a file says as printable ASCII of bounded length."""
    return ascii(found)[:length]


def as_array(value):
    """Return the NumPy array of an array or torch tensor; NumPy lacks bfloat16, so float32."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy()
    return np.asarray(value)
