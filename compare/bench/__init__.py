"""NumPy's speed and memory beside torch's."""
