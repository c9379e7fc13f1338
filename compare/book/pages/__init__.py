"""The parts of a page, as HTML."""
