"""The command bench."""

import os
from pathlib import Path

from ..words import positive

SIZES = [1, 2, 3, 4, 5, 6]


def declare(verbs):
    """Declare the command and its flags."""
    bench = verbs.add_parser("bench", help="NumPy's speed and memory beside torch's")
    bench.set_defaults(run=run_bench)
    bench.add_argument("--sizes", type=int, choices=SIZES, nargs="+", metavar="N",
                       default=SIZES, help="which of the six; the last is a llama's (default: all)")
    bench.add_argument("--threads", type=positive, default=os.cpu_count(),
                       help="of each side (default: as many as cores, %(default)s here)")
    bench.add_argument("--turns", type=positive, default=7, help="of each side and size "
                       "(default %(default)s)")
    bench.add_argument("--against", metavar="FOLDER", help="another checkout: its NumPy step takes "
                       "turns with this one's")
    bench.add_argument("--gradcheck", action="store_true", help="instead: the oracles of check "
                       "beside torch.autograd.gradcheck, how long each takes and what each finds")
    bench.add_argument("--each-size", action="store_true", help="instead: models from a thousand "
                       "parameters to 124 million, some updates of each on both sides (3 GB)")
    bench.add_argument("--model", metavar="FILE.gguf", help="instead: a llama of others, a token's "
                       "time and memory")
    bench.add_argument("--lora", type=positive, metavar="RANK", help="with --model: instead, a "
                       "step of adapters of this rank beside it")
    bench.add_argument("--json", metavar="FILE", help="(default bench.json; with --gradcheck "
                       "gradcheck.json, with --each-size sizes.json, with --model model.json)")


def run_bench(given):
    """Print the tables."""
    if given.against and not (Path(given.against) / "compare" / "bench" / "sides.py").is_file():
        raise ValueError(f"against is {given.against}, which holds no compare/bench/sides.py; "
                         "allowed: the folder of another checkout")
    if given.gradcheck and (given.against or given.sizes != SIZES):
        raise ValueError(f"{'against' if given.against else 'sizes'} is given; allowed: only "
                         "without --gradcheck, which has sizes of its own")
    if given.each_size and (given.gradcheck or given.against or given.sizes != SIZES):
        raise ValueError("each_size is given; allowed: only without --gradcheck, --against and "
                         "--sizes")
    if given.model and (given.each_size or given.against or given.gradcheck
                        or given.sizes != SIZES):
        raise ValueError(f"model is {given.model}; allowed: only with --turns and --json")
    if given.lora and not given.model:
        raise ValueError(f"lora is {given.lora}; allowed: only with --model FILE.gguf")
    path = given.json or next((file for file, asked in (
        ("gradcheck.json", given.gradcheck), ("sizes.json", given.each_size),
        ("model.json", given.model)) if asked), "bench.json")
    try:
        open(path, "a").close()  # before the minutes of measuring
    except OSError as error:
        raise ValueError(f"json is {path}, which can't be written ({error.strerror}); "
                         "allowed: a file in a folder that exists") from None
    if given.gradcheck:
        from .beside_gradcheck import beside_and_print
        beside_and_print(given.turns, path)
        return 0
    if given.each_size:
        from .each_size import each_size_and_print
        each_size_and_print(given.threads, path)
        return 0
    if given.lora:
        from .adapter_steps import measure_and_print_steps
        measure_and_print_steps(given.model, given.lora, given.turns, path)
        return 0
    if given.model:
        from .real_model import measure_and_print_model
        measure_and_print_model(given.model, given.turns, path)
        return 0
    from .bench import measure_and_print
    measure_and_print(given.sizes, given.threads, given.turns, path, given.against)
    return 0
