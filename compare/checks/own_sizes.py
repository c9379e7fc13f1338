"""Sizes of one's own: from the words of --sizes and --preset to the letters of a row."""

import math

from ..files.options import MODEL, defaults, followed
from ..layers.models import by_letter
from ..layers.sizes import LETTERS, composed, in_words, sizes

SHORT = 64  # positions of an example at a preset's sizes
ASKED = {"G": "H", "P": "D"}  # letters of a row that follow from others: H = K G, D = 2 P


def parsed(words):
    """Return the sizes of words such as "B=2,T=256", by letter; raises ValueError for others."""
    found = {}
    for word in words.split(","):
        letter, _, size = word.strip().partition("=")
        if not (size.isascii() and size.isdecimal() and int(size)) or letter in found:
            raise ValueError(f"sizes is {words}; allowed: each letter once and an integer from 1 "
                             "up, as in B=2,T=256")
        found[letter] = int(size)
    return found


def own_sizes(layer, given, preset=None):
    """Return a size for each letter of a row: as given, else the preset's, else the laptop's.

    Here S is the block size itself, C may stand for H or D, and H and D stand for their parts.
    Raises ValueError for a letter
    that the layer has not, and for sizes that contradict each other.
    """
    asked = [ASKED.get(letter, letter) for letter in layer.letters]
    has = dict.fromkeys([*asked, *("C" if "D" in asked else "")])
    for letter in given:
        if letter not in has:
            raise ValueError(f"sizes has {letter}, which {layer.stem} has not; allowed: "
                             f"{', '.join(has)}")
    n = sizes(LETTERS, "laptop") | preset_sizes(preset) | given
    S = n["S"] if preset or "S" in given else n["T"]
    if "T" not in given:
        n["T"] = min(n["T"], S)
    if "S" in has and n["T"] > S:
        raise ValueError(f"sizes has T = {n['T']}; allowed: at most S = {S}")
    if "D" in has:
        n |= heads_of_sizes(n, given)
    n |= head_sizes(layer.letters, n, given)
    return {letter: n[letter] for letter in layer.letters} | (
        {"S": S - n["T"] + 1} if "S" in has else {})  # a row's S counts from T - 1


def preset_sizes(preset):
    """Return the sizes of a preset by letter, few tokens of them; none for None."""
    if preset is None:
        return {}
    found = {"B": 1}
    for model in MODEL:
        found |= by_letter(followed(defaults(preset, model)))
    return found | {"T": min(SHORT, found["S"]), "V": found["V"] or LETTERS["V"].laptop}


def heads_of_sizes(n, given):
    """Return H and D, where C = H D; raises ValueError where that can't be."""
    H, D, C = n["H"], n["D"], n["C"]
    if "D" not in given:
        D, words = max(1, C // H), f"a multiple of H = {H}"
    elif "C" not in given:
        return {"H": H, "D": D}
    elif "H" not in given:
        H, words = max(1, C // D), f"a multiple of D = {D}"
    else:
        words = f"H D = {H * D}"
    if H * D != C:
        raise ValueError(f"sizes has C = {C}; allowed: {words}")
    return {"H": H, "D": D}


def head_sizes(letters, n, given):
    """Return K, G and P, as far as they are among the letters; raises ValueError where a size that
    they make up can't be divided so."""
    found = {}
    if "G" in letters:
        H, K = n["H"], n["K"] if "K" in given else math.gcd(n["H"], n["K"])
        if H % K:
            raise ValueError(f"sizes has K = {K}; allowed: a divisor of H = {H}")
        found |= {"K": K, "G": H // K}
    if "P" in letters:
        if n["D"] % 2:
            raise ValueError(f"sizes has D = {n['D']}; allowed: an even number")
        found["P"] = n["D"] // 2
    return found


def own_words(n):
    """Return the sizes of a row in words, with H and C for their parts."""
    shown = composed(n)
    for letter in "DGP":
        shown.pop(letter, None)
    return in_words(shown)
