"""What the readers of files share: a refusal in one sentence, and no size believed in advance."""

import contextlib
import io
import math
import os
import warnings
import zipfile

import numpy as np

PIECE = 2**21     # bytes of one read; the directory of a zip archive must come in one
MEMBERS = 2**14   # of a zip archive; a run of 450 blocks has 16,214
EXPANSION = 4     # the size of deflated arrays over that of their file; weights reach about 2
AXES = 32         # of an array; the product of very many sizes takes long
SPARE = 2**20     # bytes that a small file may declare beyond its own size


class Refused(Exception):
    """What is wrong with a file, in words that follow its name."""


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


class Pieces(io.FileIO):
    """A file that refuses to be read in one piece where that is a long one."""

    def read(self, size=-1):
        if size > PIECE:
            raise Refused(f"has a part of {size} bytes where at most {PIECE} are needed")
        return super().read(size)


def members(path, *compressions, expansion=1):
    """Yield (name, bytes) of each member of a zip archive, its sums checked.

    Raises Refused for a name twice, other compressions, or more than the file can honestly hold.
    """
    with Pieces(path) as file, zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        if len(entries) > MEMBERS:
            raise Refused(f"has {len(entries)} members, more than {MEMBERS}")
        # a wrong length in the directory hides what follows it
        if len(entries) != declared_members(file):
            raise Refused("lists other members than it counts")
        if len({entry.filename.removesuffix(".npy") for entry in entries}) < len(entries):
            raise Refused("holds a name twice")
        if not all(entry.compress_type in compressions for entry in entries):
            raise Refused("is compressed in another way than its kind is")
        check_total(path, sum(entry.file_size for entry in entries), expansion)
        for entry in entries:
            yield entry.filename, body_of(archive, entry)


def declared_members(file):
    """Return how many members the record at the end of a zip archive tells."""
    file.seek(-22, os.SEEK_END)
    record = file.read()
    if record[:4] != b"PK\5\6":
        raise Refused("does not end as a zip archive without a comment does")
    return int.from_bytes(record[10:12], "little")


def body_of(archive, entry):
    """Return the bytes of a member; zipfile checks their CRC-32 when the last are read."""
    body = bytearray(entry.file_size)
    with archive.open(entry) as stream:
        for start in range(0, len(body), PIECE):
            piece = stream.read(min(PIECE, len(body) - start))
            body[start:start + len(piece)] = piece
            if not piece:
                raise Refused(f"ends within {quoted(entry.filename)}")
        stream.read(1)  # nothing, but the sum of an empty member
    return body


def check_total(path, nbytes, expansion=EXPANSION):
    """Refuse arrays that a file of this size could not honestly hold."""
    if nbytes > expansion * path.stat().st_size + SPARE:
        raise Refused(f"declares {quoted(nbytes)} bytes of arrays, too many for its size")


def check_bytes(name, shape, dtype, nbytes):
    """Refuse a shape that does not account for exactly these bytes."""
    if type(shape) not in (list, tuple) or len(shape) > AXES or (
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


def from_bfloat16(a):
    """Return the float32 array of one of uint16: bfloat16 is the upper half of a float32."""
    return np.asarray(a.astype("<u4") << 16).view("<f4")
