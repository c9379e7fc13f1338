"""llama.cpp's GGUF files: their metadata, and weights that stay packed until they are asked for."""

import math
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from reference.fast.packed import Packed

from .untrusted import MEMBERS, Refused, distinct, from_bfloat16, quoted, refusing

BLOCKS = {  # of each type that is read, one block: d the scale, m the least value, q the codes
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
    "Q4_0": np.dtype([("d", "<f2"), ("q", "u1", 16)]),               # 18 bytes, 32 weights
    "Q4_1": np.dtype([("d", "<f2"), ("m", "<f2"), ("q", "u1", 16)]),  # 20 bytes, 32 weights
    "Q8_0": np.dtype([("d", "<f2"), ("q", "i1", 32)]),               # 34 bytes, 32 weights
}
TYPES = dict(enumerate(  # by the number that a file has for it; the dots are retired
    "F32 F16 Q4_0 Q4_1 . . Q5_0 Q5_1 Q8_0 Q8_1 Q2_K Q3_K Q4_K Q5_K Q6_K Q8_K IQ2_XXS IQ2_XS "
    "IQ3_XXS IQ1_S IQ4_NL IQ3_S IQ2_S IQ4_XS I8 I16 I32 I64 F64 IQ1_M BF16 . . . TQ1_0 TQ2_0 "
    ". . . MXFP4".split()))
NUMBERS = {0: "u1", 1: "i1", 2: "<u2", 3: "<i2", 4: "<u4", 5: "<i4", 6: "<f4", 10: "<u8",
           11: "<i8", 12: "<f8"}  # kinds of values in the metadata
BOOL, TEXT, ARRAY = 7, 8, 9       # its other kinds
HEADER = 2**25   # bytes in front of the weights; SmolLM2-135M has 1,785,664
TEXTS = 2**20    # in arrays of the metadata; SmolLM2 has 98,053, for 49,152 tokens
ALLOWED = f"a whole little-endian GGUF file of version 2 or 3, with weights in {', '.join(BLOCKS)}"


class PackedTensor(NamedTuple):
    """Weights as they lie in the file, which is mapped into memory and not yet read."""

    name: str
    shape: tuple        # as in NumPy: the file has it in reverse
    type: str           # a key of BLOCKS
    packed: np.ndarray  # uint8 (*shape[:-1], bytes of a row), read-only

    def floats(self):
        """Return the weights as float32, in the tensor's shape."""
        return unpacked(self.packed, self.type)

    def kept(self):
        """Return the weights for a product that leaves them packed; of a vector, its floats."""
        return self.floats() if len(self.shape) == 1 else grouped(self.packed, self.type)


def read(path):
    """Return ({key: value}, {name: PackedTensor}) of a GGUF file.

    A value is an int, float, bool or str, a NumPy array of numbers or bools, or a list of str.
    Raises ValueError for a file that is missing, damaged, made to hurt, or of another type.
    Source: ggml's docs/gguf.md; that tensors follow one another is a rule of its gguf.cpp.
    """
    path = Path(path)
    with refusing("weights", path, ALLOWED):
        whole = np.asarray(np.memmap(path, np.uint8, "r"))
        header = Header(whole[:HEADER])
        n_tensors = header.opening()
        metadata = distinct([(header.text(), header.value()) for _ in range(header.count())])
        described = [header.tensor() for _ in range(n_tensors)]
        alignment = metadata.get("general.alignment", 32)
        if type(alignment) is not int or alignment < 1 or alignment % 8:
            raise Refused(f"has the alignment {quoted(alignment)}, which is no multiple of 8")
        start = header.at + -header.at % alignment
        return metadata, distinct(list(laid_out(described, whole[start:], alignment)))


class Header:
    """What comes in front of the weights, read from the front to the back."""

    def __init__(self, body):
        self.body, self.at, self.texts = memoryview(body), 0, 0

    def opening(self):
        """Return how many tensors the file has; refuse other files and versions."""
        magic, version = bytes(self.taken(4)), self.number(4)
        if magic != b"GGUF" or version not in (2, 3):
            raise Refused(f"begins with {magic} and the version {version}")
        return self.count()

    def taken(self, count):
        """Return the next bytes."""
        start, self.at = self.at, self.at + count
        if self.at > len(self.body):
            raise Refused(f"declares {quoted(count)} bytes after the first {start} of the "
                          f"{len(self.body)} that may describe its weights")
        return self.body[start:self.at]

    def number(self, size):
        """Return an integer from 0 up of so many bytes."""
        return int.from_bytes(self.taken(size), "little")

    def count(self):
        """Return how many tensors or values follow."""
        found = self.number(8)
        if found > MEMBERS:
            raise Refused(f"counts {found} tensors or values, more than {MEMBERS}")
        return found

    def text(self):
        return str(self.taken(self.number(8)), "utf-8")

    def value(self):
        """Return a value of the metadata; an array is of numbers, bools or texts."""
        kind = self.number(4)
        if kind == ARRAY:
            return self.array(self.number(4), self.number(8))
        return self.text() if kind == TEXT else self.array(kind, 1)[0].item()

    def array(self, kind, count):
        if kind == TEXT:
            self.texts += count
            if self.texts > TEXTS:
                raise Refused(f"has arrays of {self.texts} texts, more than {TEXTS}")
            return [self.text() for _ in range(count)]
        if kind == BOOL:
            bools = np.frombuffer(self.taken(count), "u1")
            if (bools > 1).any():
                raise Refused(f"holds a truth value of {bools.max()}")
            return bools.view(bool)
        if kind not in NUMBERS:
            raise Refused(f"holds {'arrays in an array' if kind == ARRAY else f'the kind {kind}'}")
        return np.frombuffer(self.taken(count * np.dtype(NUMBERS[kind]).itemsize), NUMBERS[kind])

    def tensor(self):
        """Return (name, shape, type, offset) of a tensor."""
        name, axes = self.text(), self.number(4)
        if not 1 <= axes <= 4:
            raise Refused(f"holds {quoted(name)} of {axes} dimensions")
        shape = struct.unpack(f"<{axes}Q", self.taken(8 * axes))[::-1]
        number, offset = self.number(4), self.number(8)
        kind = TYPES.get(number, ".")
        if kind not in BLOCKS:
            raise Refused(f"holds {quoted(name)} in the type {number if kind == '.' else kind}")
        if 0 in shape or shape[-1] % weights_of(kind):
            raise Refused(f"holds {quoted(name)} of the shape {quoted(shape)}, whose rows are no "
                          f"whole blocks of {weights_of(kind)}")
        return name, shape, kind, offset


def laid_out(described, data, alignment):
    """Yield (name, PackedTensor); each begins at the next multiple of the alignment."""
    end = 0
    for name, shape, kind, offset in described:
        place = end + -end % alignment
        row = shape[-1] // weights_of(kind) * BLOCKS[kind].itemsize  # bytes
        end = place + math.prod(shape[:-1]) * row
        if offset != place or end > len(data):
            raise Refused(f"places {quoted(name)} of shape {quoted(shape)} at {offset} of "
                          f"{len(data)} bytes, where {place} is next")
        yield name, PackedTensor(name, shape, kind, data[place:end].reshape(*shape[:-1], row))
    if len(data) - end >= alignment:
        raise Refused(f"has {len(data) - end} bytes that no tensor accounts for")


def weights_of(kind):
    """Return how many weights a block of a type has."""
    return 32 if BLOCKS[kind].names else 1


@np.errstate(invalid="ignore")  # a scale may be infinite; softmax refuses what comes of that
def unpacked(packed, kind):
    """Return float32 (..., n) of packed rows (..., bytes) of a type.

    Source: the functions dequantize_blocks of llama.cpp's gguf-py/gguf/quants.py.
    """
    blocks = packed.view(BLOCKS[kind])
    if kind == "BF16":
        return from_bfloat16(blocks)
    if kind in ("F32", "F16"):
        return blocks.astype(np.float32)
    d, q = blocks["d"].astype(np.float32)[..., None], blocks["q"]  # (..., blocks, 1 and 16 or 32)
    if kind == "Q8_0":
        a = d * q
    elif kind == "Q4_0":
        a = d * (nibbles(q) - np.float32(8))
    else:
        a = d * nibbles(q) + blocks["m"].astype(np.float32)[..., None]
    return a.reshape(*packed.shape[:-1], -1)


def nibbles(q):
    """Return the codes (..., 32) of bytes (..., 16): 0 to 15 in the low halves, then the high."""
    return np.concatenate([q & 15, q >> 4], axis=-1)


def from_interleaved(rows, heads):
    """Return rows (H D, ...) of a query or key weight with each head's in the order of rope.

    llama.cpp turns rows 2i and 2i + 1 of a head together, Hugging Face's files and this model
    rows i and i + D/2. Whole rows move, so packed rows do as well as floats.
    Source: the function permute in ggml's docs/gguf.md, which this undoes.
    """
    if len(rows) % (2 * heads):
        raise ValueError(f"rows is {len(rows)}; allowed: a multiple of 2 heads = {2 * heads}")
    pairs = rows.reshape(heads, -1, 2, *rows.shape[1:])   # (H, D/2, 2, ...)
    return pairs.swapaxes(1, 2).reshape(rows.shape)       # (H, 2, D/2, ...)


def grouped(packed, kind):
    """Return packed rows (O, bytes) as reference/fast multiplies with them: floats where F32 is.

    The codes stay what they are. Their rows go last, and scales and least values become float32.
    """
    blocks = packed.view(BLOCKS[kind])                       # (O, G), or (O, I) of a weight each
    if kind == "F32":
        return np.array(blocks)
    if kind in ("F16", "BF16"):
        return Packed(np.array(blocks.T[None], order="C"), None, None)
    d = np.array(blocks["d"].T, np.float32, order="C")       # (G, O)
    least = {"Q8_0": None, "Q4_0": -8 * d}.get(kind)
    if kind == "Q4_1":
        least = np.array(blocks["m"].T, np.float32, order="C")
    return Packed(np.array(blocks["q"].transpose(1, 2, 0), order="C"), d, least)
