"""The command export."""

from ..words import argument
from .options import FOLDER


def declare(verbs):
    """Declare the command and its flags."""
    export = verbs.add_parser("export", help="write a trained model by GPT-2's names")
    export.set_defaults(run=run_export)
    export.add_argument("--out", metavar="FOLDER", default=FOLDER, help="of the training "
                        "(default %(default)s)")
    export.add_argument("--last", action="store_true", help="its last checkpoint, not the best")
    export.add_argument("--to", metavar="FILE", required=True, help="a new file: .safetensors, "
                        ".npz, or torch's .pt, .pth, .bin")


def run_export(given):
    """Write the best checkpoint of a run, or the last, in GPT-2's naming; say how to sample it."""
    from reference.tools import tree

    from ..layers.models import model_of
    from . import checkpoint
    from .gpt2 import to_gpt2
    from .weight_files import write_weights
    saved = checkpoint.load(checkpoint.of_folder(given.out, given.last))
    stem = model_of(saved.config).stem
    if stem != "gpt":
        raise ValueError(f"out is {given.out}, a run of --model {stem}; allowed: of --model gpt, "
                         "since the names are GPT-2's")
    heads, kind = saved.config.n_head, saved.tokenizer["kind"]
    write_weights(given.to, to_gpt2(saved.config, saved.params))
    print(f"{given.to} is written: {tree.count(saved.params):,} parameters by GPT-2's names, "
          f"{saved.run['dtype']}, after step {saved.state.step}")
    print(f"it holds neither the number of heads, {heads}, nor the tokenizer, {kind}")
    print(f"to write text: python -m compare sample --out {argument(given.out)}")
    if "<|endoftext|>" in saved.tokenizer.get("specials", ()):
        print(f"or, where the tokenizer has GPT-2's two files: python -m compare sample "
              f"--weights {argument(given.to)} --n-head {heads} --gpt2-files FOLDER")
    return 0
