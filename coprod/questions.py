"""What a questionnaire holds beside the codebook's questions, and their order, on screen and paper.

Everything that starts with FILL IN is for the council that asks: this project cannot know it.
"""

from __future__ import annotations

from dataclasses import dataclass

from coprod.instrument import Instrument, Variable

__all__ = [
    "AREA_QUESTION",
    "CONSENT",
    "CONTACT",
    "GIVEN",
    "PLACEHOLDERS",
    "Section",
    "allowed_range",
    "area_labels",
    "sections",
]

# Columns that nobody answers and nobody draws: they are given when answers are imported.
GIVEN = ("respondent", "weight")

AREA_QUESTION = "In which of these areas do you live?"
PLACEHOLDERS = {
    "consent": (
        "[FILL IN - CONSENT: who asks and why, how long it takes, that taking part is voluntary, that "
        "any question may be left out, that one can stop at any time, that some people are shown "
        "different texts by chance, and whom to ask.]"
    ),
    "data_protection": (
        "[FILL IN - DATA PROTECTION: who is responsible for the data and how to reach them, the lawful "
        "basis, what is kept where and for how long, who sees it, that only totals are published, and "
        "what rights people have. Have it approved before anyone is asked.]"
    ),
}
CONSENT = {
    "title": "Before you start",
    "question": "Do you agree to take part?",
    "agree": "Yes, I agree",
    "decline": "No",
}
CONTACT = (
    "[FILL IN - CONTACT: how to ask for the details, such as a telephone number or a separate form. "
    "Do not ask for names or addresses here: they must not be kept with the answers.]"
)


@dataclass(frozen=True)
class Section:
    """Questions that stand together.

    Attributes
    ----------
    name, title
        What it is called in a form, and above the questions.
    variables
        The questions, in order.
    shows_arm
        Whether the respondent first reads the issue and the text of the arm.
    """

    name: str
    title: str
    variables: tuple[Variable, ...]
    shows_arm: bool = False


def sections(instrument: Instrument) -> list[Section]:
    """The questions in the order in which they are asked.

    Examples
    --------
    >>> from coprod.instrument import load_instrument
    >>> [section.name for section in sections(load_instrument())]
    ['about_you', 'on_safety', 'on_environment', 'on_health', 'intention', 'experiment']
    """
    known = instrument.variables
    you = ["area", *instrument.background]
    about = [Section("about_you", "About you", tuple(known[name] for name in you))]
    issues = [
        Section(f"on_{name}", title, tuple(v for v in known.values() if v.issue == name))
        for name, title in instrument.issues.items()
    ]
    asked = [v for v in known.values() if v.role == "experiment" and v.question]
    # Apart, so that nobody reads the text of an arm before saying what they intend.
    before = tuple(v for v in asked if v.name == "intends")
    after = tuple(v for v in asked if v.name != "intends")
    return [
        *about,
        *issues,
        Section("intention", "The next 12 months", before),
        Section("experiment", "Local groups", after, shows_arm=True),
    ]


def area_labels(instrument: Instrument) -> dict[str, str]:
    """What stands for each area until the council has put the names of its own.

    Examples
    --------
    >>> from coprod.instrument import load_instrument
    >>> area_labels(load_instrument())["A"]
    '[FILL IN: the name of Area A]'
    """
    return {name: f"[FILL IN: the name of {said}]" for name, said in instrument.areas.items()}


def allowed_range(variable: Variable) -> str:
    """Which numbers a question takes, for who answers it.

    Examples
    --------
    >>> from coprod.instrument import load_instrument
    >>> allowed_range(load_instrument().variables["age"])
    'A whole number from 18 to 110'
    """
    number = "A whole number" if variable.kind == "integer" else "A number"
    low, high = variable.minimum, variable.maximum
    if low is None or high is None:
        return number if low is None else f"{number} of {low:.0f} or more"
    return f"{number} from {low:.0f} to {high:.0f}"
