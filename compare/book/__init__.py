"""Equation, NumPy and torch side by side."""
