"""The models: what trains, samples, plans or saves one asks here for both sides by its Config."""

from typing import NamedTuple

from .source import module_of, twin


class Architecture(NamedTuple):
    """A row: one model."""

    stem: str
    torch_class: str    # its name in torch_impl/
    decoder: str        # of both sides: the module that keeps keys and values while it writes
    block_stem: str     # of the layer that each of its blocks is
    block_sizes: tuple  # the fields of its Config that this layer's forward takes
    norm_stem: str      # of the layer after the last block
    faster: str | None = None  # of NumPy: the decoder in fast/ that gives the same in less memory

    @property
    def numpy(self):
        """The model's module in reference/."""
        return module_of(self.stem)

    @property
    def torch(self):
        """The model's class in torch_impl/."""
        return getattr(twin(self.stem), self.torch_class)

    @property
    def block(self):
        """The module of one of its blocks in reference/."""
        return module_of(self.block_stem)

    def sizes_of_block(self, config):
        """Return the options of a block's forward by name."""
        return {name: getattr(config, name) for name in self.block_sizes}

    def writer(self):
        """Return the arguments by which NumPy's generate writes with the model."""
        return {"model": self.numpy, "decoder": module_of(self.faster or self.decoder)}

    def torch_writer(self):
        """Return the arguments by which torch's generate writes with the model."""
        return {"decoder": twin(self.decoder)}


MODELS = {model.stem: model for model in [
    Architecture("gpt", "GPT", "decode", "block", ("n_head",), "layer_norm"),
    Architecture("llama", "Llama", "llama_decode", "llama_block",
                 ("n_head", "n_kv_head", "rope_base", "eps"), "rms_norm", "packed_llama"),
]}
LETTER = {"vocab_size": "V", "block_size": "S", "n_layer": "L", "n_head": "H", "n_kv_head": "K",
          "n_embd": "C", "n_hidden": "F"}  # of a field of a Config


def by_letter(sizes):
    """Return the sizes of a model by letter, from those by the names of its Config's fields."""
    return {LETTER[name]: size for name, size in sizes.items() if name in LETTER}


def config_from_letters(sizes):
    """Return the Config of sizes["model"], else of a GPT, from its sizes by letter; T is S, too."""
    named = {name: sizes[letter] for name, letter in (LETTER | {"block_size": "T"}).items()
             if letter in sizes}
    return MODELS[sizes.get("model", "gpt")].numpy.Config(**named)


def model_of(config):
    """Return the Architecture that a Config is of."""
    return MODELS[type(config).__module__.rpartition(".")[2]]


def torch_model(config, params, shared=False):
    """Return the torch model of a Config with NumPy's parameters, or if shared in their memory."""
    import torch

    from . import weights
    with torch.device("meta"):  # it has no memory, and draws no values to begin with
        model = model_of(config).torch(**vars(config))
    return weights.load_into(model, params, shared)
