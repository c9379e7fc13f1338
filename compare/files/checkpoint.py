"""Checkpoints: one .npz file with all that training needs to go on, the same for both sides.

It holds the arrays of packing.py and their checksum.
"""

import contextlib
import hashlib
import os.path
from pathlib import Path

import numpy as np

from .packing import VERSION, Checkpoint, check_config, pack, unpack
from .weight_files import Refused, read_npz, refusing
from .whole import written_whole


class NotSaved(OSError):
    """A checkpoint could not be written; what was there before is whole."""


def save(path, checkpoint: Checkpoint):
    """Write a checkpoint to path, and keep the file that was there as previous(path).

    However the process ends, latest(path) is whole. Raises NotSaved where the disk is full or
    the folder can't be written, ValueError for a checkpoint that load would refuse.
    """
    write(path, checkpoint, previous(path))


def save_alone(path, checkpoint: Checkpoint):
    """Write a checkpoint likewise, but over the file that was there."""
    write(path, checkpoint, None)


def write(path, checkpoint, keep_as):
    """Write a checkpoint whole or not at all; keep the file that was there under another name."""
    path, arrays = Path(path), pack(checkpoint)
    try:
        unpack(arrays)
    except Refused as error:
        raise ValueError(f"checkpoint {error}; allowed: what load accepts") from None
    try:
        with written_whole(path, keep_as) as file:
            np.savez(file, checksum=checksum(arrays), **arrays)
    except OSError as error:
        raise NotSaved(f"checkpoint is {path}, which can't be written ({error.strerror or error}); "
                       "allowed: a folder with room; what was saved before is whole") from error


def load(path, config=None):
    """Return the Checkpoint of a file, of a given configuration if there is one.

    Runs nothing that the file holds, and takes no more memory than its size calls for. Raises
    ValueError for a file that is missing, damaged, of another version or configuration, or made
    to hurt; where the previous one is whole, the sentence says so.
    """
    path = Path(path)
    try:
        return read_checked(path, config)
    except ValueError as error:
        sentence = str(error)
    with contextlib.suppress(ValueError):
        read_checked(previous(path), config)
        sentence += f"; {previous(path)} is whole: rename it to {path.name} to go on from there"
    raise ValueError(sentence)


def latest(path):
    """Return path, or previous(path) where a process was killed just before its last renaming."""
    path, before = Path(path), previous(path)  # os.path takes names that are too long, too
    return before if os.path.isfile(before) and not os.path.isfile(path) else path


def of_folder(folder, last=False):
    """Return the best checkpoint of a run, or its last where that is asked for or alone there."""
    best, newest = Path(folder, "best.npz"), latest(Path(folder, "checkpoint.npz"))
    return best if not last and os.path.isfile(best) and os.path.isfile(newest) else newest


def previous(path):
    """Return the name that keeps the checkpoint before the one at path."""
    path = Path(path)
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def read_checked(path, config):
    """Return the Checkpoint of a file; raises ValueError as load does."""
    with refusing("checkpoint", path, f"a whole one of version {VERSION}, as training saves it"):
        arrays = read_npz(path, deflated=False)
        if not np.array_equal(arrays.pop("checksum", None), checksum(arrays)):
            raise Refused("is damaged, or no checkpoint: its checksum does not fit")
        checkpoint = unpack(arrays)
        check_config(checkpoint.config, config or checkpoint.config)
    return checkpoint


def checksum(arrays):
    """Return the SHA-256 of all names, dtypes, shapes and values: (32,) of uint8."""
    sha = hashlib.sha256()
    for name, a in sorted(arrays.items()):
        sha.update(f"{name} {a.dtype.str} {a.shape} ".encode())
        sha.update(a.tobytes())
    return np.frombuffer(sha.digest(), np.uint8)
