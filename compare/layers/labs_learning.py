"""Rows of the table of labs: what a model learns from what it is given, and from its size."""

from .lab import Claim, Lab, Setting

LEARNING = [
    Lab("adaptation", "a trained model learns from a text with adapters, and predicts its rest", (
        Claim("one row a weight lowers the loss on the rest", "lowered, rank 1",
              low=0.05, control="lowered, another text"),
        Claim("four rows lower it further", "lowered, rank 4",
              low=0.15, control="lowered, scrambled text"),
        Claim("16 rows do about as much as all weights", "share of what all weights gain, rank 16",
              low=0.6, high=1.2, control="share of what all weights gain, rank 1"),
        Claim("what is gained here is lost elsewhere", "raised elsewhere, rank 4",
              low=0.02, control="raised elsewhere, another text")),
        {"base": Setting(600, "updates of the model before it adapts", 1),
         "steps": Setting(80, "updates of each adaptation", 1)},
        {"base": 5, "steps": 2}),
    Lab("word2vec", "vectors of words from the words beside them: neighbours and analogies",
        (Claim("with attributes in the text, analogies are right", "analogies right, attributes",
               low=0.9, control="analogies right, untrained"),
         Claim("without attributes they are not", "analogies right, no attributes",
               high=0.1, control="analogies right, attributes"),
         Claim("in a real text, a plural is near its word", "plural near, text",
               low=0.2, control="plural near, untrained"),
         Claim("in random order it is not", "plural near, random order",
               high=0.1, control="plural near, text"),
         Claim("without thinning out, fewer are", "plural near, not thinned",
               high=0.2, control="plural near, text")),
        {"grid_steps": Setting(300, "updates on the grid of attributes", 1, 10_000),
         "steps": Setting(600, "updates on the text", 1, 10_000)},
        {"grid_steps": 6, "steps": 1}),
]
