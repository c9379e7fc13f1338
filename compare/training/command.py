"""The commands train, plan and sample."""

import argparse
import contextlib
import os

from ..files.options import FOLDER, MERGES, MODEL, PRESETS, RUN, SCHEDULE, of_all_models, owners
from ..words import positive


def declare(verbs):
    """Declare the commands and their flags."""
    train = verbs.add_parser("train", help="train either GPT, or both in lockstep")
    plan = verbs.add_parser("plan", help="memory, operations and time of a configuration")
    sample = verbs.add_parser("sample", help="write text with a trained model")
    declare_train(train)
    plan.add_argument("--dtype", choices=("float64", "float32"), default="float32")
    for verb in train, plan:
        verb.add_argument("--preset", metavar="NAME", help=", ".join(PRESETS))
        for name, option in (of_all_models() | SCHEDULE | RUN).items():
            kind = type(option.default)
            how = {"action": argparse.BooleanOptionalAction} if kind is bool else {"type": kind}
            of = owners(name)
            only = f"; {' and '.join(of)} only" if 0 < len(of) < len(MODEL) else ""
            verb.add_argument(f"--{name.replace('_', '-')}", **how,
                              help=f"{option.words} (default {option.default}{only})")
    declare_sample(sample)
    train.set_defaults(run=run_train)
    plan.set_defaults(run=run_plan)
    sample.set_defaults(run=run_sample)


def declare_train(train):
    """Declare the flags of train that are no hyperparameters."""
    train.add_argument("--with", dest="side", choices=("numpy", "torch", "both"),
                       help="which implementation (default both: in lockstep, nothing saved; with "
                       "--lora, numpy)")
    train.add_argument("--text", metavar="PATH", action="append", help="a UTF-8 file, JSON lines "
                       "(.jsonl), a folder of both, or - for standard input; again for more "
                       "(default: the language reference that ships inside Python)")
    train.add_argument("--valid-text", metavar="PATH", action="append", help="likewise, for "
                       "validation (default: the last tenth of the text)")
    train.add_argument("--field", metavar="NAME", help="of JSON lines (default text)")
    train.add_argument("--tokenizer", choices=("characters", "bytes", "bpe", "gpt2"),
                       help="(default characters)")
    train.add_argument("--merges", type=int, help=f"of bpe (default {MERGES})")
    train.add_argument("--gpt2-files", metavar="FOLDER",
                       help="that holds vocab.bpe and encoder.json (default: this one)")
    train.add_argument("--dtype", choices=("float64", "float32"),
                       help="(default float32, and float64 with both)")
    train.add_argument("--out", metavar="FOLDER", help="for checkpoint.npz, best.npz, log.csv and "
                       f"loss.svg (default {FOLDER})")
    train.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out, "
                       "with its settings; with more --steps also after its end")
    train.add_argument("--weights", metavar="FILE", help="begin with GPT-2's weights (.npz, "
                       ".safetensors, .pt, .bin) or those of a checkpoint")
    train.add_argument("--lora", type=positive, metavar="RANK", help="leave the llama of --model "
                       "FILE.gguf (or a folder) as it is, and train adapters beside its weights")
    train.add_argument("--keep-bits", action="store_true", help="with --lora, leave the weights of "
                       "a .gguf file packed, with numpy: less memory")
    train.add_argument("--stats", action="store_true", help="note what happens inside each layer, "
                       "in stats.csv and stats.svg")
    train.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="of torch")
    train.add_argument("--autocast", action="store_true", help="bfloat16 products, with torch")
    train.add_argument("--threads", type=positive, help="that work at one time; with numpy in as "
                       "many processes, over which each batch is split (default: as many as cores, "
                       "%d here)" % os.cpu_count())
    train.add_argument("--compile", action="store_true", help="torch.compile")


def declare_sample(sample):
    """Declare the flags of sample."""
    sample.add_argument("--out", metavar="FOLDER", help=f"of the training (default {FOLDER})")
    sample.add_argument("--last", action="store_true", help="its last checkpoint, not the best")
    sample.add_argument("--weights", metavar="FILE", help="instead: a checkpoint, or GPT-2's "
                        "weights (.npz, .safetensors, .pt, .bin), with --gpt2-files")
    sample.add_argument("--model", metavar="PATH", help="instead: a llama, as a .gguf file, or a "
                        "folder with config.json, tokenizer.json and model.safetensors")
    sample.add_argument("--adapter", metavar="FILE", help="what train --lora made for --model")
    sample.add_argument("--keep-bits", action="store_true", help="leave the weights of a .gguf "
                        "file packed, with numpy: less memory, the same tokens")
    sample.add_argument("--gpt2-files", metavar="FOLDER",
                        help="that holds vocab.bpe and encoder.json (default: this one)")
    sample.add_argument("--n-head", type=positive, help="of --weights (default: n_embd / 64)")
    sample.add_argument("--with", dest="side", choices=("numpy", "torch"), default="numpy",
                        help="which implementation (default %(default)s)")
    sample.add_argument("--prompt", help="the text to continue (default: the beginning of a "
                        "document, or a new line)")
    sample.add_argument("--chat", metavar="TEXT", help="instead: a question to a model that "
                        "chats, in the template ChatML; the answer alone is written")
    sample.add_argument("--count", type=positive, default=500, help="tokens at most "
                        "(default %(default)s)")
    sample.add_argument("--stop", metavar="TEXT", help="end a sample before TEXT; the end token of "
                        "a tokenizer ends it in any case")
    sample.add_argument("--samples", type=positive, default=1, help="(default %(default)s)")
    sample.add_argument("--temperature", type=float, default=1.0, help="above 0; or 0: the "
                        "likeliest token each time, whatever --top-k, --top-p and --seed say "
                        "(default %(default)s)")
    sample.add_argument("--top-k", type=positive, help="keep the k likeliest tokens")
    sample.add_argument("--top-p", type=float, default=1.0, help="keep the likeliest tokens that "
                        "sum to p (default %(default)s)")
    sample.add_argument("--seed", type=int, default=0, help="(default %(default)s)")
    sample.add_argument("--time", action="store_true", help="say how many tokens came a second")
    sample.add_argument("--uncached", action="store_true", help="keep no keys and values")


def run_train(given):
    """Train one side, or both in lockstep; return the exit code."""
    given.side = given.side or ("numpy" if given.lora else "both")
    if given.side != "torch":
        check_torch_only(given)
        if int(os.environ.get("WORLD_SIZE", 1)) > 1:
            raise ValueError(f"with is {given.side}; allowed under torchrun: --with torch")
    if given.keep_bits and not given.lora:
        raise ValueError("keep_bits is given; allowed: only with --lora")
    if given.lora:
        from .adapting import train_adapters
        return train_adapters(given)
    return {"numpy": train_numpy, "torch": train_torch, "both": train_both}[given.side](given)


def train_numpy(given):
    """Train the NumPy side from the start or from its checkpoint."""
    from .finish import finish
    from .folder import RunFolder
    from .loop import Run
    from .numpy_side import NumpySide
    from .settings import job_of
    folder = RunFolder(FOLDER if given.out is None else given.out)
    with folder.held():
        job = job_of(given, folder)
        return finish(Run(job, NumpySide(job), folder).train())


def train_torch(given):
    """Train the torch side likewise, in one process or in many."""
    import torch

    from . import torch_side
    from .finish import finish
    from .folder import RunFolder
    from .job import is_leader
    from .loop import Run
    from .settings import job_of
    torch.set_num_threads(given.threads or torch.get_num_threads())
    folder, leader = RunFolder(FOLDER if given.out is None else given.out), is_leader()
    with folder.held() if leader else contextlib.nullcontext():
        job = job_of(given, folder)
        if given.autocast and job.dtype != "float32":
            raise ValueError(f"autocast is given with {job.dtype}, which it leaves alone; allowed: "
                             "with float32")
        with torch_side.process_group(given.device, job.batch_size) as device:
            side = torch_side.TorchSide(job, device, given.autocast, given.compile)
            run = Run(job, side, folder, leader).train()
        return finish(run) if leader else 0


def train_both(given):
    """Train both sides in lockstep; nothing is saved."""
    import torch

    from .lockstep import report
    from .settings import fresh_job
    for name in "resume", "out", "threads", "weights", "stats":
        if getattr(given, name):
            raise ValueError(f"{name} is given; allowed: only --with numpy or --with torch; with "
                             + ("both each takes one thread" if name == "threads" else
                                "both nothing is saved"))
    torch.set_num_threads(1)
    report(fresh_job(given, dtype="float64", spare_tokens=False))
    return 0


def check_torch_only(given):
    """Refuse what only torch can do."""
    for name, usual in {"device": "cpu", "autocast": False, "compile": False}.items():
        if getattr(given, name) != usual:
            raise ValueError(f"{name} is given; allowed: only --with torch")


def run_plan(given):
    """Print the plan of a configuration."""
    from .expected_loss import print_expected
    from .plan import print_plan
    from .settings import config_of, schedule_of, values_of
    values = values_of(given)
    schedule_of(values)  # refuses what train would refuse
    config = config_of(values | {"vocab_size": values["vocab_size"] or 65}, 1)
    print_plan(config, values["batch_size"], values["steps"], given.dtype, values["accumulate"])
    print_expected(config, values["accumulate"] * values["batch_size"] * config.block_size,
                   values["steps"])
    return 0


def run_sample(given):
    """Write text, token by token."""
    from .sample import sample
    return sample(given)
