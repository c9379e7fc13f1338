"""No stale claim: what a README quotes is what the commands print and what the source says.

What is the same on every machine is compared as it is; what varies, such as a time or a rounding
error, in form: every number stands for any other. A line `...` leaves some lines out.
"""

import re
import shlex
import signal

import pytest

import foreign
import mutation
from compare.__main__ import main, parser
from compare.bench import bench, beside_gradcheck, each_size, adapter_steps, long_context, real_model
from compare.checks.oracles import variables
from compare.layers.sizes import in_words, sizes
from compare.layers.source import HOUSE, TEXTS
from compare.layers.table import LAYERS
from compare.training import plan
from compare.training.interrupt import STOPPING
from compare.training.numpy_side import NumpySide
from reference.tools import tree
from submissions import fill, here  # noqa: F401, here is a fixture

READMES = sorted([*HOUSE.glob("*.md"), *HOUSE.glob("compare/**/README.md"), *HOUSE.glob("tests/*.md"),
                  *HOUSE.glob("reference/**/README.md"), HOUSE / "reference" / "GLOSSARY.md"])
PAGES = [*READMES, *HOUSE.glob("reference/**/*.md")]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.S | re.M)
NUMBER = re.compile(r"(?<![\w#])[-+]?\d[\d,]*(\.\d+)?([eE][-+]?\d+)?(?![\w-])")
WITHOUT_THE_MEAN = """
    xhat, rstd, weight = cache
    dxhat = dy * weight
    dx = rstd * (dxhat - xhat * row_mean(dxhat * xhat))
    return dx, Params((dy * xhat).sum((0, 1)), dy.sum((0, 1)))
"""
MY_NORM = """
import numpy as np

def norm(x, weight, bias, eps=1e-5):
    xc = x - x.mean(-1, keepdims=True)
    return xc / np.sqrt((xc * xc).mean(-1, keepdims=True) + eps) * weight + bias

def norm_grad(dy, x, weight, bias, eps=1e-5):
    xc = x - x.mean(-1, keepdims=True)
    rstd = 1 / np.sqrt((xc * xc).mean(-1, keepdims=True) + eps)
    xhat, dxhat = xc * rstd, dy * weight
    dx = rstd * (dxhat - dxhat.mean(-1, keepdims=True)
                 - xhat * (dxhat * xhat).mean(-1, keepdims=True))
    return dx, (dy * xhat).mean((0, 1)), dy.sum((0, 1))
"""
MY_RMS = """
import numpy as np

SHAPES = {"x": "B T C", "weight": "C"}

def forward(x, weight, eps=1e-6):
    r = 1 / np.sqrt((x * x).mean(-1, keepdims=True) + eps)
    return x * r * weight, (x, r, weight)

def backward(dy, cache):
    x, r, weight = cache
    d = dy * weight
    dx = r * d - x * r**3 * (d * x).sum(-1, keepdims=True)
    return dx, (dy * x * r).sum((0, 1))
"""
MY_GELU = """
import numpy as np
from math import erf

Phi = np.vectorize(lambda t: (1 + erf(t / 2**0.5)) / 2)

def forward(x):
    return x * Phi(x), x

def backward(dy, x):
    return dy * (Phi(x) + x * np.exp(-x * x / 2) / np.sqrt(2 * np.pi))
"""


def fences(path, kind):
    """Return the fenced blocks of a kind in a page, whole, such as "python"; "" has none named."""
    return [body for name, body in FENCE.findall(path.read_text(encoding="utf-8")) if name == kind]


def transcripts():
    """Return (page, command, output) of each command that a README shows with its output."""
    found = []
    for path in READMES:
        for body in fences(path, ""):
            first, *parts = re.split(r"^\$ (.*)\n", body, flags=re.M)
            if parts:
                assert not first, f"{path}: a transcript begins with its command"
                found += [(path, command, output) for command, output in zip(parts[::2], parts[1::2])]
    return found


TRANSCRIPTS = transcripts()


def form(line):
    """Return what stays of a line when its numbers vary, and with them its columns and its plot."""
    line = NUMBER.sub("#", line.partition("  |")[0])
    return " ".join(re.sub("# (minutes|hours|days)", "# s", line).split())  # on a slow machine


def matches(shown, printed):
    """Whether lines are the printed ones, where "..." may stand for any number of them."""
    runs = [list(run) for run in _split(shown)]
    at = 0
    for i, run in enumerate(runs):
        places = range(at, len(printed) - len(run) + 1) if i else [0]
        if i == len(runs) - 1 and i:
            places = [len(printed) - len(run)] if len(printed) - len(run) >= at else []
        place = next((p for p in places if printed[p:p + len(run)] == run), None)
        if place is None:
            return False
        at = place + len(run)
    return at == len(printed)


def _split(lines):
    run = []
    for line in lines:
        if line == "...":
            yield run
            run = []
        else:
            run.append(line)
    yield run


def in_order(some, lines):
    """Whether some lines stand among the others in their order."""
    rest = iter(lines)
    return all(line in rest for line in some)


def said(capsys, words):
    """Return the lines that a command prints."""
    capsys.readouterr()
    main(words)
    return [line.rstrip() for line in "".join(capsys.readouterr()).splitlines()]


EXACT = ["show softmax --width 132", "exercise layer_norm", "sample --out nowhere"]
FORM = ["steps", "gradcheck my_rms.py", "plan --preset gpt2", "plan",
        "plan --model llama --preset gpt2",
        "check attention --sizes B=2,T=16,C=32", "grade layer_norm_exercise.py",
        "grade my_gelu.py --layer gelu",
        "grade my_norm.py --layer layer_norm --forward norm --backward norm_grad",
        "grade affine.py --layer linear --forward affine_forward --backward affine_backward",
        "grade layernorm.py --layer layer_norm --forward layernorm_forward --backward layernorm_backward",
        "grade model.py --layer attention"]
LESS = {  # commands that take long, and shorter ones whose lines theirs must hold, in form
    "check": "check linear softmax cross_entropy --examples 25",
    "check --derivations": "check --derivations",
    "precision linear layer_norm attention": "precision layer_norm --examples 3",
}
TRAIN = ["train --with numpy --preset laptop --text shakespeare.txt --out run",
         "train --with numpy --preset micro --steps 3000 --out run2",
         "train --resume --with torch --out run2",
         "train --with numpy --preset micro --steps 20 --tokenizer bpe --merges 50 --out run"]
BENCH = ["bench --sizes 1 2 3 4 5"]
REAL = "bench --model SmolLM2-135M-Instruct.Q4_1.gguf --turns 5"
STEPS = "bench --model SmolLM2-135M-Instruct.Q4_1.gguf --lora 8 --turns 3"
SAMPLE = ["sample --out run --prompt \"ROMEO:\" --count 200 --top-k 20"]  # a text of its own


def shown_of(verb):
    return [(path, output.splitlines()) for path, command, output in TRANSCRIPTS
            if command == f"python -m compare {verb}"]


def test_every_transcript_is_held_against_something():
    held = {f"python -m compare {verb}" for verb in (
        *EXACT, *FORM, *LESS, *TRAIN, *SAMPLE, "train", *BENCH, "bench --gradcheck --turns 3",
        "bench --each-size --threads 1", REAL, STEPS)}
    assert {command for _, command, _ in TRANSCRIPTS} == held | {"make mutants"}


@pytest.mark.parametrize("command", sorted({command for _, command, _ in TRANSCRIPTS}))
def test_the_command_line_takes_every_command_that_is_shown(command):
    program, *words = shlex.split(command)
    if program == "python":
        parser().parse_args(words[2:])
    else:
        targets = (HOUSE / "Makefile").read_text(encoding="utf-8")
        assert program == "make" and f"\n{words[0]}:" in targets


@pytest.fixture
def place(tmp_path, monkeypatch, here):  # noqa: F811
    """A folder with a text and somebody's layer in it, and the current one."""
    (tmp_path / "own.txt").write_text("to be or not to be, that is the question.\n" * 80)
    (tmp_path / "my_norm.py").write_text(MY_NORM)
    (tmp_path / "my_rms.py").write_text(MY_RMS)
    (tmp_path / "my_gelu.py").write_text(MY_GELU)
    (tmp_path / "affine.py").write_text(foreign.AFFINE)
    (tmp_path / "layernorm.py").write_text(foreign.LAYERNORM_C)
    (tmp_path / "model.py").write_text(foreign.MODULE)
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "layer_norm.md").touch()  # as where the transcripts were made
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("verb", EXACT)
def test_what_is_the_same_everywhere_is_printed_so(place, capsys, verb):
    printed = said(capsys, shlex.split(verb))
    for path, shown in shown_of(verb):
        assert matches(shown, printed), f"{path} shows what {verb} does not print"


@pytest.mark.parametrize("verb", FORM)
def test_what_varies_is_printed_in_this_form(place, capsys, monkeypatch, verb):
    if verb == "grade layer_norm_exercise.py":
        fill(place, "layer_norm", WITHOUT_THE_MEAN)
    monkeypatch.setattr(plan, "seconds", lambda *_, **__: 10.0)  # of a step: not to be measured here
    printed = said(capsys, shlex.split(verb))
    for path, shown in shown_of(verb):
        assert matches([*map(form, shown)], [*map(form, printed)]), f"{path}: {verb} prints otherwise"


@pytest.mark.parametrize("verb", LESS)
def test_what_takes_long_has_the_lines_of_what_takes_less(place, capsys, verb):
    printed = [*map(form, said(capsys, shlex.split(LESS[verb])))]
    for path, shown in shown_of(verb):
        missing = [line for line in printed if line not in map(form, shown)]
        assert not missing or "..." in shown and all(map(is_left_out, missing)), (path, missing)


def is_left_out(line):
    """Whether a line may be one of those that a README leaves out: of a tag, or of a file."""
    return bool(re.match(r"[A-Z]+-# |\w+: # asserts hold", line))


def test_a_training_prints_such_lines(place, capsys, monkeypatch):
    sizes = "--block-size 8 --n-layer 1 --n-head 2 --n-embd 8 --warmup 2 --out run"
    train = shlex.split(f"train --with numpy --text own.txt {sizes} --steps 60")
    asked = iter([0] * 30 + [signal.SIGINT])
    with monkeypatch.context() as patch:
        patch.setattr(NumpySide, "asked", lambda *_: next(asked))
        printed = said(capsys, train)
    printed += said(capsys, ["train", "--resume", "--with", "torch", "--out", "run"])
    printed = {form(line) for line in [*printed, "...", STOPPING]}
    for verb in TRAIN:
        for path, shown in shown_of(verb):
            for line in shown:
                assert form(line).replace("run2", "run").replace("numpy", "torch") in {
                    one.replace("numpy", "torch") for one in printed} or "|" in line, (path, line)


def test_a_training_in_lockstep_prints_such_lines(place, capsys):
    sizes = "--block-size 8 --n-layer 1 --n-head 2 --n-embd 8 --warmup 2"
    printed = said(capsys, shlex.split(f"train --text own.txt {sizes} --steps 60"))
    printed = {form(line) for line in [*printed, "..."]}
    for path, shown in shown_of("train"):
        lines = shown[:shown.index("--- NumPy writes:") + 1] + shown[-1:]  # without the two texts
        assert {form(line) for line in lines} <= printed and "--- torch writes:" in shown, path


def test_the_bench_prints_these_tables():
    for path, shown in shown_of(BENCH[0]):
        lines = [line.rstrip() for line in shown]
        assert in_order([line.rstrip() for line in bench.HEAD.splitlines()], lines), path
        assert any(line.startswith("geometric mean of NumPy / torch, whole step: ") for line in lines)
        assert in_order([f"attention forward and backward, {in_words(long_context.SHAPE)}, float32"], lines)


def test_the_bench_beside_gradcheck_prints_these_tables():
    for path, shown in shown_of("bench --gradcheck --turns 3"):
        heads = [*beside_gradcheck.TIMES.splitlines(), *beside_gradcheck.FOUND.splitlines()]
        assert in_order(heads, shown), path
        models = [LAYERS["gpt"].example(n, 0).params for n in beside_gradcheck.MODELS]
        assert [line.split()[:2] for line in shown if re.match(r" +\d[\d,]+ ", line)] == [
            [f"{tree.count(params):,}", str(len(tree.leaves(params)))] for params in models], path
        rows = [line.split()[:2] for line in shown if line.split()[:1] and line.split()[0] in LAYERS]
        assert in_order(rows, [
            [stem, str(len(variables(layer.example(sizes(layer.letters, "study"), 0))))]
            for stem, layer in LAYERS.items()]) and len(rows) >= 12, path  # a newer one may lack


def test_the_bench_of_each_size_prints_this_table():
    for path, shown in shown_of("bench --each-size --threads 1"):
        assert in_order(each_size.EACH_HEAD.splitlines(), shown), path
        labels = [", ".join(map(str, n.values())) for n in each_size.EACH_SIZE]
        assert [line[:27].strip() for line in shown if line[:27].strip() in labels] == labels, path


def test_the_bench_of_a_real_model_prints_this_table():
    for path, shown in shown_of(STEPS):
        assert in_order(adapter_steps.HEAD.splitlines(), shown), path
        rows = [line.strip()[:15].strip() for line in shown if line.endswith(" MB")]
        assert rows == [*real_model.SIDES_OF_MODEL.values()], path
    for path, shown in shown_of(REAL):
        assert in_order(real_model.HEAD.splitlines(), shown), path
        rows = [name for line in shown for name in real_model.SIDES_OF_MODEL.values() if f" {name} " in line]
        assert rows == [*real_model.SIDES_OF_MODEL.values()] * len(real_model.CONTEXTS), path


def test_the_score_of_the_mutants_has_this_table():
    for path, command, output in TRANSCRIPTS:
        if command == "make mutants":
            lines = output.splitlines()
            stems = [line.split()[0] for line in lines[lines.index(mutation.HEAD) + 1:]
                     if re.match(r"[\w.]+ +\d+ +\d+ +\d+ +\d+ +\d+$", line)]
            assert in_order(stems, mutation.TARGETS), path  # a layer that is newer may lack


@pytest.mark.parametrize("path", READMES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_code_that_is_quoted_is_code_that_is_there(path):
    sources = [source.read_text(encoding="utf-8").splitlines()
               for folder in ("reference", "torch_impl", "compare", "tests")
               for source in (HOUSE / folder).rglob("*.py")]
    for body in fences(path, "python"):
        for run in _split(body.splitlines()):
            assert any(stand_in(run, lines) for lines in sources), "\n".join([str(path), *run])


def stand_in(run, lines):
    """Whether a run of lines stands among others, all of them moved to the right by as much."""
    for start in (i for i, line in enumerate(lines) if run and line.endswith(run[0])):
        indent = lines[start][:len(lines[start]) - len(run[0])]
        moved = [indent + line if line else "" for line in run]
        if not indent.strip() and lines[start:start + len(run)] == moved:
            return True
    return False


def test_every_layer_has_its_place_in_the_order_to_read_in():
    text = (HOUSE / "reference" / "README.md").read_text(encoding="utf-8")
    order = text.partition("## The order to read in")[2].partition("\n## ")[0]
    assert {f"{stem}.md" for stem in TEXTS} == set(re.findall(r"\]\((?:fast/|labs/)?(\w+\.md)\)", order))


def anchors(path):
    """Return the anchors of a page's headings, as GitHub names them."""
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)$", text, re.M)}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_every_link_leads_somewhere(path):
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), f"{path} links to {target}"
        assert not anchor or anchor in anchors(there), f"{path} links to {target}"
