"""Whether two labels of answers mean the same: how strong each is, and on which side."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

from coprod.instrument import Variable

__all__ = ["CLOSE", "level_of", "plain"]

CLOSE = 0.85
LEVELS_CALLED = {"man": ("male", "m"), "woman": ("female", "f"), "no_qualifications": ("none",)}
STRONG = {"very", "extremely", "completely", "totally", "strongly", "entirely", "fully"}
MILD = {"fairly", "quite", "somewhat", "rather", "slightly", "mostly", "moderately", "reasonably"}
NOT = {"not", "no", "never", "neither", "nor", "hardly", "none"}
# What turns a word into its opposite: satisfied, dissatisfied.
TURNS = ("dis", "un", "in", "im", "il", "ir", "non")


def level_of(variable: Variable, label: str) -> tuple[str, bool]:
    """The level that a value's label means, and whether it is called just so; '' where none is alike.

    Parameters
    ----------
    variable
        Of the codebook.
    label
        What a file calls one of its values.

    Examples
    --------
    >>> from coprod.instrument import load_instrument
    >>> satisfied = load_instrument().variables["safety_satisfied"]
    >>> level_of(satisfied, "very satisfied"), level_of(satisfied, "Dissatisfied")
    (('5', True), ('2', False))
    """
    text = plain(label)
    if not text:
        return "", False
    best, score = "", CLOSE
    for level, own in variable.levels.items():
        for name in _names(str(level), own):
            if plain(name) == text:
                return str(level), True
            like = _likeness(name, label)
            if like > score:
                best, score = str(level), like
    return best, False


def plain(text: str) -> str:
    """A text's letters and digits alone, in small letters."""
    return "".join(c for c in text.lower() if c.isalnum())


def _names(level: str, label: str) -> Iterator[str]:
    """What a level may be called: its name, its label, and the parts of that."""
    yield from (level, label, *re.split(r"[:,]", label), *LEVELS_CALLED.get(level, ()))


def _likeness(one: str, other: str) -> float:
    """How alike two labels are, 0 to 1: 0 where one is stronger than the other, or its opposite."""
    first, second = _words(one), _words(other)
    if not first or not second or _opposed(set(first), set(second)):
        return 0.0
    if first[0] == second[0] == "neither":
        return 1.0
    if _strength(first) != _strength(second):
        return 0.0
    own = [" ".join(w for w in words if w not in STRONG | MILD) for words in (first, second)]
    if own[0] and own[0] == own[1]:
        return 1.0
    return SequenceMatcher(None, plain(one), plain(other), autojunk=False).ratio()


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def _strength(words: list[str]) -> bool:
    """Whether something is said strongly; what is said without a word of strength is said mildly."""
    return bool(STRONG & set(words))


def _opposed(one: set[str], other: set[str]) -> bool:
    """Whether one says the opposite of the other: not, never, or dissatisfied against satisfied."""
    if bool(one & NOT) != bool(other & NOT):
        return True
    return any(
        word == turn + opposite or opposite == turn + word
        for word in one - other
        for opposite in other - one
        for turn in TURNS
    )
