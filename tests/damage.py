"""Damaged versions of a file, from its bytes and a generator: for the tests of what reads files.

broken is what a disk or a network does, and no sum fits any more. resealed is what somebody does
who wants to hurt: the sums of a zip archive, the lengths and the JSON fit.
"""

import io
import json
import re
import warnings
import zipfile

HOSTILE_VALUES = [10**30, -1, 2**63, 0.5, True, None, "", "\x00", "9" * 5000, [], {}, [[]] * 99,
                  [0, 0], [9] * 3000, float("nan"), {"a": [{}]}]


def broken(whole, rng):
    """Return the bytes of a file after one damage."""
    size = len(whole)
    one, other = sorted(rng.integers(0, size + 1, 2))
    length = rng.integers(1, 1 + min(64, size))
    place = rng.integers(0, size - length + 1)
    flipped = bytearray(whole)
    flipped[rng.integers(size)] ^= 1 << rng.integers(8)
    return [
        bytes(flipped),
        whole[:one],                                                      # cut
        whole[:one] + whole[other:],                                      # a part lost
        whole[:one] + rng.bytes(length) + whole[one:],                    # put in
        whole[:place] + rng.bytes(length) + whole[place + length:],       # changed
        whole[:place] + b"\xff" * length + whole[place + length:],        # the largest numbers
        whole[:one] + whole[place:place + length] + whole[one + length:],  # from another place
        whole[other:] + whole[:other],
        whole + whole,
    ][rng.integers(9)]


def resealed(whole, rng):
    """Return the bytes of a file after a damage behind which its sums and lengths fit."""
    if whole[:2] == b"PK":
        return rezipped(whole, rng)
    if whole[:4] == b"GGUF":
        return recounted(whole, rng)
    if whole[8:9] == b"{":  # a safetensors file
        length = int.from_bytes(whole[:8], "little")
        header = reworded(whole[8:8 + length], rng)
        return len(header).to_bytes(8, "little") + header + whole[8 + length:]
    return reworded(whole, rng) if whole[:1] == b"{" else renumbered(whole, rng)


def recounted(whole, rng):
    """Return a GGUF file, which has no sums, with another number where one may stand."""
    numbers = [0, 1, 7, 9, 255, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63, 2**64 - 1]
    width = [1, 4, 8][rng.integers(3)]
    place = rng.integers(4, min(len(whole), 2000) - 8)
    number = numbers[rng.integers(len(numbers))] % 2**(8 * width)
    return whole[:place] + number.to_bytes(width, "little") + whole[place + width:]


def rezipped(whole, rng):
    """Return a zip archive with other members, or with other bytes in one."""
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        kind = archive.infolist()[0].compress_type
        found = [(name, archive.read(name)) for name in archive.namelist()]
    (one, body), (other, another) = (found[i] for i in rng.integers(0, len(found), 2))
    rest = [(name, data) for name, data in found if name not in (one, other)]
    return archived([
        rest,                                                         # some lost
        [*found, (one, body)],                                        # one twice
        [*rest, (one, another), (other, body)],                       # bodies that changed places
        [*rest, (f"{one}{rng.integers(10)}", body)],                  # renamed
        [*rest, (one, broken(body, rng) if body else b"1"), (other, another)],
        [*rest, (one, renumbered(body, rng)), (other, another)],
        [(name, renumbered(data, rng)) for name, data in found],
    ][rng.integers(7)], kind)


def archived(found, kind=zipfile.ZIP_STORED):
    """Return the bytes of a zip archive of (name, bytes), where a name may come twice."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as archive, warnings.catch_warnings(action="ignore"):
        for name, data in found:
            archive.writestr(name, data)
    return file.getvalue()


def renumbered(data, rng):
    """Return bytes with another number where digits stand, or else another byte."""
    numbers = list(re.finditer(rb"\d+", data[:9999]))
    if not numbers:
        return data + b"1"
    chosen = numbers[rng.integers(len(numbers))]
    number = [b"0", b"-1", b"9" * 30, b"9" * 5000, b"1, " * 3000, b"(" * 3000][rng.integers(6)]
    return data[:chosen.start()] + number + data[chosen.end():]


def reworded(text, rng):
    """Return JSON with another value somewhere, a name twice, or deep in lists."""
    told = json.loads(text)
    place = told
    while True:  # a random way down
        parent, keys = place, list(place) if isinstance(place, dict) else range(len(place))
        key = keys[rng.integers(len(keys))]
        place = parent[key]
        if not isinstance(place, (dict, list)) or not place or rng.integers(2):
            break
    parent[key] = HOSTILE_VALUES[rng.integers(len(HOSTILE_VALUES))]
    made = json.dumps(told)
    twice, deep = made[:-1] + "," + made[1:], "[" * 10**5 + made
    return [made, made, made, twice, deep][rng.integers(5)].encode()
