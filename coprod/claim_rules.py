"""The claims of the literature with their rules, as `data/claims.yml` has them; read strictly."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path
from typing import Any

from coprod.anchors import sections, sources
from coprod.claim_estimates import Estimator, estimators
from coprod.design import load_design
from coprod.errors import Fault
from coprod.paths import CLAIMS
from coprod.schema import NUMBER, TEXT, TEXTS, Places, nearest, one_of, read_checked

__all__ = ["Claim", "Rule", "check_arguments", "load_claims"]


def anything(*given: object) -> list[Fault]:
    """What is checked later, with the whole claim."""
    return []


RULE: dict[str, Any] = {
    "lower": NUMBER,
    "upper": NUMBER,
    "level": NUMBER,
    "combine": one_of("all", "any"),
    "test": NUMBER,
    "why": TEXT,
}
SCHEMA: dict[str, Any] = {
    "claims": [
        {
            **dict.fromkeys(("id", "title", "source", "claim", "estimand", "function"), TEXT),
            "arguments": anything,
            "rule": RULE,
            "untestable": TEXT,
            "chapter": TEXT,
            "built_in": anything,
            "note": TEXT,
            "drawn": TEXT,
        }
    ]
}
ALWAYS = ("id", "title", "source", "claim", "chapter")
TESTED = ("estimand", "function", "arguments", "rule", "built_in")


@dataclass(frozen=True)
class Rule:
    """When a claim is supported: a region for the interval of its estimates.

    Attributes
    ----------
    lower, upper
        The region; infinite where there is no bound.
    level
        Of the intervals, e.g. 0.95.
    combine
        'all': supported where every estimate is inside, not supported where one is outside.
        'any': supported where one is inside, not supported where all are outside.
    test
        The joint test's p-value must be below this for the claim to be supported; None: no test.
    why
        The reasons for the numbers.
    """

    lower: float
    upper: float
    level: float
    combine: str
    test: float | None
    why: str


@dataclass(frozen=True)
class Claim:
    """A claim of the literature.

    Attributes
    ----------
    id
        Names it for good; links to it are ``claims.html#claim-`` and this.
    title, claim, estimand
        In our words: a few, a sentence, and what is estimated.
    source
        Its key in `references.bib`.
    chapter
        The section that has the estimates.
    function, arguments, rule
        How it is tested; '', {} and None where it cannot be.
    untestable
        Why no survey can test it, else ''.
    built_in
        Parameters of the design set so that the claim holds of the synthetic panel.
    note
        What else a reader should know.
    drawn
        The same of the synthetic panel alone.
    """

    id: str
    title: str
    source: str
    claim: str
    estimand: str
    chapter: str
    function: str
    arguments: Mapping[str, Any]
    rule: Rule | None
    untestable: str
    built_in: tuple[str, ...]
    note: str
    drawn: str = ""


def load_claims(path: Path | None = None) -> dict[str, Claim]:
    """Read the claims, and say everything that is wrong with them at once.

    Parameters
    ----------
    path
        A file of claims; `data/claims.yml` where None.

    Returns
    -------
    dict
        The claims by their ids, in the order of the file.

    Raises
    ------
    ValidityError
        When the file cannot be read; for every key, function, argument, source, section or
        parameter that does not exist, every bound that is impossible, with its line.

    Examples
    --------
    >>> load_claims()["c2"].rule.lower
    0.1
    """
    file = Path(path or CLAIMS)

    def faults(content: Any, places: Places) -> Iterator[Fault]:
        entries = content.get("claims") or []
        for index, entry in enumerate(entries):
            at = f"{file.name}:{places.get(('claims', index), 1)}"
            twice = [other.get("id") for other in entries[:index]]
            yield from _faults(entry, at, twice)

    content = read_checked(file, SCHEMA, faults)
    return {entry["id"]: _claim(entry) for entry in content["claims"]}


def _claim(entry: Mapping[str, Any]) -> Claim:
    rule = entry.get("rule")
    return Claim(
        **{name: entry[name].strip() for name in ALWAYS},
        estimand=entry.get("estimand", ""),
        function=entry.get("function", ""),
        arguments=entry.get("arguments", {}),
        rule=rule
        and Rule(
            rule.get("lower", -inf),
            rule.get("upper", inf),
            rule["level"],
            rule["combine"],
            rule.get("test"),
            rule["why"],
        ),
        untestable=entry.get("untestable", ""),
        built_in=tuple(entry.get("built_in") or ()),
        note=entry.get("note", ""),
        drawn=entry.get("drawn", ""),
    )


def _faults(entry: Mapping[str, Any], at: str, twice: Sequence[str]) -> Iterator[Fault]:
    """What is wrong with a claim whose keys and types are right."""
    name = entry.get("id", "")
    where = f"{at}: claim {name}"
    wanted = ALWAYS if "untestable" in entry else ALWAYS + TESTED
    for key in wanted:
        if key not in entry:
            yield Fault(where, f"'{key}' is missing")
        elif isinstance(entry[key], str) and not entry[key].strip():
            yield Fault(where, f"'{key}' is empty")
    if name and not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        yield Fault(where, f"the id {name!r} is no anchor", "small letters, digits and hyphens")
    if name in twice:
        yield Fault(where, "the id stands twice", "each once")
    for key, known in (("source", sources()), ("chapter", sections())):
        if key in entry and entry[key] not in known:
            what = "references.bib has no" if key == "source" else "no chapter has a section"
            yield Fault(where, f"{what} '{entry[key]}'", nearest(entry[key], known))
    if "untestable" in entry:
        for key in (key for key in TESTED if key in entry):
            yield Fault(where, f"has '{key}' and 'untestable'", "a claim has the one or the other")
        return
    if "built_in" in entry:
        yield from _built_in(entry["built_in"], where)
    if "rule" in entry:
        yield from _rule(entry["rule"], where)
    if "function" not in entry:
        return
    functions = estimators()
    if entry["function"] not in functions:
        yield Fault(
            where,
            f"there is no function '{entry['function']}'",
            nearest(entry["function"], functions),
        )
        return
    estimator = functions[entry["function"]]
    if "arguments" in entry:
        yield from check_arguments(entry["arguments"], estimator, where)
    if estimator.size and "rule" in entry and entry["rule"].get("lower", 0) < 0:
        yield Fault(where, "the lower bound of a size is below zero", "it must be zero or more")


def _rule(rule: Mapping[str, Any], where: str) -> Iterator[Fault]:
    for key in ("level", "combine", "why"):
        if key not in rule:
            yield Fault(where, f"the rule has no '{key}'")
    lower, upper = rule.get("lower", -inf), rule.get("upper", inf)
    if not isfinite(lower) and not isfinite(upper):
        yield Fault(where, "the rule has no bound", "it needs 'lower', 'upper' or both")
    if lower >= upper:
        yield Fault(where, f"the lower bound {lower} is not below the upper bound {upper}")
    for key, low in (("level", 0.5), ("test", 0.0)):
        if key in rule and not low < rule[key] < 1:
            yield Fault(where, f"'{key}' is {rule[key]}", f"it must be between {low:g} and 1")


def check_arguments(given: Any, estimator: Estimator, where: str) -> Iterator[Fault]:
    """Whether a function takes these arguments, and has what they name."""
    if not isinstance(given, dict):
        yield Fault(where, "'arguments' must hold names and values")
        return
    signature = inspect.signature(estimator.function).parameters
    for key, allowed in estimator.arguments.items():
        if key not in given and signature[key].default is inspect.Parameter.empty:
            yield Fault(where, f"the argument '{key}' is missing", _listed(allowed))
    for key, value in given.items():
        if key not in estimator.arguments:
            yield Fault(
                where, f"the function takes no '{key}'", nearest(str(key), estimator.arguments)
            )
            continue
        several = key in estimator.several
        if several != isinstance(value, list) or value == []:
            yield Fault(where, f"'{key}' must be {'a list' if several else 'one value'}")
            continue
        allowed = estimator.arguments[key]
        for one in value if several else [value]:
            if not any(type(one) is type(known) and one == known for known in allowed):
                yield Fault(where, f"'{key}' has {one!r}", _listed(allowed))
        if several and len(set(map(repr, value))) < len(value):
            yield Fault(where, f"'{key}' names something twice")


def _listed(allowed: Sequence[object]) -> str:
    return f"allowed are {', '.join(map(str, allowed))}"


def _built_in(given: Any, where: str) -> Iterator[Fault]:
    if given is False:
        return
    if not TEXTS[1](given) or isinstance(given, str):
        yield Fault(where, "'built_in' must be false or a list of parameters of the design")
        return
    design = load_design()
    for name in given:
        try:
            design[name]
        except (KeyError, TypeError):
            yield Fault(where, f"the design has no parameter '{name}'")
