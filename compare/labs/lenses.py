"""A trained GPT or llama to look into, with NumPy or with torch: the same questions and answers.

Both take NumPy arrays. What they return is read with np.asarray.
"""

import numpy as np

from reference.labs import lens

from ..layers.source import twin
from .learners import TORCH_CLASSES


class NumpyLens:
    """A GPT in NumPy, with MLPs or without, or a llama, and reference/labs/lens.py."""

    def __init__(self, config, params):
        self.params, self.config, self.eps = params, config, lens.eps_of(config)

    def see(self, tokens):
        """Return the Seen of ids (B, T)."""
        return lens.see(tokens, self.params, config=self.config)

    def logits(self, stream):
        """Return the logits of a stream: (B, T, C) -> (B, T, V)."""
        return lens.logit_lens(stream, self.params, eps=self.eps)

    def attribute(self, seen, targets):
        """Return what each part adds to the logits of the targets: (B, T) by name."""
        return lens.attribute(seen, targets, self.params, eps=self.eps)

    def patch(self, tokens, source, position, before):
        """Return the logits with the stream of another put in: (B, T) -> (B, T, V)."""
        return lens.patch(tokens, source, position, self.params, config=self.config,
                          before=before)

    def recovery(self, patched, clean, corrupted):
        """Return the share of a difference that a patch brings back."""
        return lens.recovery(patched, clean, corrupted)


class TorchLens:
    """The same in torch, and torch_impl/labs/lens.py; its weights are the arrays that it is given.
    """

    def __init__(self, config, params):
        import torch

        from ..layers import weights
        stem = type(params).__module__.rpartition(".")[2]
        with torch.device("meta"):  # it has no memory of its own: a large model fits once
            model = getattr(twin(stem), TORCH_CLASSES[stem])(**vars(config))
        self.lens = twin("lens")
        self.model = weights.load_into(model, params, shared=True).eval()

    def see(self, tokens):
        """Return the Seen of ids (B, T)."""
        return self.lens.see(ids_on_torch(tokens), self.model)

    def logits(self, stream):
        """Return the logits of a stream: (B, T, C) -> (B, T, V)."""
        return self.lens.logit_lens(stream, self.model)

    def attribute(self, seen, targets):
        """Return what each part adds to the logits of the targets: (B, T) by name."""
        return self.lens.attribute(seen, ids_on_torch(targets), self.model)

    def patch(self, tokens, source, position, before):
        """Return the logits with the stream of another put in: (B, T) -> (B, T, V)."""
        return self.lens.patch(ids_on_torch(tokens), source, ids_on_torch(position), self.model,
                               before=before)

    def recovery(self, patched, clean, corrupted):
        """Return the share of a difference that a patch brings back."""
        return self.lens.recovery(patched, clean, corrupted)


def ids_on_torch(ids):
    """Return an array of ids, or one id, as torch takes it."""
    import torch
    return torch.from_numpy(np.array(ids))


LENSES = {"numpy": NumpyLens, "torch": TorchLens}
