"""Rows of the table of labs: what a model learns from what it is given, and from its size."""

from .lab import Claim, Lab, Setting

LEARNING = []
