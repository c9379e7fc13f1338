"""The command lab."""

from ..layers.labs import LABS
from ..words import positive

FOLDER = "lab"  # for the logs and the pictures


def declare(verbs):
    """Declare the command: a subcommand a lab, with the lab's own settings."""
    lab = verbs.add_parser("lab", help="a feature of language models, measured beside a control")
    lab.set_defaults(run=print_labs)
    names = lab.add_subparsers(dest="lab", metavar="NAME")
    for row in LABS.values():
        declare_lab(names.add_parser(row.stem, help=row.says, description=row.says), row)


def declare_lab(parser, row):
    """Declare the flags of one lab."""
    parser.set_defaults(run=run_lab_of)
    parser.add_argument("--seeds", type=positive, default=1, help="from 0 up (default %(default)s)")
    parser.add_argument("--with", dest="side", choices=("numpy", "torch", "both"), default="both",
                        help="which implementation (default %(default)s: their numbers must agree)")
    parser.add_argument("--log", metavar="FOLDER", default=FOLDER, help=f"for {row.stem}.json and "
                        f"{row.stem}.svg (default %(default)s)")
    for name, setting in row.settings.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(setting.default),
                            default=setting.default, help=f"{setting.words} (default %(default)s)")


def print_labs(_):
    """List the labs."""
    width = max(map(len, LABS), default=0)
    for row in LABS.values():
        print(f"{row.stem:<{width}}  {row.says}")
    print("\npython -m compare lab NAME runs one, and python -m compare lab NAME --help says how")
    return 0


def run_lab_of(given):
    """Run a lab, print its table and its picture, and write its log; return 1 if a claim fails."""
    from .report import table_of, verdict_of
    from .run import run_lab, write_run
    row = LABS[given.lab]
    settings = {name: getattr(given, name) for name in row.settings}
    log = run_lab(given.lab, settings, given.seeds, given.side)
    for line in table_of(log):
        print(line)
    print()
    print(row.experiment.plot(log))
    print(f"\nthe picture: {write_run(given.log, log)}")
    return 0 if all(verdict_of(claim, log) == "held" for claim in row.claims) else 1
