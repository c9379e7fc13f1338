"""What a row of the table of labs is.

A lab shows a feature of language models on a small GPT: what it claims, and beside each claim a
control that must fail. A row is what of it is told beforehand; compare/labs/<stem>.py measures it.
"""

import math
from typing import Any, NamedTuple

from .source import module_of, twin


class Claim(NamedTuple):
    """What a lab claims of a number that it measures, for every seed."""

    says: str                   # one line of the table
    number: str                 # the name of the number
    low: float = -math.inf      # it is from low to high
    high: float = math.inf
    control: str | None = None  # the name of a number that must not be

    def allows(self, value):
        """Whether a number is as claimed."""
        return self.low <= value <= self.high


class Setting(NamedTuple):
    """One setting of a lab, an option of the command line."""

    default: Any
    words: str                # what it is
    low: float | None = None  # of a number; it may be low and high themselves
    high: float = math.inf


class Lab(NamedTuple):
    """A row: one lab."""

    stem: str
    asks: str       # the question that it answers
    says: str       # what it shows, one line of the list
    claims: tuple   # of Claim
    settings: dict  # of Setting, by name
    brief: dict     # settings of a short run, whose losses begin as those of a whole one
    own: dict = {}  # of Setting: with any of them the lab looks at a model of one's own

    @property
    def defaults(self):
        """The settings as they are where none is given, by name."""
        return {name: setting.default for name, setting in self.settings.items()}

    @property
    def numpy(self):
        """The lab's module in reference/labs/."""
        return module_of(self.stem)

    @property
    def torch(self):
        """The lab's module in torch_impl/labs/."""
        return twin(self.stem)

    @property
    def experiment(self):
        """The lab's module in compare/labs/."""
        return module_of(f"compare.labs.{self.stem}")
