"""A small GPT that a lab trains, with NumPy or with torch: the same start, the same updates.

Both take NumPy arrays and return NumPy arrays and floats, so an experiment is written once.
"""

from functools import partial

import numpy as np

import reference.train
from reference import adamw, gpt
from reference.tools import tree

from ..layers.models import MODELS
from ..layers.source import module_of, twin

TORCH_CLASSES = {"attention_only": "AttentionOnly", "skip_gram": "SkipGram", "positions": "Turned",
                 "megabyte": "Megabyte"} | {  # by stem
    stem: model.torch_class for stem, model in MODELS.items()}


class NumpyLearner:
    """A GPT in NumPy, or another model by its stem, and AdamW's state.

    The parameters with a name in fixed stay as they are.
    """

    def __init__(self, config, params, schedule, stem="gpt", fixed=()):
        self.config, self.schedule, self.params, self.fixed = config, schedule, params, fixed
        self.model = module_of(stem)
        self.state = adamw.init(params)

    def logits(self, tokens):
        """Return the logits after each token: (B, T) -> (B, T, V)."""
        return self.model.forward(tokens, self.params, config=self.config)[0]

    def imitate(self, tokens, targets):
        """Make one update of the cross-entropy, (B, T), (B, T); return its loss."""
        return self.update(self.model.loss_and_grad, (tokens, targets))

    def learn(self, stem, *arrays, **options):
        """Make one update of the loss of a lab, its loss_and_grad(*arrays, p, ...); return it."""
        return self.update(partial(module_of(stem).loss_and_grad, **options), arrays)

    def update(self, loss_and_grad, arrays):
        """Make the next step of the schedule; return its loss."""
        step = next(reference.train.train(
            self.params, [(*arrays, None)], config=self.config, schedule=self.schedule,
            loss_and_grad=partial(self.held, loss_and_grad), state=self.state))
        self.params, self.state = step.params, step.state
        return step.loss

    def held(self, loss_and_grad, *arrays, **options):
        """Return a loss and its gradients, 0 for the fixed parameters, so that none moves."""
        loss, grads = loss_and_grad(*arrays, **options)
        return loss, tree.unwalk(grads, {name: 0 * grad if name in self.fixed else grad
                                         for name, grad in tree.walk(grads)})


class TorchLearner:
    """A GPT in torch, or another model by its stem, and its optimizer."""

    def __init__(self, config, params, schedule, stem="gpt", fixed=()):
        import torch_impl.train

        from ..layers import weights
        self.schedule, self.start, self.made = schedule, params, 0
        model = getattr(twin(stem), TORCH_CLASSES[stem])(**vars(config))
        self.model = weights.load_into(model, params)
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(name not in fixed)
        self.optimizer = torch_impl.train.optimizer_of(self.model, schedule)

    def logits(self, tokens):
        """Return the logits after each token: (B, T) -> (B, T, V)."""
        import torch
        with torch.no_grad():
            return self.model(torch.from_numpy(tokens)).numpy()

    def imitate(self, tokens, targets):
        """Make one update of the cross-entropy, (B, T), (B, T); return its loss."""
        from torch_impl.train import cross_entropy
        return self.update(cross_entropy, (tokens, targets))

    def learn(self, stem, *arrays, **options):
        """Make one update of the loss of a lab, its loss(*arrays, model, ...); return it."""
        return self.update(partial(twin(stem).loss, **options), arrays)

    def update(self, loss, arrays):
        """Make the next step of the schedule; return its loss."""
        import torch
        from torch_impl.train import train
        step = next(train(self.model, [(*map(torch.from_numpy, arrays), None)], loss=loss,
                          schedule=self.schedule, optimizer=self.optimizer, start=self.made))
        self.made += 1
        return step.loss

    @property
    def params(self):
        """The parameters as NumPy's."""
        return tree.unwalk(self.start, {name: p.detach().numpy().copy()
                                        for name, p in self.model.named_parameters()})


LEARNERS = {"numpy": NumpyLearner, "torch": TorchLearner}


def constant_rate(steps, lr, *, warmup=0, weight_decay=0.0):
    """Return the Schedule of a learning rate that stays as it is, after a warm-up."""
    return reference.train.Schedule(steps=steps, lr=lr, min_lr=lr, warmup=warmup,
                                    weight_decay=weight_decay)


def drawn_params(config, rng, stem="gpt", std=0.02):
    """Return the initial parameters of a learner, of deviation std, in float64."""
    return module_of(stem).init(config, rng, np.float64, std)


def computed(side, stem, function, *arrays, **options):
    """Return what a function of a side's module makes of NumPy arrays: a tuple of NumPy arrays."""
    if side == "numpy":
        made = getattr(module_of(stem), function)(*arrays, **options)
        return made if isinstance(made, tuple) else (made,)
    import torch
    with torch.no_grad():
        made = getattr(twin(stem), function)(*map(torch.from_numpy, arrays), **options)
    return tuple(one.numpy() for one in (made if isinstance(made, tuple) else (made,)))
