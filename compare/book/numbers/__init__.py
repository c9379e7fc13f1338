"""What the lines make of a small example, in NumPy and in torch."""
