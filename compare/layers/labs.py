"""The table of the labs: one row per lab, read by the command line, the tests and the book."""

from .labs_answers import ANSWERS
from .labs_inside import INSIDE
from .labs_learning import LEARNING

LABS = {lab.stem: lab for lab in [*INSIDE, *LEARNING, *ANSWERS]}
