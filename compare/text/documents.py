"""Documents: what --text names (a file, a folder, JSON lines, standard input), as one text."""

import json
import os
from pathlib import Path
from typing import NamedTuple

from . import corpus
from .corpus import STDIN, one_line
from .tokenizers import END, utf8

LINES = ".jsonl"        # ends the name of a file whose every line is a document
READ = ".txt", LINES    # what is read in a folder
MOST = 1000             # paths: a checkpoint keeps them


class Documents(NamedTuple):
    """What is read to be trained on, no document of it empty."""

    training: list
    validation: list | None = None  # None: the last tenth of the training text

    @property
    def length(self):
        """How many characters all of them have."""
        return sum(map(len, self.training + (self.validation or [])))

    def ids(self, tokenizer, block_size):
        """Return the ids for training and for validation, each (T,).

        Raises ValueError where one is shorter than a block and its target, or holds what the
        tokenizer can't encode.
        """
        ends = END in tokenizer.specials
        ids = tokenizer.encode(joined(self.training, ends), specials=True)
        if self.validation is None:
            return corpus.train_and_validation(ids, block_size)
        parts = ids, tokenizer.encode(joined(self.validation, ends), specials=True)
        for name, part in zip(("text", "valid_text"), parts):
            if len(part) <= block_size:
                raise ValueError(f"{name} has {len(part)} tokens; "
                                 f"allowed: at least block_size + 1 = {block_size + 1}")
        return parts


class Source(NamedTuple):
    """Where documents are: paths as a user names them."""

    text: list | None = None        # None: Python's own language reference
    valid_text: list | None = None  # None: the last tenth of the text
    field: str | None = None        # of JSON lines; None: "text"

    def whole(self):
        """Return it with paths that hold from every folder."""
        def whole(paths):
            return paths and [path if path == STDIN else str(Path(path).resolve())
                              for path in paths]
        return self._replace(text=whole(self.text), valid_text=whole(self.valid_text))

    def asked_for(self):
        """Return the options without which a resumed run can't find its text: of standard input."""
        options = {"--text": self.text, "--valid-text": self.valid_text}
        return [word for option, paths in options.items() if STDIN in (paths or ())
                for path in paths for word in (option, path)]

    def kept(self):
        """Return what a checkpoint keeps of it, one path alone bare."""
        kept = {name: value[0] if isinstance(value, list) and len(value) == 1 else value
                for name, value in self._asdict().items()}
        return {name: value for name, value in kept.items() if value or name == "text"}

    def read(self):
        """Return the Documents, each file and line in order.

        Raises ValueError for a file that is missing or not UTF-8, a folder without any, a line
        that is not JSON or lacks the field, and standard input more than once.
        """
        named = {"text": self.text or [None], "valid_text": self.valid_text or []}
        for name, paths in named.items():
            check_paths(name, paths)
        if STDIN in named["text"] and STDIN in named["valid_text"]:
            raise ValueError("valid_text is -, and so is text; allowed: standard input once")
        files = {name: [file for path in paths for file in files_of(name, path)]
                 for name, paths in named.items()}
        if self.field is not None and not any(map(has_lines, files["text"] + files["valid_text"])):
            raise ValueError(f"field is {one_line(self.field)}; allowed: only where a text is "
                             f"a file *{LINES}")
        found = [self.documents(name, files[name]) for name in named]
        return Documents(*found if self.valid_text else found[:1])

    def documents(self, name, files):
        """Return the documents of files, none empty."""
        found = []
        for file in files:
            text = corpus.read_text(file, name)
            found += lines_of(name, file, text, self.field or "text") if has_lines(file) else [text]
        return [document for document in found if document]


def source_of(run):
    """Return the Source of what a checkpoint keeps of a run."""
    text, valid_text = ([paths] if isinstance(paths, str) else paths
                        for paths in (run["text"], run.get("valid_text")))
    return Source(text, valid_text, run.get("field"))


def joined(documents, ends):
    """Return one text: of several documents each has the end token after it, or else a new line
    is between them."""
    if len(documents) < 2 or not ends:
        return "\n".join(documents)
    return "".join(document + END for document in documents)


def check_paths(name, paths):
    """Refuse more paths than a checkpoint keeps, and standard input that can't be read."""
    processes = os.environ.get("WORLD_SIZE", "1")  # of torchrun
    if len(paths) > MOST:
        raise ValueError(f"{name} is {len(paths)} paths; allowed: up to {MOST}, or a folder")
    if paths.count(STDIN) > 1:
        raise ValueError(f"{name} is - more than once; allowed: standard input once")
    if STDIN in paths and processes != "1":
        raise ValueError(f"{name} is -, which {processes} processes can't share; allowed: a file")


def files_of(name, path):
    """Return the files that a path names: itself, or all that are read in a folder, in order."""
    if path in (None, STDIN) or not os.path.isdir(path):
        return [path]

    def refuse(error):
        raise ValueError(f"{name} is {one_line(error.filename)}, which can't be read "
                         f"({error.strerror}); allowed: a folder of files *.txt or *{LINES}")

    found = sorted((Path(folder, file) for folder, _, files in os.walk(path, onerror=refuse)
                    for file in files if file.lower().endswith(READ)), key=lambda file: file.parts)
    found = [file for file in found if file.is_file()]  # a pipe would be waited for
    if not found:
        raise ValueError(f"{name} is {one_line(path)}, a folder without a file *.txt or *{LINES}; "
                         "allowed: a folder with one")
    return found


def has_lines(file):
    return str(file).lower().endswith(LINES)


def lines_of(name, path, text, field):
    """Return the text of a field in each line of JSON; blank lines have none."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                found.append(field_of(line, field))
            except ValueError as error:
                raise ValueError(f"{name} is {one_line(path)}, whose line {number} {error}; "
                                 f"allowed: an object with a text as {one_line(field)}") from None
    return found


def field_of(line, field):
    """Return the text of a field of a JSON object; raises ValueError that says why it has none."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None
    if not isinstance(found, dict) or not isinstance(found.get(field), str):
        raise ValueError("has no such text")
    try:
        utf8(found[field])
    except ValueError:
        raise ValueError("holds a lone surrogate") from None
    return found[field]
