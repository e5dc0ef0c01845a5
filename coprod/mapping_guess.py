"""Guesses which column of a survey is which variable, and what its values are, by what they are called.

A guess is for a person to confirm: names, titles and labels are compared, never answers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from fractions import Fraction

from coprod.importing.table import Table
from coprod.instrument import Instrument, Variable
from coprod.mapping_schema import number
from coprod.mapping_words import level_of, plain

__all__ = ["Guess", "Held", "guesses", "held"]

# What surveys often call what the codebook calls otherwise.
CALLED = {
    "respondent": ("id", "caseid", "respid", "respondentid", "serial", "uniqueid", "participant"),
    "weight": ("wt", "wgt", "weights", "finalweight", "surveyweight"),
    "area": ("ward", "district", "locality", "neighbourhood", "region"),
    "gender": ("sex",),
    "education": ("qualification", "qualifications", "highestqualification"),
    "employment": ("workstatus", "employmentstatus", "workingstatus", "economicactivity"),
    "minority": ("ethnicity", "ethnic", "ethnicminority", "bme"),
    "arm": ("treatment", "group", "experimentalgroup"),
}
# Labels of values that are no answer, as surveys have them.
NO_ANSWER = re.compile(
    r"(don'?t|do not) know|refus|no answer|not answered|prefer not|not applicable|missing|not asked"
    r"|not stated|unsure|not sure|no reply|(dk|n/?a)$",
    re.IGNORECASE,
)
# Numbers that stand for no answer where they are outside the codebook's own.
NO_ANSWER_CODES = {"-1", "-8", "-9", "-98", "-99", "97", "98", "99", "997", "998", "999"}
ALIKE = 0.75
# Where so many have answered, an end of the codebook's scale that nobody chose is perhaps no part of
# theirs; where their answers take so small a share of a scale of numbers, it is not.
MANY, SHARE = 100, 0.6
HUNDRED = {("0", "100"), ("1", "100")}
LONGEST = 20
"""The longest scale; longer ones, as of years, count something."""
# Held by fewer people than this, or as one of more values than this, a value could be of one person.
COMMON, FEW, LONG = 10, 25, 60


@dataclass
class Held:
    """What a column of a survey's file holds.

    Attributes
    ----------
    name, title
        What the file calls it, and what it says it is.
    labels
        What the file calls its values.
    values
        Each value with how many cells hold it; {} where there are too many different ones.
    declared
        Values that the file declares to be missing.
    """

    name: str
    title: str
    labels: dict[str, str]
    values: dict[str, int] = field(default_factory=dict)
    declared: dict[str, int] = field(default_factory=dict)

    @property
    def categories(self) -> bool:
        """Whether it holds a few values that many people share."""
        return bool(self.labels) or 0 < len(self.values) <= FEW

    def shown(self) -> list[str]:
        """Values that cannot be one person's: those with a label, and those that many share."""
        if not self.categories:
            return []
        often = [
            value
            for value, count in self.values.items()
            if count >= COMMON and len(value) <= LONG and value not in self.labels
        ]
        return sorted([*self.labels, *often], key=_in_order)


@dataclass
class Guess:
    """What a column could be.

    Attributes
    ----------
    variable
        Of the codebook.
    held
        The column.
    values, missing, unnamed
        What its values are in the codebook, which are no answer, and which are like nothing.
    rescale
        The ends of its scale, where that is another than the codebook's.
    offered
        The ends of its scale, where that is perhaps another than the codebook's.
    """

    variable: Variable
    held: Held
    values: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    rescale: tuple[str, str] | None = None
    offered: tuple[str, str] | None = None

    @property
    def certain(self) -> bool:
        """Whether nothing has to be said: name and values are the codebook's own."""
        changed = self.values or self.missing or self.unnamed or self.rescale or self.offered
        return self.held.name == self.variable.name and not changed


def held(table: Table) -> list[Held]:
    """What each column of a table holds; reads all of it."""
    counts: list[Counter[str] | None] = [Counter() for _ in table.header]
    for _, cells in table.chunks:
        for at, column in enumerate(cells):
            known = counts[at]
            if known is not None:
                known.update(cell.strip() for cell in column)
                if len(known) > 1000:
                    counts[at] = None
    found = []
    for name, count in zip(table.header, counts, strict=True):
        values = dict(count or {})
        values.pop("", None)
        declared = table.missing.get(name, {})
        kept = {value: n for value, n in values.items() if value not in declared}
        labels = {k: v.strip() for k, v in table.labels.get(name, {}).items()}
        found.append(Held(name, table.titles.get(name, ""), labels, kept, declared))
    return found


def guesses(columns: Sequence[Held], instrument: Instrument) -> dict[str, Guess]:
    """For each variable the column that is most like it, where one is alike.

    Parameters
    ----------
    columns
        As of `held`.
    instrument
        The questionnaire.

    Returns
    -------
    dict
        By variable, in the order of the codebook; no column twice.

    Examples
    --------
    >>> from coprod.instrument import load_instrument
    >>> found = guesses([Held("sex", "", {"1": "Man", "2": "Woman"})], load_instrument())
    >>> found["gender"].values
    {'1': 'man', '2': 'woman'}
    """
    twice = {name for name, count in Counter(c.name for c in columns).items() if count > 1}
    scored = sorted(
        (
            (score, -order, -at)
            for order, variable in enumerate(instrument.variables.values())
            for at, column in enumerate(columns)
            if column.name and column.name not in twice
            if (score := _likeness(variable, column)) >= ALIKE
        ),
        reverse=True,
    )
    variables = list(instrument.variables.values())
    taken: dict[int, int] = {}
    for _, order, at in scored:
        if -order not in taken and -at not in taken.values():
            taken[-order] = -at
    return {
        variables[order].name: _guess(variables[order], columns[at])
        for order, at in sorted(taken.items())
    }


def _likeness(variable: Variable, column: Held) -> float:
    """How like a variable a column is, by its name and by its title: 0 to 2."""
    if column.name == variable.name:
        return 2.0
    name = plain(column.name)
    own = {plain(variable.name), *CALLED.get(variable.name, ())}
    score = 1.5 if name in own else 0.0
    # A label of one word, as a title's first: 'Age last birthday'.
    first = re.match(r"\w+", column.title.lower())
    if first and first[0] == variable.label.lower():
        score = max(score, ALIKE)
    for text in (variable.label, variable.question):
        for given in (column.title, column.name):
            # A question in full, as survey platforms write it in the header, or a title.
            if text and len(given) > 3:
                score = max(score, _ratio(plain(text), plain(given)))
    return score


def _ratio(one: str, other: str) -> float:
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    # The cheap bounds first: a survey has hundreds of columns, and most are alike to nothing.
    if matcher.real_quick_ratio() < ALIKE or matcher.quick_ratio() < ALIKE:
        return 0.0
    return matcher.ratio()


def _in_order(value: str) -> tuple[int, Fraction, str]:
    found = number(value)
    return (1, Fraction(0), value) if found is None else (0, found, value)


def _guess(variable: Variable, column: Held) -> Guess:
    guess = Guess(variable, column)
    if not column.categories:
        # A scale to a hundred has many values, of which the ends alone are anybody's.
        numbers = sorted(column.values, key=_in_order)
        if numbers and (numbers[0], numbers[-1]) in HUNDRED and not variable.levels:
            guess.rescale = _ends(variable, numbers)
        return guess
    if variable.kind == "text" or variable.role in ("stratum", "weight"):
        return guess
    known = sorted({*column.labels, *column.values} - set(column.declared), key=_in_order)
    guess.missing = [value for value in known if _no_answer(variable, value, column)]
    answers = [value for value in known if value not in guess.missing]
    ends = _ends(variable, answers)
    if not answers or not (variable.levels or ends):
        return guess
    own = set(map(str, variable.levels))
    # A number without a label says nothing; a text is its own label.
    said = {v: column.labels.get(v, "" if number(v) is not None else v) for v in answers}
    meant = _meant(variable, said)
    if all(said.values()) and any(meant.values()):
        if any(level != value for value, level in meant.items()):
            guess.values = {value: level for value, level in meant.items() if level}
    elif ends and _another(variable, column, answers):
        guess.rescale = ends
        return guess
    elif not own or (set(answers) <= own and not all(said.values())):
        many = sum(column.values.get(value, 0) for value in answers) >= MANY
        guess.offered = ends if many else None
        return guess
    shown = set(column.shown())
    guess.unnamed = [v for v, level in meant.items() if not level and v in shown]
    guess.offered = ends if guess.unnamed else None
    return guess


def _meant(variable: Variable, said: dict[str, str]) -> dict[str, str]:
    """The level that each value's label means; of several that seem to mean one, only that called so."""
    levels = {value: level_of(variable, label) for value, label in said.items()}
    often = Counter(level for level, _ in levels.values())
    return {
        value: level if exact or often[level] == 1 else ""
        for value, (level, exact) in levels.items()
    }


def _ends(variable: Variable, answers: Sequence[str]) -> tuple[str, str] | None:
    """The ends of the scale that the answers have, where they are numbers and that is another."""
    low, high = variable.minimum, variable.maximum
    numbers = [number(value) for value in answers]
    if variable.kind != "integer" or low is None or high is None or high - low > LONGEST:
        return None
    if None in numbers or len(answers) < 2 or (numbers[0], numbers[-1]) == (low, high):
        return None
    return answers[0], answers[-1]


def _another(variable: Variable, column: Held, answers: Sequence[str]) -> bool:
    """Whether the answers, in order, are on another scale than the codebook's."""
    assert variable.minimum is not None
    assert variable.maximum is not None
    first, last = float(answers[0]), float(answers[-1])
    if first < variable.minimum or last > variable.maximum:
        return True
    # Nobody may have chosen a level; but of many numbers people choose more.
    many = sum(column.values.get(value, 0) for value in answers) >= MANY
    named = answers[0] in column.labels and answers[-1] in column.labels
    short = last - first <= SHARE * (variable.maximum - variable.minimum)
    return not variable.levels and short and (many or named)


def _no_answer(variable: Variable, value: str, column: Held) -> bool:
    """Whether a value seems to stand for no answer."""
    if not variable.missing_allowed or value in map(str, variable.levels):
        return False
    if label := column.labels.get(value, "" if number(value) is not None else value):
        # A text that nobody else wrote is shown only if it says nothing else.
        own = value not in column.labels and column.values.get(value, 0) < COMMON
        match = NO_ANSWER.fullmatch(label) if own else NO_ANSWER.match(label)
        return bool(match) and not level_of(variable, label)[0]
    low, high = variable.minimum, variable.maximum
    inside = low is not None and high is not None and low <= float(value) <= high
    return value in NO_ANSWER_CODES and not inside
