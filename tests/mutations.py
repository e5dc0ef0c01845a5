"""Good panel files of every format, and what can be done to them, with what must come of it."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyreadstat

from coprod.instrument import Variable, load_instrument
from coprod.paths import PANEL
from examples.make import EXAMPLE

__all__ = [
    "FORMATS",
    "Planted",
    "damaged",
    "delimited",
    "exported",
    "good",
    "labelled",
    "mapped",
    "planted",
    "written",
]

INSTRUMENT = load_instrument()
VARIABLES = INSTRUMENT.variables
NUMERIC = [name for name, v in VARIABLES.items() if v.kind in ("integer", "number")]

# What an export of the form does not hold, and gets when it is read.
GIVEN = ["source", "respondent", "weight"]
MAPS = ("anyborough.yml", "anyborough-margins.yml")

# Wrong in any column of numbers, and in any category.
HOSTILE = [
    "1e999", "-1e999", "inf", "-inf", "Infinity", "NAN()", "1_0", "٣", "３", "0x1F", "1,2,3", "1e", "--1",
    "9" * 60, "9" * 70, "=1+1", "@SUM(A1)", "<script>alert(1)</script>", "{{< include x >}}", "`{python} 1`",
    "a\x1b[31mb", "a\x07b", "\u202eabc", "abc\u200b", "2026-03-01", "Zoë", "x" * 3000, "NA", "n/a", "-99",
    "'; DROP TABLE", "$\\input{x}$", "TRUE", "½", "１", "1 000", "1e309", "0b1", "+", ".", "-",
]  # fmt: skip
# What a file of text or of Excel holds as written; other programs cut, or cannot hold, some of it.
PLAIN = [text for text in HOSTILE if text.isprintable() and len(text) < 200]


@lru_cache
def good() -> pd.DataFrame:
    """Sixty respondents as text, of the panel that comes with the project, said to be real."""
    whole = pd.read_csv(PANEL, dtype=str, keep_default_na=False)
    return whole.iloc[::44].head(60).reset_index(drop=True).assign(source="survey")


def typed(cells: pd.DataFrame) -> pd.DataFrame:
    """Numbers as numbers, where a column holds nothing else."""
    found = cells.copy()
    for name in dict.fromkeys(set(NUMERIC) & set(found.columns)):
        # A column that is there twice stays text.
        if list(found.columns).count(name) == 1:
            numbers = pd.to_numeric(found[name].replace("", None), errors="coerce")
            if np.isfinite(numbers[found[name] != ""]).all() and numbers.notna().any():
                found[name] = numbers
    return found


def delimited(cells: pd.DataFrame, encoding: str = "utf-8", **options: Any) -> bytes:
    return cells.to_csv(index=False, **options).encode(encoding, errors="replace")


def comma(cells: pd.DataFrame) -> bytes:
    weight = cells["weight"].str.replace(".", ",") if "weight" in cells else None
    return delimited(cells if weight is None else cells.assign(weight=weight), sep=";")


def excel(cells: pd.DataFrame) -> bytes:
    stream = io.BytesIO()
    typed(cells).to_excel(stream, index=False)
    return stream.getvalue()


def parquet(cells: pd.DataFrame) -> bytes:
    stream = io.BytesIO()
    typed(cells).to_parquet(stream)
    return stream.getvalue()


def statistical(
    write: Callable[..., None], suffix: str, cells: pd.DataFrame, folder: Path
) -> bytes:
    file = folder / f"written{suffix}"
    write(typed(cells), str(file))
    content = file.read_bytes()
    file.unlink()
    return content


FORMATS: dict[str, tuple[str, Callable[[pd.DataFrame, Path], bytes]]] = {
    "commas": (".csv", lambda cells, _: delimited(cells)),
    "semicolons and decimal comma": (".csv", lambda cells, _: comma(cells)),
    "tabs": (".tsv", lambda cells, _: delimited(cells, sep="\t")),
    "UTF-16": (".csv", lambda cells, _: delimited(cells, "utf-16", sep="\t")),
    "Windows-1252": (".csv", lambda cells, _: delimited(cells, "cp1252", sep=";", quoting=1)),
    "Excel": (".xlsx", lambda cells, _: excel(cells)),
    "SPSS": (".sav", lambda cells, folder: statistical(pyreadstat.write_sav, ".sav", cells, folder)),
    "Stata": (".dta", lambda cells, folder: statistical(pyreadstat.write_dta, ".dta", cells, folder)),
    "Parquet": (".parquet", lambda cells, _: parquet(cells)),
}  # fmt: skip
TEXTS = tuple(list(FORMATS)[:5])


@dataclass
class Planted:
    """Cells with faults in them.

    Attributes
    ----------
    cells
        What is written.
    wanted
        What must be read where nothing is wrong.
    faults
        For each fault the parts that one line of the refusal must hold.
    """

    cells: pd.DataFrame
    wanted: pd.DataFrame
    faults: list[tuple[str, ...]] = field(default_factory=list)


def planted(rng: random.Random, form: str, given: Collection[str] = ()) -> Planted:
    """A good panel to which harmless things were done, and as a rule some that are not.

    Columns that are `given` by the program, not by the file, stay as they are.
    """
    made = Planted(good().copy(), good().copy())
    for _ in range(rng.randint(0, 2)):
        rng.choice(HARMLESS)(made, rng)
    if rng.random() < 0.75:
        start = 2 if form in TEXTS or form == "Excel" else 1
        unit = "line" if form in TEXTS else "row"
        ways = [spoil, spoil, spoil, empty, again]
        free = [name for name in VARIABLES if name not in given]
        rng.shuffle(free)
        # Each spoils a column of its own, so that none hides another.
        for _ in range(rng.randint(1, 5)):
            rng.choice(ways)(made, rng, form, free, (unit, start))
        if rng.random() < 0.4:
            rng.choice([rename, drop, extra, double, swap])(made, rng, form, free)
    return made


def reorder(made: Planted, rng: random.Random) -> None:
    names = list(made.cells.columns)
    rng.shuffle(names)
    made.cells = made.cells[names]


def shuffle(made: Planted, rng: random.Random) -> None:
    order = rng.sample(range(len(made.cells)), len(made.cells))
    made.cells = made.cells.iloc[order].reset_index(drop=True)
    made.wanted = made.wanted.iloc[order].reset_index(drop=True)


def one_area(made: Planted, rng: random.Random) -> None:
    area = rng.choice("ABCDE")
    made.cells, made.wanted = made.cells.assign(area=area), made.wanted.assign(area=area)


def no_area(made: Planted, rng: random.Random) -> None:
    """Nobody lives in one of the areas."""
    for frame in (made.cells, made.wanted):
        frame["area"] = frame["area"].replace({"B": "A"})


def truncate(made: Planted, rng: random.Random) -> None:
    most = rng.randint(30, len(made.cells))
    made.cells, made.wanted = made.cells.head(most), made.wanted.head(most)


def not_answered(made: Planted, rng: random.Random) -> None:
    """A question that nobody answered."""
    name = rng.choice([n for n, v in VARIABLES.items() if v.role in ("activity", "perception")])
    made.cells, made.wanted = made.cells.assign(**{name: ""}), made.wanted.assign(**{name: ""})


HARMLESS = [reorder, shuffle, one_area, no_area, truncate, not_answered]
Unit = tuple[str, int]


def wrong_values(variable: Variable, form: str) -> list[str]:
    """Values that a variable must not have."""
    texts = HOSTILE if form in ("commas", "Parquet") else PLAIN
    if form == "Windows-1252":
        texts = [text for text in texts if text.encode("cp1252", "ignore").decode("cp1252") == text]
    if form == "Excel":
        # A workbook holds a text of '=' as a formula, of which there is a test of its own.
        texts = [text for text in texts if not text.startswith("=")]
    if variable.kind == "text":
        return ["x" * 65, "y" * 100]
    if variable.kind == "category":
        return texts
    if variable.name == "weight":
        # There is no largest weight.
        return [*(text for text in texts if not text.isdecimal() or not text.isascii()), "0", "-1"]
    return [*texts, "-1", "1e300", "-0.5", "123456789"]


def spoil(made: Planted, rng: random.Random, form: str, free: list[str], unit: Unit) -> None:
    """A value that is not allowed, in one or two cells."""
    name = free.pop()
    value = rng.choice(wrong_values(VARIABLES[name], form))
    rows = sorted(rng.sample(range(len(made.cells)), rng.randint(1, 2)))
    for row in rows:
        made.cells.loc[row, name] = value
    word = unit[0] + "s" * (len(rows) > 1)
    said = " and ".join(str(row + unit[1]) for row in rows)
    made.faults.append((f"column {name}:", f"on {word} {said}", "allowed: "))


def empty(made: Planted, rng: random.Random, form: str, free: list[str], unit: Unit) -> None:
    """Nothing, where something must be."""
    needed = [n for n in free if not VARIABLES[n].missing_allowed]
    if needed:
        name, row = needed[0], rng.randrange(len(made.cells))
        free.remove(name)
        made.cells.loc[row, name] = ""
        made.faults.append((f"column {name}:", f"empty on {unit[0]} {row + unit[1]}"))


def again(made: Planted, rng: random.Random, form: str, free: list[str], unit: Unit) -> None:
    """Somebody who is there twice."""
    if "respondent" in free:
        free.remove("respondent")
        first, second = sorted(rng.sample(range(len(made.cells)), 2))
        made.cells.loc[second, "respondent"] = made.cells.loc[first, "respondent"]
        said = f"again on {unit[0]} {second + unit[1]}, first on {unit[0]} {first + unit[1]}"
        made.faults.append(("column respondent:", said, "each once"))


def rename(made: Planted, rng: random.Random, form: str, free: list[str]) -> None:
    name = free.pop()
    if name != "source":
        made.cells = made.cells.rename(columns={name: f"{name}x"})
        made.faults += [(f"column {name}: missing",), (f"column {name}x: not in the codebook",)]


def drop(made: Planted, rng: random.Random, form: str, free: list[str]) -> None:
    name = free.pop()
    if name != "source":
        made.cells = made.cells.drop(columns=name)
        made.faults.append((f"column {name}: missing",))


def extra(made: Planted, rng: random.Random, form: str, free: list[str]) -> None:
    made.cells = made.cells.assign(telephone="07700 900000")
    made.faults.append(("column telephone: not in the codebook",))


def double(made: Planted, rng: random.Random, form: str, free: list[str]) -> None:
    """A column that is there twice, where a format can hold it."""
    name = free.pop()
    if form in TEXTS or form == "Excel":
        twice = made.cells[[name]]
        made.cells = pd.concat([made.cells, twice], axis=1)
        made.faults.append((f"column {name}: there 2 times", "once is allowed"))


def swap(made: Planted, rng: random.Random, form: str, free: list[str]) -> None:
    """Two columns under each other's names."""
    if {"age", "gender"} <= set(free) & set(made.cells.columns):
        made.cells = made.cells.rename(columns={"age": "gender", "gender": "age"})
        made.faults += [("column age:", "'", "whole numbers"), ("column gender:", "man, woman")]


def labelled(rng: random.Random, folder: Path) -> tuple[Planted, Path]:
    """An SPSS file with labels, some contrary to the codebook, and values declared to be missing."""
    made = Planted(good().copy(), good().copy())
    items = rng.sample([n for n, v in VARIABLES.items() if v.role == "activity"], 3)
    labels: dict[str, Any] = {name: {0: "never", 1: "Sometimes", 2: "Often"} for name in items}
    low, high = rng.choice([(1, 1), (1, 2), (2, 2), (2, 99)])
    gone = {str(value) for value in range(low, high + 1)}
    made.wanted[items[0]] = made.wanted[items[0]].where(~made.wanted[items[0]].isin(gone), "")
    if rng.random() < 0.6:
        labels[items[1]] = {0: "Often", 1: "Sometimes", 2: "Never"}
        made.faults.append(
            (f"column {items[1]}:", "calls 0 'Often', the codebook 2", "mend the labels")
        )
    if rng.random() < 0.6:
        labels["gender"] = {"man": "Woman", "woman": "Man"}
        made.faults.append(("column gender:", "calls man 'Woman', the codebook woman"))
    if rng.random() < 0.4:
        # A date where a number belongs is a number of days or seconds: far out of range.
        made.cells[items[2]] = "13800000000"
        made.faults.append((f"column {items[2]}:", "'13800000000' on rows 1, 2, 3", "from 0 to 2"))
    file = folder / "labelled.sav"
    ranges: Any = {items[0]: [{"lo": low, "hi": high}]}
    pyreadstat.write_sav(
        typed(made.cells), str(file), variable_value_labels=labels, missing_ranges=ranges
    )
    return made, file


def exported(rng: random.Random, folder: Path) -> tuple[Planted, Path]:
    """An export of the form, as ODK or KoboToolbox write it, with faults in it."""
    made = planted(rng, "commas", GIVEN)
    made.wanted = made.wanted.assign(
        respondent=[f"R{n:04d}" for n in range(1, len(made.wanted) + 1)], weight="1"
    )
    mark, identifier, time = rng.choice(
        [("-", "KEY", "SubmissionDate"), ("/", "_uuid", "_submission_time")]
    )
    group = f"part{mark}" if rng.random() < 0.5 else ""
    cells = made.cells.drop(columns=GIVEN)
    cells.columns = [f"{group}{name}" if name in VARIABLES else name for name in cells.columns]
    cells = cells.assign(**{time: "2026-03-01", f"{group}consent": "agree"})
    cells[identifier] = [f"uuid:{n:04d}" for n in range(len(cells))]
    file = folder / "export.csv"
    file.write_bytes(delimited(cells, sep="," if mark == "-" else ";"))
    return made, file


# What stands in the example's mapping, what is put in its place, and what must be said of it: of
# what it may hold, and of what it means.
FORMS = [
    ("without:", "witout:", "the key 'witout'"),
    ("age: agenow", "age: [agenow]", "columns.age"),
    ("reverse: true}   # 1 was", "reverse: maybe}   # 1 was", "'reverse' is 'maybe'"),
    ("{column: q1i1, rescale: [1, 5]", "{column: q1i1, rescale: [5, 1]", "rescale"),
    ("{column: q1i2, rescale: [1, 5], halves: up", "{column: q1i2, halves: \x27\x27, rescale: [1, 5]", "halves"),
    ("Harbour: Harbour ward", "Harbour: [1, 2]", "areas"),
]  # fmt: skip
MEANINGS = [
    ("age: agenow", "aeg: agenow", "no variable 'aeg' in the codebook; did you mean 'age'?"),
    ("years: yrs", "years: yrz", "the file has no column 'yrz'; did you mean 'yrs'?"),
    ("Male: man}", "Male: <b>}", "'<b>' is no value of gender; allowed: man, woman"),
    ("health, minority]", "health, minorty]", "no part 'minorty'; did you mean 'minority'?"),
    ("safety_state: q1a", "safety_state: {column: q1a, guess: true}", "a guess; check it"),
    ("{column: tenure,", "{column: tenure, reverse: true,", "tenure has no scale with two ends"),
    ("{column: llti,", "{column: llti, halves: up,", "only a scale that is rescaled has halves"),
    ("Harbour: Harbour ward", "Harbour: Castle ward", "'Castle ward' is the label of another"),
    ("{column: q1i1, rescale: [1, 5]", "{column: q1i1, rescale: [1, 4]", "'5' on rows"),
    ("1: yes, 2: no}}\n  children", "1: yes}}\n  children", "column llti (disability): '2'"),
    ("0.49, woman: 0.51}\n    Harbour", "0.59, woman: 0.51}\n    Harbour", "Castle sum to 1.1"),
    ("0.08}", "-0.08}", "the share of 75+ is '-0.08'"),
    ("75+: 0.10", "76+: 0.10", "age has no level '76+'; did you mean '75+'?"),
]  # fmt: skip


def mapped(rng: random.Random, folder: Path) -> tuple[Path, Path, list[str]]:
    """The example's survey with its mapping and margins, and what must be said of them."""
    texts = {name: (EXAMPLE.parent / name).read_text(encoding="utf-8") for name in MAPS}
    said = []
    ways = rng.choice([FORMS, MEANINGS, MEANINGS])
    for old, new, what in rng.sample(ways, rng.randint(0, 4)):
        for name, text in texts.items():
            if old in text:
                texts[name] = text.replace(old, new, 1)
                said.append(what)
                break
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return EXAMPLE, folder / MAPS[0], said


def written(made: Planted, form: str, folder: Path, name: str = "panel") -> Path:
    """The file of some cells."""
    suffix, write = FORMATS[form]
    file = folder / f"{name}{suffix}"
    file.write_bytes(write(made.cells, folder))
    return file


def damaged(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """Bytes turned, cut out, put in, doubled, or joined with those of another file."""
    found = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at, end = sorted(rng.randrange(len(found) + 1) for _ in range(2))
        way = rng.randrange(7)
        if way == 0:
            for _ in range(rng.randint(1, 20)):
                found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
        elif way == 1:
            del found[at : min(end, at + rng.choice([1, 8, 500]))]
        elif way == 2:
            found[at:at] = rng.randbytes(rng.choice([1, 4, 300]))
        elif way == 3:
            del found[max(at, 1) :]
        elif way == 4:
            found[at:] = other[rng.randrange(len(other)) :]
        elif way == 5:
            found[at:at] = found[at : min(end, at + 2000)]
        else:
            # Lengths and counts stand near the start of most formats.
            found[rng.randrange(min(len(found), 400))] = rng.choice([0, 1, 0x7F, 0x80, 0xFF])
        found = found or bytearray(b"\0")
    return bytes(found)
