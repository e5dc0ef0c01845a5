"""Makes the worked example: the survey of a council that does not exist, as an SPSS file.

Nobody was asked. The answers are drawn like those of the book's own panel, and then written as a
council might keep them: other names and codes, five answers in place of three, some scales the
other way round, codes for refusals, value labels, no weights, two issues, three wards, three arms.
The mapping `anyborough.yml`, which is written by hand, leads all of it back to the codebook.

    .venv/bin/python -m examples.make
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from coprod.instrument import Instrument, load_instrument
from coprod.paths import EXAMPLE
from coprod.synthetic import synthesise

__all__ = ["ARMS", "WARDS", "asked", "example", "write_example"]

SEED = 20_261
DRAWN = 1_900
"""Of these, those who live in three of the areas, were asked on two issues and had one of three arms."""

WARDS = {"A": "Castle", "B": "Harbour", "C": "Moor"}
ISSUES = ["safety", "environment"]
ARMS = {
    "control": "Standard letter",
    "efficacy": "Letter with results",
    "invitation": "Personal card",
}
REFUSED, UNKNOWN = 99.0, 98.0

FREQUENCY = {1.0: "Never", 2.0: "Rarely", 3.0: "Sometimes", 4.0: "Often", 5.0: "Very often"}
FIVE = {0: (1, 1), 1: (2, 3), 2: (4, 5)}
"""The answers out of five behind each of the three."""

CODES: dict[str, dict[str, tuple[float, str]]] = {
    "gender": {"woman": (1, "Female"), "man": (2, "Male")},
    "education": {
        "no_qualifications": (1, "None"),
        "school": (2, "GCSE or equivalent"),
        "college": (3, "A level or equivalent"),
        "degree": (4, "Degree or above"),
    },
    "employment": {
        "full_time": (1, "Working, 30 hours or more"),
        "part_time": (2, "Working, under 30 hours"),
        "unemployed": (3, "Looking for work"),
        "retired": (4, "Retired"),
        "other": (5, "Something else"),
    },
    "tenure": {"owns": (1, "Owner-occupied"), "rents": (2, "Rented")},
    "disability": {"yes": (1, "Yes"), "no": (2, "No")},
    "children": {"yes": (1, "Yes"), "no": (2, "No")},
}
QUESTIONS = {"state": "a", "satisfied": "b", "informed": "c", "consulted": "d", "efficacy": "e"}


def asked() -> pd.DataFrame:
    """Who was asked, as a panel has them: the truth to which the mapping must lead back."""
    people = synthesise(respondents=DRAWN, seed=SEED)
    kept = people["area"].isin(WARDS) & people["arm"].isin(ARMS)
    kept &= people["nudge_issue"].isin(ISSUES)
    return people[kept].sample(frac=1, random_state=SEED).reset_index(drop=True)


def example() -> tuple[pd.DataFrame, dict[str, str], dict[str, dict[float, str]]]:
    """The example's cells, what its columns are called, and what its codes mean.

    Returns
    -------
    cells : DataFrame
        One row a respondent, as the SPSS file has them: numbers, and names of wards.
    titles : dict
        By column, its label.
    labels : dict
        By column, the label of each code.
    """
    instrument = load_instrument()
    random = np.random.default_rng(SEED)
    people = asked()

    numbers = 1_000 + random.permutation(len(people))
    cells: dict[str, object] = {
        "serial": numbers.astype(float),
        "ward": people["area"].map(WARDS).astype(str),
        "sex": _coded(people["gender"], "gender"),
        "agenow": people["age"],
    }
    titles = {
        "serial": "Serial number",
        "ward": "Ward",
        "sex": "Sex of respondent",
        "agenow": "Age last birthday",
    }
    labels = {"sex": _labels("gender")}
    for name, column in {
        "education": "qual",
        "employment": "work",
        "tenure": "tenure",
        "disability": "llti",
        "children": "kids",
    }.items():
        cells[column] = _coded(people[name], name)
        titles[column] = instrument.variables[name].label
        labels[column] = _labels(name)
    cells["yrs"] = people["years"]
    titles["yrs"] = "Years lived in the area"

    for at, issue in enumerate(ISSUES, 1):
        _add_issue(cells, titles, labels, people, instrument, issue, f"q{at}", random)
    cells["before"], titles["before"] = people["intends"], "Intention to join in (0-10)"
    cells["topic"] = people["nudge_issue"].map({issue: at for at, issue in enumerate(ISSUES, 1)})
    titles["topic"] = "Topic of the letter"
    labels["topic"] = {float(at): instrument.issues[issue] for at, issue in enumerate(ISSUES, 1)}
    cells["letter"] = people["arm"].map({arm: at for at, arm in enumerate(ARMS, 1)})
    titles["letter"] = "Which letter was sent"
    labels["letter"] = {float(at): label for at, label in enumerate(ARMS.values(), 1)}
    cells["willing"], titles["willing"] = people["willing"], "Willingness after the letter (0-10)"
    cells["details"] = people["signup"].map({1: 1.0, 0: 2.0})
    titles["details"] = "Asked for details"
    labels["details"] = {1.0: "Yes", 2.0: "No"}

    frame = pd.DataFrame(cells)
    numeric = [column for column in frame if column != "ward"]
    frame[numeric] = frame[numeric].astype(float)
    return frame, titles, labels


def _add_issue(
    cells: dict[str, object],
    titles: dict[str, str],
    labels: dict[str, dict[float, str]],
    people: pd.DataFrame,
    instrument: Instrument,
    issue: str,
    prefix: str,
    random: np.random.Generator,
) -> None:
    for stem, letter in QUESTIONS.items():
        variable = instrument.variables[f"{issue}_{stem}"]
        answers, column = people[variable.name], f"{prefix}{letter}"
        scale = {float(code): label for code, label in variable.levels.items()}
        if stem == "satisfied":  # the best answer first, as many questionnaires have it
            answers, scale = 6 - answers, {6 - code: label for code, label in scale.items()}
        cells[column], titles[column] = _refusals(answers, random), variable.label
        labels[column] = dict(sorted(scale.items())) | {UNKNOWN: "Don't know", REFUSED: "Refused"}
    for form, letter in {"individual": "i", "collective": "c"}.items():
        for number, item in enumerate(instrument.items(issue, form), 1):
            column = f"{prefix}{letter}{number}"
            chosen = [people[item].map({a: both[k] for a, both in FIVE.items()}) for k in (0, 1)]
            stronger = random.random(len(people)) < 0.6
            answers = pd.Series(np.where(stronger, chosen[1], chosen[0]))
            cells[column] = _refusals(answers, random)
            titles[column] = instrument.variables[item].label
            labels[column] = FREQUENCY | {UNKNOWN: "Don't know", REFUSED: "Refused"}


def _coded(values: pd.Series, name: str) -> pd.Series:
    return values.astype(object).map({level: code for level, (code, _) in CODES[name].items()})


def _labels(name: str) -> dict[float, str]:
    return {float(code): label for code, label in CODES[name].values()}


def _refusals(answers: pd.Series, random: np.random.Generator) -> pd.Series:
    """Half of the gaps as codes, as interviewers write them; the other half stays empty."""
    codes = random.choice([REFUSED, UNKNOWN, np.nan, np.nan], len(answers))
    return pd.Series(np.where(answers.isna(), codes, answers.astype(float)))


def write_example(path: Path = EXAMPLE) -> None:
    """Write the example as an SPSS file, with value labels and codes declared to be missing."""
    import pyreadstat

    cells, titles, labels = example()
    missing: dict[str, list[Any]] = {
        column: [{"lo": UNKNOWN, "hi": REFUSED}]
        for column, values in labels.items()
        if REFUSED in values
    }
    pyreadstat.write_sav(
        cells,
        str(path),
        row_compress=True,
        file_label="Anyborough: a fictitious council",
        column_labels=dict[str, str | None](titles),
        variable_value_labels=labels,
        missing_ranges=missing,
        note="Fictitious. Nobody was asked: these answers were drawn by a computer.",
    )


if __name__ == "__main__":
    write_example()
    print(f"The example is in {EXAMPLE.name}")
