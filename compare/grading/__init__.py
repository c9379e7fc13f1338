"""Exercises, and what is right or wrong in a backward that somebody else wrote."""
