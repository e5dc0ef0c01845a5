"""Numbers and texts in prose: how they are written, and the one way to make a text safe."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from coprod.errors import ValidityError
from coprod.labels import plain

__all__ = [
    "alike",
    "change",
    "clear_terms",
    "count",
    "counted",
    "direction",
    "interval",
    "listing",
    "measured",
    "measured_interval",
    "number",
    "out_of",
    "p_short",
    "p_value",
    "part",
    "percent",
    "plain",
    "region",
    "safe",
    "scientific",
    "span",
    "term_name",
]

MINUS = "\u2212"
UNTOLD = "a sentence is left out here: nobody, or too few people, stand behind a number in it"
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def number(value: float, decimals: int = 0) -> str:
    """A number with a true minus sign and thousands separated.

    Raises
    ------
    ValidityError
        If there is none. Prose must not go on as if there were; a table shows a dash by itself.

    Examples
    --------
    >>> number(2624), number(-0.034, 2), number(-0.001, 1)
    ('2,624', '−0.03', '0.0')
    """
    if value is None or math.isnan(value):
        raise ValidityError(UNTOLD)
    text = f"{value:,.{decimals}f}"
    if not text.strip("-0.,"):
        text = text.removeprefix("-")
    return text.replace("-", MINUS)


def percent(share: float, decimals: int = 0) -> str:
    """A share of 1 as a percentage.

    Examples
    --------
    >>> percent(0.4398), percent(0.0048, 1)
    ('44%', '0.5%')
    """
    return f"{number(100 * share, decimals)}%"


def interval(low: float, high: float, decimals: int = 1, share: bool = False) -> str:
    """An interval as its two ends.

    Examples
    --------
    >>> interval(36.94, 39.43), interval(-0.2, 0.1), interval(0.42, 0.46, 0, share=True)
    ('36.9 to 39.4', '−0.2 to 0.1', '42% to 46%')
    """
    write = percent if share else number
    return f"{write(low, decimals)} to {write(high, decimals)}"


def span(values: Iterable[float], decimals: int = 0, share: bool = False) -> str:
    """The smallest and the largest of some values; one number where both are written alike.

    Examples
    --------
    >>> span([39.9, 37.0, 38.2], 1), span([0.011, 0.008], share=True)
    ('37.0 to 39.9', '1%')
    """
    write = percent if share else number
    found = list(values)
    if not found or any(math.isnan(value) for value in found):
        raise ValidityError(UNTOLD)
    low, high = write(min(found), decimals), write(max(found), decimals)
    return low if low == high else f"{low} to {high}"


def part(share: float, decimals: int = 0) -> str:
    """A part of a whole as a percentage; where an estimate of it is at or below zero, none.

    Shares of variance are corrected for bias, which takes small ones below zero. "Accounts for −0.2% of
    the differences" says nothing to a reader; that it accounts for none of them is what was found.

    Examples
    --------
    >>> part(0.047, 1), part(-0.002, 1), part(0.0001, 1)
    ('4.7%', 'none', 'none')
    """
    said = percent(share, decimals)
    return "none" if share <= 0 or said == percent(0, decimals) else said


def change(
    values: Iterable[float],
    decimals: int = 0,
    unit: str = "",
    up: str = "more",
    down: str = "less",
    share: bool = False,
) -> str:
    """By how much something is more or less: one number, or the smallest to the largest of several.

    The word follows the sign, so that no sentence says "−3 points more".

    Examples
    --------
    >>> change([5.08], 1), change([-16.1], down="fewer"), change([17.4, 18.8], unit="points")
    ('5.1 more', '16 fewer', '17 to 19 points more')
    >>> change([-46, 13.9], down="fewer"), change([-0.031, -0.012], share=True, up="wider", down="narrower")
    ('46 fewer to 14 more', '1% to 3% narrower')
    """
    found = list(values)
    if not found or any(math.isnan(value) for value in found):
        raise ValidityError(UNTOLD)
    space = f" {unit}" if unit else ""
    low, high = min(found), max(found)
    if low < 0 < high:
        write = percent if share else number
        return f"{write(-low, decimals)}{space} {down} to {write(high, decimals)}{space} {up}"
    ends = span([abs(low), abs(high)], decimals, share)
    return f"{ends}{space} {down if high <= 0 and low < 0 else up}"


def measured(value: float, unit: str) -> str:
    """A number in the unit of a claim's estimates.

    Examples
    --------
    >>> measured(0.2256, "SD"), measured(-0.0281, "share"), measured(38.46, "points")
    ('0.23 SD', '−2.8%', '38.5 points')
    """
    if math.isnan(value):
        return "–"
    if unit == "share":
        return percent(value, 1)
    decimals = {"SD": 2, "points": 1, "people": 0}.get(unit, 2)
    return f"{number(value, decimals)} {unit}".strip()


def measured_interval(low: float, high: float, unit: str) -> str:
    """An interval in the same units, which are said by the estimate beside it.

    Examples
    --------
    >>> measured_interval(0.2, 0.25, "SD"), measured_interval(-0.06, 0.001, "share")
    ('0.20 to 0.25', '−6.0% to 0.1%')
    """
    if math.isnan(low) or math.isnan(high):
        return "–"
    decimals = {"SD": 2, "people": 0}.get(unit, 1)
    return interval(low, high, decimals, unit == "share")


def region(lower: float, upper: float, unit: str) -> str:
    """The region of a rule.

    Examples
    --------
    >>> region(0.1, math.inf, "SD"), region(-math.inf, 0, "SD"), region(-0.05, 0.05, "share")
    ('0.10 SD or more', 'below zero', 'between −5.0% and 5.0%')
    """
    if math.isnan(lower):
        return "–"
    if math.isfinite(lower) and math.isfinite(upper):
        first = measured(lower, unit).removesuffix(f" {unit}")
        return f"between {first} and {measured(upper, unit)}"
    bound, zero, more = (
        (lower, "above zero", "more") if math.isfinite(lower) else (upper, "below zero", "less")
    )
    return zero if bound == 0 else f"{measured(bound, unit)} or {more}"


def p_value(p: float) -> str:
    """A p-value with as many digits as it deserves.

    Examples
    --------
    >>> p_value(0.0421), p_value(0.00001), p_value(0.5)
    ('0.042', 'under 0.001', '0.50')
    """
    if math.isnan(p):
        return "–"
    if p < 0.001:
        return "under 0.001"
    return number(p, 3 if p < 0.1 else 2)


def p_short(p: float) -> str:
    """A p-value as a table has room for it.

    Examples
    --------
    >>> p_short(0.0421), p_short(0.00001)
    ('0.042', '<0.001')
    """
    return p_value(p).replace("under ", "<")


def scientific(value: float) -> str:
    """A very small number as a multiple of a power of ten.

    Examples
    --------
    >>> scientific(1e-8), scientific(2e-4), scientific(3)
    ('10⁻⁸', '2 × 10⁻⁴', '3 × 10⁰')
    """
    digits, _, power = f"{value:.0e}".partition("e")
    raised = f"10{str(int(power)).translate(RAISED)}"
    return raised if digits == "1" else f"{digits} × {raised}"


def count(value: int) -> str:
    """A small number as a word, a larger one in digits.

    Examples
    --------
    >>> count(3), count(24)
    ('three', '24')
    """
    return SMALL[value] if 0 <= value < len(SMALL) else number(value)


def out_of(some: int, everything: int, thing: str = "") -> str:
    """How many of so many, in words; with what they are, where that is given.

    Examples
    --------
    >>> out_of(3, 3), out_of(2, 3), out_of(0, 3), out_of(2, 2), out_of(1, 1)
    ('all three', 'two of three', 'none of three', 'both', 'the one')
    >>> out_of(2, 3, "issue"), out_of(1, 1, "issue"), out_of(0, 1, "issue")
    ('two of three issues', 'the one issue', 'no issue')
    """
    things = f" {thing}{'s' * (everything != 1)}" if thing else ""
    if some == everything:
        return {1: "the one", 2: "both"}.get(everything, f"all {count(everything)}") + things
    if thing and everything == 1:
        return f"no {thing}"
    return f"{'none' if some == 0 else count(some)} of {count(everything)}{things}"


def counted(value: int, one: str, more: str = "") -> str:
    """A number of things, in the singular where there is one.

    Examples
    --------
    >>> counted(1, "area"), counted(5, "area"), counted(2, "person", "people")
    ('one area', 'five areas', 'two people')
    """
    return f"{count(value)} {one if value == 1 else more or f'{one}s'}"


def listing(items: Iterable[str]) -> str:
    """Items as a sentence lists them.

    Examples
    --------
    >>> listing(["safety"]), listing(["safety", "health"]), listing(["a", "b", "c"])
    ('safety', 'safety and health', 'a, b and c')
    """
    *first, last = list(items) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def term_name(title: str, level: str = "") -> str:
    """What a coefficient stands for: the variable, and the level that is compared.

    Examples
    --------
    >>> term_name("Age"), term_name("Education", "School: GCSEs or similar")
    ('Age', 'Education: school')
    """
    return f"{title}: {level.partition(':')[0].lower()}" if level else title


def alike(alone: str, together: str) -> str:
    """What holds of both forms, said once where it is the same.

    Examples
    --------
    >>> alike("more", "more"), alike("more", "less")
    ('more whether alone or with others', 'more alone and less with others')
    """
    if alone == together:
        return f"{alone} whether alone or with others"
    return f"{alone} alone and {together} with others"


def clear_terms(table: pd.DataFrame, above: bool) -> str:
    """The correlates whose coefficients clearly lie above zero, or below it, as prose lists them.

    Parameters
    ----------
    table
        Rows with `term_label`, `level`, `label`, `low` and `high`.
    above
        Whether intervals above zero are wanted, or those below it.

    Examples
    --------
    >>> columns = ["term_label", "level", "label", "low", "high"]
    >>> rows = [("Age", "", "Age", 1, 2), ("Tenure", "owns", "Owns", 1, 3), ("Years", "", "", -2, 1)]
    >>> clear_terms(pd.DataFrame(rows, columns=columns), above=True)
    'age and tenure (owns)'
    """
    clear = table[table["low"] > 0] if above else table[table["high"] < 0]
    names = [
        row.term_label.lower()
        if row.level in ("", "yes")
        else f"{row.term_label.lower()} ({row.label.partition(':')[0].lower()})"
        for row in clear.itertuples()
    ]
    return listing(names) if names else "nothing that was asked about"


def direction(
    low: float, high: float, above: str, below: str, unclear: str, null: float = 0
) -> str:
    """What an interval says of a difference: above, below, or not clear.

    Examples
    --------
    >>> direction(1, 3, "higher", "lower", "not clearly different")
    'higher'
    >>> direction(-1, 3, "higher", "lower", "not clearly different")
    'not clearly different'
    """
    if math.isnan(low) or math.isnan(high):
        raise ValidityError(UNTOLD)
    return above if low > null else below if high < null else unclear


@dataclass(frozen=True)
class Shown:
    """Markdown for an inline expression, which either engine takes as it is.

    Not IPython's own, which reads the file or the address that a text happens to name.
    """

    data: str

    def _repr_markdown_(self) -> str:
        return self.data


def safe(text: object) -> Shown:
    r"""A text that an inline expression shows as it is, whatever it holds.

    Examples
    --------
    >>> safe("a_b").data
    'a\\_b'
    """
    return Shown(plain(text))
