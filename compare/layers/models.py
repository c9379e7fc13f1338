"""The models: what trains, samples, plans or saves one asks here for both sides by its Config."""

from typing import NamedTuple

from .source import module_of, twin


class Architecture(NamedTuple):
    """A row: one model."""

    stem: str
    torch_class: str  # its name in torch_impl/
    decoder: str      # of both sides: the module that keeps keys and values while it writes

    @property
    def numpy(self):
        """The model's module in reference/."""
        return module_of(self.stem)

    @property
    def torch(self):
        """The model's class in torch_impl/."""
        return getattr(twin(self.stem), self.torch_class)

    def writer(self):
        """Return the arguments by which NumPy's generate writes with the model."""
        return {"model": self.numpy, "decoder": module_of(self.decoder)}

    def torch_writer(self):
        """Return the arguments by which torch's generate writes with the model."""
        return {"decoder": twin(self.decoder)}


MODELS = {model.stem: model
          for model in [Architecture("gpt", "GPT", "decode"),
                        Architecture("llama", "Llama", "llama_decode")]}


def model_of(config):
    """Return the Architecture that a Config is of."""
    return MODELS[type(config).__module__.rpartition(".")[2]]


def torch_model(config, params):
    """Return the torch model of a Config with the parameters of NumPy's."""
    from . import weights
    return weights.load_into(model_of(config).torch(**vars(config)), params)
