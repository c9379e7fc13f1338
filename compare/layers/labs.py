"""The table of the labs: one row per lab, read by the command line, the tests and the book.

A lab shows a feature of language models on a small GPT: what it claims, and beside each claim a
control that must fail. A row is what of it is told beforehand; compare/labs/<stem>.py measures it.
"""

import math
from typing import Any, NamedTuple

from .source import module_of, twin


class Claim(NamedTuple):
    """What a lab claims of a number that it measures, for every seed."""

    says: str                   # one line of the table
    number: str                 # the name of the number
    low: float = -math.inf      # it is from low to high
    high: float = math.inf
    control: str | None = None  # the name of a number that must not be

    def allows(self, value):
        """Whether a number is as claimed."""
        return self.low <= value <= self.high


class Setting(NamedTuple):
    """One setting of a lab, an option of the command line."""

    default: Any
    words: str                # what it is
    low: float | None = None  # of a number; it may be low and high themselves
    high: float = math.inf


class Lab(NamedTuple):
    """A row: one lab."""

    stem: str
    says: str       # what it shows, one line of the list
    claims: tuple   # of Claim
    settings: dict  # of Setting, by name
    brief: dict     # settings of a short run, whose losses begin as those of a whole one
    own: dict = {}  # of Setting: with any of them the lab looks at a model of one's own

    @property
    def defaults(self):
        """The settings as they are where none is given, by name."""
        return {name: setting.default for name, setting in self.settings.items()}

    @property
    def numpy(self):
        """The lab's module in reference/labs/."""
        return module_of(self.stem)

    @property
    def torch(self):
        """The lab's module in torch_impl/labs/."""
        return twin(self.stem)

    @property
    def experiment(self):
        """The lab's module in compare/labs/."""
        return module_of(f"compare.labs.{self.stem}")


LABS = {lab.stem: lab for lab in [
    Lab("induction", "two heads learn to copy what followed the same key: learning in context",
        (Claim("a value whose key came before is told", "accuracy, two blocks",
               low=0.9, control="accuracy, one block"),
         Claim("its loss is far below that of a guess", "loss, two blocks",
               high=0.1, control="loss of a guess"),
         Claim("one block is no better than a guess", "loss above that of a guess, one block",
               low=0, control="loss above that of a guess, two blocks"),
         Claim("block 0 looks from a value to its key", "previous-token score, block 0",
               low=0.45, control="previous-token score, one block"),
         Claim("block 1 looks at what followed the same key", "prefix-matching score, block 1",
               low=0.7, control="prefix-matching score, one block"),
         Claim("without the head of block 0 it is not told",
               "accuracy, head of block 0 at its mean",
               high=0.7, control="accuracy, two blocks"),
         Claim("without the head of block 1 it is not told",
               "accuracy, head of block 1 at its mean",
               high=0.7, control="accuracy, two blocks")),
        {"steps": Setting(600, "updates of each model", 10)},
        {"steps": 10}),
    Lab("lens", "where a trained model looks, when it knows, and which place the answer passes", (
        Claim("log-probability of the answer after block 1",
              "log-probability after block 1", low=-0.1, control="log-probability after block 0"),
        Claim("share of the head of block 1 in the logits' difference",
              "share of head 1.0", low=0.9, high=1.1, control="share of head 0.0"),
        Claim("largest error of the sum of the parts",
              "parts to logit", high=1e-12, control="parts to logit, each normalized"),
        Claim("brought back at the value, before block 1",
              "patched value before block 1", low=0.9, high=1.1,
              control="patched value before block 1, untrained"),
        Claim("brought back at the key, before block 1",
              "patched key before block 1", low=-0.15, high=0.15,
              control="patched key before block 0"),
        Claim("brought back behind the value, before block 1",
              "patched next before block 1", low=-0.15, high=0.15,
              control="patched value before block 1")),
        {"steps": Setting(600, "updates of the model that is looked into", 1)}, {"steps": 5},
        {"out": Setting(None, "a run of train: look into its model instead (with --prompt)"),
         "last": Setting(False, "its last checkpoint, not the best"),
         "prompt": Setting(None, "the text that the model is given"),
         "target": Setting(None, "the next token that is explained (default: the likeliest)"),
         "other": Setting(None, "another text of as many tokens, to patch from --prompt"),
         "head": Setting(None, "the head whose attention is printed: block and head, as in 0.1")}),
    Lab("tree_search", "a search tree over the next tokens finds what sampling misses, or not",
        (Claim("graded verifier: PUCT finds the right answer", "graded: PUCT, few",
               low=0.3, control="any verifier: best of N, few"),
         Claim("it needs the model's probabilities", "graded: PUCT, many",
               low=0.8, control="graded: PUCT with a uniform prior, many"),
         Claim("the likeliest answer is wrong", "greedy",
               high=0.05, control="graded: PUCT, few"),
         Claim("hill-climbing is better still", "graded: hill-climbing, few",
               low=0.75, control="any verifier: best of N, few"),
         Claim("verifier of the beginning: PUCT is best", "beginning: PUCT, few",
               low=0.85, control="beginning: hill-climbing, few"),
         Claim("all or nothing: PUCT gains nothing", "all or nothing: PUCT less best of N, few",
               high=0.1, control="graded: PUCT less best of N, few")),
        {"c": Setting(0.75, "how much a walk explores", 0, 1000),
         "calls": Setting(64, "few calls, of the model and of the verifier; many are 4 times as "
                              "many", 6, 1024),
         "prompts": Setting(40, "prompts that are answered", 1, 1000),
         "steps": Setting(300, "updates of the model", 1, 10_000)},
        {"steps": 8, "prompts": 2, "calls": 8}),
    Lab("policy_gradient", "sums from demonstrations that err, and then from a verifier's reward",
        (Claim("GRPO passes what perfect imitation reaches, 0.685", "GRPO: sampled",
               low=0.72, control="more imitation: sampled"),
         Claim("its likeliest answer is right", "GRPO: greedy",
               low=0.9, control="more imitation: greedy"),
         Claim("more imitation ends near 0.685", "more imitation: sampled",
               low=0.6, high=0.72, control="GRPO: sampled"),
         Claim("a random reward destroys what was learned", "random reward: sampled",
               high=0.4, control="imitation: sampled"),
         Claim("REINFORCE passes 0.685 with half of the updates", "REINFORCE: sampled",
               low=0.72, control="more imitation: sampled"),
         Claim("the group's mean keeps 7/8 of the gradient", "share of the gradient, mean",
               low=0.875 - 1e-12, high=0.875 + 1e-12, control="share of the gradient, scaled"),
         Claim("the mean of the others keeps all of it", "share of the gradient, others",
               low=1 - 1e-12, high=1 + 1e-12, control="share of the gradient, mean"),
         Claim("the deviation turns it, in degrees", "degrees off the gradient, scaled",
               low=0.1, control="degrees off the gradient, mean")),
        {"imitation": Setting(400, "updates on demonstrations, before all else", 1, 10_000),
         "updates": Setting(120, "samplings of each run that follows; GRPO makes two updates on "
                                 "each, and more imitation as many", 1, 10_000),
         "group": Setting(8, "answers to each prompt of a sampling", 2, 64),
         "epsilon": Setting(0.2, "how far a ratio may move before the clip holds it", 0.01, 0.99)},
        {"imitation": 6, "updates": 2, "group": 4}),
    Lab("preference", "learn from which of two texts is preferred: DPO, KTO, SimPO, SPIN", (
        Claim("DPO comes to the optimum: KL", "KL to the optimum, DPO", high=0.3,
              control="KL to the optimum, reference"),
        Claim("the labels teach it: gain", "reward gained, DPO", low=0.8, high=1.2,
              control="reward gained, DPO, labels by a coin"),
        Claim("its implicit reward ranks pairs", "ranked right by DPO's implicit reward", low=0.95,
              control="ranked right by DPO's likelihood"),
        Claim("KTO learns without pairs: gain", "reward gained, KTO", low=0.6,
              control="reward gained, DPO, labels by a coin"),
        Claim("SimPO goes far from the reference: KL", "KL from the reference, SimPO", low=2.2,
              control="KL from the reference, DPO"),
        Claim("SPIN at 1 comes to its texts: KL", "KL to the optimum, SPIN at 1", high=0.3,
              control="KL to the optimum, SPIN at 0.3"),
        Claim("imitation comes nearer: KL over KL",
              "KL to the optimum, SPIN at 1 over imitation", low=1.0),
    ), {"beta": Setting(1.0, "the price of being far from the reference", 0.2, 5.0),
        "steps": Setting(150, "updates of each method", 6, 2000)},
        {"steps": 6}),
]}
