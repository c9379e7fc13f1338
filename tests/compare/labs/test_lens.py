"""The lens: its prompts, what it finds, and a trained model of one's own in the console and as a
picture."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from compare.__main__ import main
from compare.labs import own_model, own_picture, own_words
from compare.labs.lens import ASKED, draw_prompts, experiment
from compare.labs.lenses import LENSES
from compare.labs.own_model import PICTURE, Patching, Sight
from compare.labs.own_picture import sight_svg
from compare.layers.streams import stream
from compare.svg import COLORS, standalone
from llama_form import gguf_llama, hugging_face_folder
from published_form import small
from reference.llama import Config, init
from runs import SMALL, TEXT, train

PROMPT = "to be, o"
TOKENIZER = small()
DEEP = Config(TOKENIZER.vocab_size + 3, 16, n_layer=9, n_head=4, n_kv_head=2, n_embd=32,
              n_hidden=32, eps=1e-6)
LLAMA_PROMPT = ["--prompt", "in the abc", "--log", "seen"]


def test_a_prompt_asks_for_a_key_that_came_once_and_the_other_lacks_it():
    prompts = draw_prompts(stream(0, "prompts of lens"), 50)
    for tokens, other, place, answer, rival in zip(*prompts):
        keys, values = tokens[::2], tokens[1::2]
        assert len(tokens) == ASKED and [*np.flatnonzero(tokens != other)] == [place]
        assert [*np.flatnonzero(keys[:-1] == keys[-1])] == [place // 2] and place <= 6
        assert other[place] < 8 and other[place] not in keys
        assert answer == tokens[place + 1] != rival and rival in values


def test_what_is_true_of_every_model_is_true_of_one_that_has_learned_nothing():
    numbers = experiment("numpy", 0, steps=2).numbers
    assert numbers["parts to logit"] <= 1e-12 < numbers["parts to logit, each normalized"]
    assert abs(numbers["patched key before block 0"] - 1) <= 1e-9


@pytest.fixture(scope="module", params=["numpy", "torch"])
def run(request, tmp_path_factory):
    """A folder with a small run of one side."""
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "own.txt").write_text(TEXT, encoding="utf-8")
        assert train("--with", request.param, "--out", "run", *SMALL, "--n-layer", "2") == 0
        yield folder


@pytest.fixture
def there(run, monkeypatch):
    monkeypatch.chdir(run)
    return run


def looked(*words):
    return main(["lab", "lens", "--out", "run", *words])


def test_a_model_of_ones_own_is_looked_into(there, capsys):
    assert looked("--prompt", PROMPT, "--other", "to bu, o", "--target", "q", "--log", "seen") == 0
    out = capsys.readouterr().out
    assert "with NumPy and torch, at most" in out and "8 tokens; next: 'q'" in out
    for title in "Where each head looks", "block 1, head 0 (", "block 0  ", "MLP 1", "Patching":
        assert title in out
    shares = [float(value) for value in re.findall(r"^[\w. ]{12} *(-?\d+\.\d\d)  ", out, re.M)]
    logit = float(re.search(r"logit (-?\d+\.\d\d)", out)[1])
    assert abs(shares[-1] - logit) <= 0.01 and abs(sum(shares[:-1]) - logit) <= 0.1
    assert max(map(len, out.splitlines())) <= 80
    root = ElementTree.fromstring((there / "seen" / PICTURE).read_text(encoding="utf-8"))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"


def test_the_switches_alone_ask_for_a_model_of_ones_own(there, capsys):
    assert looked("--prompt", "to", "--last", "--with", "torch", "--log", "seen") == 0
    out = capsys.readouterr().out
    assert "with torch\n" in out and "2 tokens" in out
    assert looked("--prompt", PROMPT, "--head", "1.1", "--with", "numpy", "--log", "seen") == 0
    assert len(re.findall(r"block \d, head \d", capsys.readouterr().out)) == 1


@pytest.mark.parametrize("words, sentence", [
    ([], "prompt is not given; allowed: a text"),
    (["--prompt", ""], "prompt is empty; allowed: at least one character of the training text"),
    (["--prompt", "t"], "prompt has 1 token; allowed: 2 to 8"),
    (["--prompt", "to be, or"], "prompt has 9 tokens; allowed: 2 to 8"),
    (["--prompt", "t\u00e4!"], "prompt holds the characters '!', '\\xe4'; allowed: the "),
    (["--prompt", PROMPT, "--other", "to"], "other has 2 tokens; allowed: 8, as many as the prompt"),
    (["--prompt", PROMPT, "--other", PROMPT], "other is the prompt itself; allowed: another text"),
    (["--prompt", PROMPT, "--other", "TO BE, O"], "other holds the characters 'B', 'E', 'O' and 1"),
    (["--prompt", PROMPT, "--target", "be"], "target has 2 tokens; allowed: 1"),
    (["--prompt", PROMPT, "--target", "%"], "target holds the character '%'; allowed: the "),
    (["--prompt", PROMPT, "--head", "2.0"], "head is 2.0; allowed: 0.0 to 1.1, block and head"),
    (["--prompt", PROMPT, "--seeds", "2"], "seeds is 2; allowed: only without --out, --last"),
    (["--prompt", PROMPT, "--steps", "9"], "steps is 9; allowed: only without --out, --last"),
    (["--prompt", PROMPT, "--out", "nowhere"], "checkpoint is nowhere"),
    (["--prompt", PROMPT, "--out", "own.txt"], "checkpoint is own.txt")])
def test_what_cannot_be_looked_at_is_refused_in_a_sentence(there, capsys, words, sentence):
    assert looked(*words) == 2
    err = capsys.readouterr().err.strip()
    assert sentence in err.splitlines()[-1] and "Traceback" not in err


def test_another_prompt_that_is_followed_by_the_same_is_refused(there, capsys):
    assert looked("--prompt", "to bu, o", "--with", "numpy") == 0
    likeliest = re.search(r"next: '(.)'", capsys.readouterr().out)[1]
    assert looked("--prompt", PROMPT, "--other", "to bu, o", "--target", likeliest) == 2
    assert f"other is followed by '{likeliest}', as the prompt is" in capsys.readouterr().err


def drawn_sight(L, H, T, words):
    """A Sight of numbers that are drawn, in words of any kind."""
    rng = np.random.default_rng(0)
    weights = np.tril(rng.random((L, H, T, T)))
    names = [f"head {l}.{h}" for l, h in np.ndindex(L, H)] + [f"MLP {l}" for l in range(L)]
    tokens = [words[i % len(words)] for i in range(T)]
    return Sight(tokens, weights / weights.sum(-1, keepdims=True), [tokens] * (L + 1),
                 rng.random((L + 1, T)), words[0], 1.5, rng.random(L + 1),
                 dict(zip(names, rng.standard_normal(len(names)).tolist())),
                 Patching(tokens[::-1], words[1], (2.0, -1.0), rng.standard_normal((L, T))))


ODD = [" the", "\n", "`", "<&>", "'", "internationalization", "\\xe2", "\t\x00", "\u4e2d\u6587"]


@pytest.mark.parametrize("sizes", [(1, 1, 2), (2, 12, 14), (3, 5, 30), (12, 12, 72)])
@pytest.mark.parametrize("words", [["a", "b", " "], ODD], ids=["letters", "odd"])
def test_any_model_fits_into_a_console_and_into_a_picture(sizes, words):
    sight = drawn_sight(*sizes, words)
    lines = "\n".join(own_words.sight_lines(sight)).splitlines()
    assert max(map(len, lines)) <= own_words.WIDTH, max(lines, key=len)
    svg = standalone(sight_svg(sight))
    root = ElementTree.fromstring(svg)
    shown = [node for node in root.iter() if node.tag.endswith("path")]
    assert len(shown) >= sizes[0] * sizes[1] and len(svg) < 4_000_000
    for pair in COLORS.values():
        assert pair[0] in svg and pair[1] in svg
    assert not re.search(r"var\(--\w+\)(?!\})", svg.partition("</style>")[2])


def test_sides_that_differ_are_an_error(there, monkeypatch, capsys):
    monkeypatch.setattr(own_model, "APART", -1.0)
    assert looked("--prompt", PROMPT) == 2
    assert "apart; allowed" in capsys.readouterr().err


@pytest.fixture(scope="module")
def forms(tmp_path_factory):
    """A folder with a small deep llama in both forms."""
    folder = tmp_path_factory.mktemp("llamas")
    gguf_llama(DEEP, folder / "deep.gguf", TOKENIZER)
    hugging_face_folder(DEEP, folder / "deep", TOKENIZER)
    return folder


@pytest.fixture
def llamas(forms, monkeypatch):
    monkeypatch.chdir(forms)
    return forms


def looked_at(*words):
    return main(["lab", "lens", *LLAMA_PROMPT, *words])


def test_a_llama_of_others_is_looked_into(llamas, capsys):
    assert looked_at("--model", "deep.gguf", "--other", "in t abc") == 0
    out = capsys.readouterr().out
    assert "with NumPy and torch, at most" in out and max(map(len, out.splitlines())) <= 80
    assert "position" not in out and "bias" not in out and "last norm" not in out
    lens, parts, patches = re.split("What adds up|Patching", out.split("The likeliest next")[1])
    shares = [float(value) for value in re.findall(r"^[\w. ]{12} *(-?\d+\.\d\d)  ", parts, re.M)]
    chance, logit = map(float, re.search(r"probability (\d\.\d+), logit (-?\d+\.\d\d)", out).groups())
    assert abs(shares[-1] - logit) <= 0.01 and abs(sum(shares[:-1]) - logit) <= 0.1
    assert float(re.search(r"block 8 .* (\d\.\d+)$", lens, re.M)[1]) == chance
    rows = re.findall(r"^block \d +(-?\d\.\d\d) ", patches, re.M)  # of " the", for " t"
    assert len(rows) == DEEP.n_layer and rows[0] == "1.00" and "left out: 1 token more" in patches
    root = ElementTree.parse(llamas / "seen" / PICTURE).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"


def test_a_folder_and_a_run_are_looked_into_as_well(llamas, capsys):
    assert looked_at("--model", "deep", "--with", "numpy") == 0
    assert "NumPy\n" in capsys.readouterr().out
    (llamas / "own.txt").write_text(TEXT, encoding="utf-8")
    assert train("--with", "numpy", "--model", "llama", "--out", "run", *SMALL) == 0
    capsys.readouterr()
    assert main(["lab", "lens", "--out", "run", "--prompt", "to be, o", "--log", "seen"]) == 0
    out = capsys.readouterr().out
    assert "with NumPy and torch, at most" in out and "MLP 0" in out and "position" not in out


@pytest.mark.parametrize("words, sentence", [
    (["--model", "deep.gguf", "--out", "run"], "out is run; allowed: only without --model"),
    (["--model", "deep.gguf", "--last"], "last is True; allowed: only without --model"),
    (["--model", "deep.gguf", "--head", "9.0"], "head is 9.0; allowed: 0.0 to 8.3, block and head"),
    (["--model", "deep.gguf", "--steps", "9"], "steps is 9; allowed: only without --out, --last, -"),
    (["--model", "none.gguf"], "none.gguf"), (["--model", ""], "model is "),
    (["--model", "deep", "--prompt", "abc" * 17], "prompt has 17 tokens; allowed: 2 to 16")])
def test_what_cannot_be_looked_at_in_a_llama_is_refused_in_a_sentence(llamas, capsys, words, sentence):
    assert looked_at(*words) == 2
    err = capsys.readouterr().err.strip()
    assert sentence in err.splitlines()[-1] and "Traceback" not in err


def test_a_prompt_that_would_make_too_many_weights_is_refused(llamas, monkeypatch, capsys):
    monkeypatch.setattr(own_model, "MOST_WEIGHTS", 9 * DEEP.n_layer * DEEP.n_head)
    assert looked_at("--model", "deep.gguf") == 2
    assert "prompt has 4 tokens; allowed: 2 to 3, or there is" in capsys.readouterr().err


def test_torch_looks_at_the_arrays_that_it_is_given():
    """A large model is in memory once."""
    params = init(DEEP, np.random.default_rng(0), np.float64)
    model = LENSES["torch"](DEEP, params).model
    assert np.shares_memory(model.blocks[0].mlp.up.weight.detach().numpy(),
                            params.blocks[0].mlp.up.weight)


def test_a_large_model_has_one_table_of_heads_and_a_row_a_depth():
    sight = drawn_sight(30, 9, 4, ["a", "b", " "])
    lines = [*own_words.sight_lines(sight)]
    assert max(map(len, lines)) <= own_words.WIDTH, max(lines, key=len)
    assert sum(line.startswith("block 17 ") for line in lines) == 3  # heads, lens, patches
    assert sum(line.startswith(" " * 9) and "head 8" in line for line in lines) == 1
    back = sight.weights[17, 8, -1].argmax()
    row = next(line for line in lines if line.startswith("block 17"))
    assert row.split()[-2:] == [str(3 - back), own_words.decimals(sight.weights[17, 8, -1, back])]


def test_more_depths_than_rows_are_shown_evenly():
    assert own_words.spread(3, 40) == [0, 1, 2]
    rows = own_words.spread(81, 41)
    assert rows == [*range(0, 81, 2)]


def test_a_picture_of_too_many_cells_shows_the_heads_that_move_the_logit_most():
    sight = drawn_sight(3, 4, 300, ["a", "b"])
    shown = own_picture.shown_heads(sight)
    largest = sorted(np.ndindex(3, 4), key=lambda place: -abs(own_words.share_of(sight, *place)))
    assert shown == sorted(largest[:len(shown)]) and 1 <= len(shown) < 12
    assert own_picture.shown_heads(drawn_sight(3, 4, 5, ["a"] * 2)) == [*np.ndindex(3, 4)]
