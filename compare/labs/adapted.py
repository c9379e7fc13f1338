"""A learner whose model is frozen and learns by adapters, with NumPy or with torch: learners.py has
the others."""

from reference.labs import adaptation
from reference.tools import tree

from ..layers.source import twin
from .learners import NumpyLearner, TorchLearner


class NumpyAdapted(NumpyLearner):
    """A GPT in NumPy that runs on merged weights; its params are the adapters."""

    def __init__(self, config, frozen, adapters, schedule, scale=1.0):
        super().__init__(config, adapters, schedule)
        self.frozen, self.scale = frozen, scale

    def logits(self, tokens):
        """Return the logits after each token: (B, T) -> (B, T, V)."""
        merged = adaptation.adapt(self.frozen, self.params, scale=self.scale)
        return self.model.forward(tokens, merged, config=self.config)[0]

    def imitate(self, tokens, targets):
        """Make one update of the adapters by the cross-entropy, (B, T), (B, T); return its loss."""
        return self.learn("adaptation", tokens, targets, model=self.model, frozen=self.frozen,
                          scale=self.scale)


class TorchAdapted(TorchLearner):
    """A GPT in torch whose linear layers have adapters; its params are the adapters."""

    def __init__(self, config, frozen, adapters, schedule, scale=1.0):
        import torch
        import torch_impl.train
        super().__init__(config, frozen, schedule)
        self.start = adapters
        twin("adaptation").adapt(self.model, rank=rank_of(adapters), scale=scale).double()
        with torch.no_grad():
            for name, array in tree.walk(adapters):
                self.model.get_parameter(name).copy_(torch.from_numpy(array))
        self.optimizer = torch_impl.train.optimizer_of(self.model, schedule)


def rank_of(adapters):
    """Return the rank of adapters: that of the first."""
    return len(tree.leaves(adapters)[0])


ADAPTED = {"numpy": NumpyAdapted, "torch": TorchAdapted}
