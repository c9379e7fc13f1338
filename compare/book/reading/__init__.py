"""What is read: the derivations, their formulas, and the lines of code of each tag."""
