"""The command lab."""

import argparse

from ..layers.labs import LABS
from ..words import positive

FOLDER = "lab"  # for the logs and the pictures


def declare(verbs):
    """Declare the command: a subcommand a lab, with the lab's own settings."""
    lab = verbs.add_parser("lab", help="a feature of language models, measured beside a control")
    lab.set_defaults(run=list_or_run_all)
    lab.add_argument("--all", action="store_true", help="run every lab with its own settings")
    declare_how(lab)
    names = lab.add_subparsers(dest="lab", metavar="NAME")
    for row in LABS.values():
        parser = names.add_parser(row.stem, help=row.says, description=row.says)
        parser.set_defaults(run=run_one)
        declare_how(parser)
        for name, setting in (row.settings | row.own).items():
            declare_setting(parser, f"--{name.replace('_', '-')}", setting)


def declare_setting(parser, flag, setting):
    """Declare the flag of a setting: of a number, of a text, which has no default, or a switch."""
    if setting.default is None:
        parser.add_argument(flag, metavar="TEXT", help=setting.words)
    elif setting.default is False:
        parser.add_argument(flag, action="store_true", help=setting.words)
    else:
        parser.add_argument(flag, type=type(setting.default), default=setting.default,
                            help=f"{setting.words} (default %(default)s)")


def declare_how(parser):
    """Declare the flags that are the same for all labs."""
    parser.add_argument("--seeds", type=positive, default=1, help="how many, from seed 0 up "
                        "(default %(default)s)")
    parser.add_argument("--with", dest="side", choices=("numpy", "torch", "both"), default="both",
                        help="which implementation (default %(default)s: their numbers must agree)")
    parser.add_argument("--log", metavar="FOLDER", default=FOLDER,
                        help="for NAME.json and NAME.svg (default %(default)s)")


def list_or_run_all(given):
    """List the labs, or run them all; return 1 if a claim fails."""
    if given.all:
        return max([run_one(argparse.Namespace(**vars(given) | {"lab": stem} | row.defaults))
                    for stem, row in LABS.items()])
    width = max(map(len, LABS))
    for row in LABS.values():
        print(f"{row.stem:<{width}}  {row.says}")
    print("\npython -m compare lab NAME runs one, and python -m compare lab NAME --help says how")
    return 0


def run_one(given):
    """Run a lab, print its table and its picture, and write its log; return 1 if a claim fails.

    With a setting of a model of one's own, it looks at that instead.
    """
    from .report import table_of, verdict_of
    from .run import run_lab, write_run
    if not given.log:
        raise ValueError("log is empty; allowed: a folder")
    row = LABS[given.lab]
    if any(getattr(given, name, None) not in (None, False) for name in row.own):
        check_own(row, given)
        return row.experiment.own(given)
    settings = {name: getattr(given, name) for name in row.settings}
    log = run_lab(given.lab, settings, given.seeds, given.side)
    print("\n".join([*table_of(log), "", row.experiment.plot(log), ""]))
    print(f"the picture: {write_run(given.log, log)}\n", flush=True)
    return 0 if all(verdict_of(claim, log) == "held" for claim in row.claims) else 1


def check_own(row, given):
    """Refuse settings of the experiment with a model of one's own, which has none."""
    for name, usual in (row.defaults | {"seeds": 1}).items():
        if getattr(given, name) != usual:
            raise ValueError(f"{name} is {getattr(given, name)}; allowed: only without "
                             + ", ".join(f"--{other}" for other in row.own))
