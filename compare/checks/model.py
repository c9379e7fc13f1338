"""check --model: the gradients of the loss at a trained model, on a batch of its own text."""

import os.path
from types import SimpleNamespace

from reference.tools import tree
from torch_impl.cross_entropy import CrossEntropy

from ..files import checkpoint
from ..layers.models import by_letter, model_of
from ..layers.row import Example, Layer
from ..layers.streams import stream
from ..layers.table import LAYERS
from ..text import corpus, kinds
from ..text.documents import source_of
from .at_size import print_findings
from .own_sizes import head_sizes
from .room import check_room


def model_loss(tokens, targets, params, *, config, keep):
    """Return (loss, cache) as a layer does: (B, T), (B, T) -> ()."""
    loss = model_of(config).numpy.loss(tokens, targets, params, config=config, keep=keep)
    return loss, (tokens, targets, params, config, keep)


def loss_gradients(dloss, cache):
    """Return dloss times the gradients with which the model is trained: () -> Params."""
    tokens, targets, params, config, keep = cache
    _, grads = model_of(config).numpy.loss_and_grad(
        tokens, targets, params, config=config, keep=keep)
    return tree.map(lambda grad: dloss * grad, grads)


class Loss(Layer):
    """The row of a model and its loss as one layer."""

    numpy = SimpleNamespace(forward=model_loss, backward=loss_gradients)


def row_of(model):
    """Return the row of a model, an Architecture, and its loss."""
    class TorchLoss(model.torch):
        """(B, T), (B, T) -> (), with the parameters of the model."""

        def forward(self, tokens, targets, keep=None):
            return CrossEntropy()(super().forward(tokens, keep), targets)

    own = LAYERS[model.stem]
    return Loss("loss", own.letters, None, lambda n, e: TorchLoss(**vars(e.options["config"])),
                own.shows, whole_model=True)


def print_model(run, given, seed):
    """Hold the gradients at the model of a run against the oracles, print the table, and return
    whether all passed; `given` holds B and T, else they are the run's own."""
    path = checkpoint.of_folder(run) if os.path.isdir(run) else run
    saved = checkpoint.load(path)
    model = model_of(saved.config)
    n = batch_sizes(saved, given, LAYERS[model.stem].letters)
    check_room(LAYERS[model.stem], n)
    print(f"{path}, after step {saved.state.step}")
    # the loss is a mean: times as many as its terms, gradients are of about size 1, as elsewhere
    return print_findings(row_of(model), n, seed, batch_of(saved, n, seed), scale=n["B"] * n["T"])


def batch_sizes(saved, given, letters):
    """Return a size for each letter of the model's row; raises ValueError for sizes it has not."""
    config = saved.config
    for letter in given:
        if letter not in ("B", "T"):
            raise ValueError(f"sizes has {letter}, which the model sets; "
                             "allowed with --model: B, T")
    T, S = given.get("T", config.block_size), config.block_size
    if T > S:
        raise ValueError(f"sizes has T = {T}; allowed: at most the model's S = {S}")
    n = by_letter(vars(config)) | {"B": given.get("B", saved.run["batch_size"]), "T": T,
                                   "S": S - T + 1, "D": config.n_embd // config.n_head}
    n |= head_sizes(letters, n, n)
    return {letter: n[letter] for letter in letters}


def batch_of(saved, n, seed):
    """Return the Example of a batch that the seed draws from the text that the run trained on."""
    ids, _ = text_of(saved.run).ids(kinds.from_dict(saved.tokenizer), saved.config.block_size)
    tokens, targets = next(corpus.batches(ids, block_size=n["T"], batch_size=n["B"],
                                          rng=stream(seed, "batches")))
    keep = model_of(saved.config).numpy.draw_keep(
        stream(seed, "masks"), n["B"], n["T"], saved.config)
    return Example({"tokens": tokens, "targets": targets}, saved.params,
                   {"config": saved.config}, {"keep": keep})


def text_of(run):
    """Return the Documents that a run read; raises ValueError where they can't be read again."""
    source = source_of(run)
    for path in [*(source.text or ()), *(source.valid_text or ())]:
        if path == corpus.STDIN or not (os.path.isfile(path) or os.path.isdir(path)):
            raise ValueError(f"text is {corpus.one_line(path)}, where the run had it, but which is "
                             "no file now; allowed: a run whose text is still there")
    return source.read()
