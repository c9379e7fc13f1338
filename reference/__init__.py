"""The GPT in NumPy: every forward is arithmetic, every backward is derived and written by hand."""
