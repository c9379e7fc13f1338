"""The glossary's words of the field, and the debates: sources, places, and commands that run.

That each link leads somewhere is in test_readmes.py.
"""

import re
import shlex

import pytest

from compare.__main__ import main, parser
from compare.layers.labs import LABS
from compare.layers.sizes import LETTERS
from compare.layers.source import read
from compare.training import plan

GLOSSARY, DEBATES = read("reference/GLOSSARY.md"), read("reference/DEBATES.md")
FIELD = GLOSSARY.partition("\n## The field\n")[2].partition("\n## ")[0]
ROWS = re.findall(r"^- (.*\n(?:  .*\n)*)", FIELD, re.M)
SOURCE = re.compile(r"\]\(https://|\b(19|20)\d\d\)")
COMMAND = re.compile(r"`python -m compare ?([^`\n]*)`")
COMMANDS = sorted(set(COMMAND.findall(FIELD + DEBATES)))
QUICK = [words for words in COMMANDS if words == "lab" or words.startswith(("show ", "plan "))]
SECTIONS = dict(re.findall(r"^## (.*)\n((?:(?!## ).*\n)*)", DEBATES, re.M))
TERMS = """machine learning, hardware, algorithm, natural language processing, large language model, GPT, neural net,
theory, maths, scaling, back-propagation, self-attention, tokenization, location embedding, 4-bit precision, 8B,
in-context learning, mechanistic interpretability, test-time fine-tuning, ARC, active data selection, DPO, KTO, SimPO,
SPIN, reinforcement learning, Monte Carlo tree search, MuZero, Word2Vec, MegaByte, PyTorch, LeNet, convolutional network,
Ivakhnenko, symbolic AI, thermodynamic computation, artificial general intelligence, OpenAI, Chollet, Sutskever, Amodei,
Shazeer, Karpathy""".replace("\n", " ").split(", ")
SHORT = {"natural language processing": "NLP", "large language model": "LLM", "back-propagation": "backprop",
         "reinforcement learning": "RL", "Monte Carlo tree search": "MCTS", "artificial general intelligence": "AGI"}


def row_of(term):
    """Return the one row that a term stands in."""
    row, = [row for row in ROWS if f"**{term}**" in row]
    return row


@pytest.mark.parametrize("term", TERMS)
def test_every_term_has_its_row(term):
    assert SHORT.get(term, term) in row_of(term)


def test_a_term_has_one_row_and_no_other_entry():
    names = re.findall(r"\*\*(.+?)\*\*", re.sub(r"^\|.*\n", "", GLOSSARY, flags=re.M))
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[2:25].partition("*")[0])
def test_every_row_has_a_source_and_a_place_or_a_reason(row):
    said, kind, place = re.fullmatch(r"(.*?)\*(Here|Not here):\*\s+(.*)", row, re.S).groups()
    assert SOURCE.search(said), "no source"
    if kind == "Here":
        assert COMMAND.search(place) or re.search(r"\]\((?!https://)", place), "no place"
    else:
        assert len(place.split()) >= 6 and not COMMAND.search(place), "no reason"


def test_commands_are_whole_and_end_in_one_line():
    text = FIELD + DEBATES
    assert text.count("`python -m compare") == len(COMMAND.findall(text)) >= 30


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_is_one_that_the_command_line_takes(words):
    given = parser().parse_args(shlex.split(words))
    assert callable(given.run)
    if words.startswith("lab "):  # test_labs.py runs each of them, with few updates
        assert given.lab in LABS


@pytest.mark.parametrize("words", QUICK)
def test_what_takes_little_time_runs_as_it_stands(words, monkeypatch, capsys):
    monkeypatch.setattr(plan, "seconds", lambda *_, **__: 10.0)  # of a step: not to be measured here
    assert main(shlex.split(words)) == 0
    assert len(capsys.readouterr().out.splitlines()) > 5


def test_eight_billion_parameters_are_counted(monkeypatch, capsys):
    words, = [words for words in QUICK if "4096" in words]
    monkeypatch.setattr(plan, "seconds", lambda *_, **__: 10.0)
    main(shlex.split(words))
    count = int(re.search(r"^parameters +([\d,]+)", capsys.readouterr().out, re.M)[1].replace(",", ""))
    assert round(count / 1e9, 1) == 8.0
    assert round(count * (4 + 16 / 32) / 8 / 1e9, 1) == 4.5  # GB: a scale of 16 bits for 32 weights
    assert "some 4.5 GB" in row_of("8B").replace("\n ", "")


def test_there_are_ten_debates():
    assert len(SECTIONS) == 10


@pytest.mark.parametrize("title", SECTIONS)
def test_a_debate_has_two_sides_with_sources_what_is_measured_and_what_is_not(title):
    heads, texts = zip(*re.findall(r"^\*\*(.+?)\*\* ((?:.+\n)+)", SECTIONS[title], re.M))
    assert len(heads) == 4 and heads[2:] == ("Here.", "What that can't decide.")
    for side in texts[:2]:
        assert SOURCE.search(side)
    assert COMMAND.search(texts[2])
    pages = "".join(read(f"reference/{page}") for page in re.findall(r"\]\((labs/\w+\.md)\)", texts[2]))
    for number in re.findall(r"\d\.\d[\de.-]*\d", texts[2]):
        assert number in pages, f"{number} is on none of the pages that the paragraph links to"


def test_every_letter_of_a_size_is_in_the_notation():
    rows = re.findall(r"^\| ((?:`\w`(?:, )?)+) \|", GLOSSARY, re.M)
    letters = [letter for row in rows for letter in re.findall(r"`(\w)`", row)]
    assert {*LETTERS} <= {*letters} and len(letters) == len({*letters})
