"""GGUF files in small, as the tests write them, right or wrong in one place."""

import struct

import numpy as np

KINDS_OF = {np.uint8: 0, np.int8: 1, np.uint16: 2, np.int16: 3, np.uint32: 4, np.int32: 5,
            np.float32: 6, np.bool_: 7, str: 8, list: 9, np.uint64: 10, np.int64: 11,
            np.float64: 12}
NUMBER_OF = {"F32": 0, "F16": 1, "Q4_0": 2, "Q4_1": 3, "Q8_0": 8, "BF16": 30}


def gguf_bytes(metadata=(), tensors=(), *, version=3, alignment=32, head=b"", offsets=None):
    """Return the bytes of a file of {key: value} and of (name, dims, type, data).

    A value is a number, a str, an array, or a list of str or of NumPy's numbers. dims are as the
    file has them, type is a word or a number; head is put at the start instead.
    """
    entries = b"".join(string_of(key) + number_of("I", KINDS_OF[type(value)]) + value_of(value)
                       for key, value in [(key, typed(v)) for key, v in dict(metadata).items()])
    infos, data = b"", b""
    for i, (name, dims, kind, body) in enumerate(tensors):
        data += bytes(-len(data) % alignment)
        place = len(data) if offsets is None else offsets[i]
        infos += string_of(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims,
                                               NUMBER_OF.get(kind, kind), place)
        data += body
    start = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(dict(metadata)))
    start = head + start[len(head):] + entries + infos
    return start + bytes(-len(start) % alignment) + data


def typed(value):
    """Return a value as one of the types that a file has."""
    if isinstance(value, np.ndarray):
        return list(value)
    kind = {bool: np.bool_, int: np.uint32, float: np.float32}.get(type(value))
    return kind(value) if kind else value


def number_of(code, n):
    return struct.pack(f"<{code}", n)


def string_of(words):
    body = words if isinstance(words, bytes) else words.encode()
    return number_of("Q", len(body)) + body


def value_of(value):
    """Return the bytes of a value; a list is of values of one type."""
    if isinstance(value, list):
        kind = KINDS_OF[type(value[0])] if value else 8
        return number_of("I", kind) + number_of("Q", len(value)) + b"".join(map(value_of, value))
    return string_of(value) if isinstance(value, str) else value.tobytes()
