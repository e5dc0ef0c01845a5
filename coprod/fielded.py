"""The questionnaire as it was fielded: some parts not asked, other areas, arms and names of issues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

from coprod.errors import PanelError, ValidityError
from coprod.instrument import Instrument, load_instrument

__all__ = ["EXPERIMENT", "WEIGHT", "fielded", "need_issue", "not_asked", "parts"]

EXPERIMENT = "experiment"
WEIGHT = "weight"


def parts(instrument: Instrument) -> dict[str, list[str]]:
    """What a panel can do without: the columns of each part.

    Returns
    -------
    dict
        By name: the experiment, each issue, the weight, and each background variable.

    Examples
    --------
    >>> from coprod.instrument import load_instrument
    >>> found = parts(load_instrument())
    >>> found["experiment"]
    ['intends', 'nudge_issue', 'arm', 'willing', 'signup']
    >>> len(found["health"]), found["tenure"]
    (13, ['tenure'])
    """
    variables = instrument.variables.values()
    found = {EXPERIMENT: [v.name for v in variables if v.role == "experiment"]}
    found |= {issue: [v.name for v in variables if v.issue == issue] for issue in instrument.issues}
    found[WEIGHT] = [v.name for v in variables if v.role == "weight"]
    return found | {name: [name] for name in instrument.background}


def not_asked(header: Collection[str], instrument: Instrument) -> list[str]:
    """Parts that a file leaves out as a whole: the experiment, and issues if one is left.

    A single column can be lost by mistake, all of an issue hardly. So only parts of several columns
    are taken to have been left out on purpose, and only where the file has no column that is
    unknown: that could be one of theirs under another name.

    Examples
    --------
    >>> from coprod.instrument import load_instrument
    >>> instrument = load_instrument()
    >>> header = [name for name in instrument.variables if not name.startswith("health")]
    >>> not_asked(header, instrument), not_asked([*header, "hlth_1"], instrument)
    (['health'], [])
    """
    if not set(header) <= set(instrument.variables):
        return []
    found = [
        part
        for part, columns in parts(instrument).items()
        if len(columns) > 1 and not set(columns) & set(header)
    ]
    return [] if set(instrument.issues) <= set(found) else found


def fielded(
    instrument: Instrument,
    without: Collection[str] = (),
    *,
    areas: Mapping[str, str] | None = None,
    arms: Mapping[str, str] | None = None,
    issues: Mapping[str, str] | None = None,
) -> Instrument:
    """The questionnaire as one panel has it.

    Parameters
    ----------
    instrument
        The questionnaire.
    without
        Names of parts that were not asked, as of `parts`.
    areas, arms
        Name and label of each, in place of the questionnaire's own; the first arm is the control.
    issues
        Other labels for issues.

    Returns
    -------
    Instrument

    Raises
    ------
    PanelError
        When there is no such part, nothing would be left, or two areas, arms or issues have one label.

    Examples
    --------
    >>> from coprod.instrument import load_instrument
    >>> here = fielded(load_instrument(), ["health"], areas={"N": "North", "S": "South"})
    >>> list(here.issues), here.areas
    (['safety', 'environment'], {'N': 'North', 'S': 'South'})
    >>> "health_ind_1" in here.variables
    False
    """
    known = parts(instrument)
    if unknown := [part for part in without if part not in known]:
        raise PanelError(f"no part {unknown[0]!r}; parts are {', '.join(known)}")
    if set(instrument.issues) <= set(without):
        raise PanelError("a panel needs at least one issue")
    kept = {
        name: (issues or {}).get(name, label)
        for name, label in instrument.issues.items()
        if name not in without
    }
    groups = {
        "area": dict(areas or instrument.areas),
        "arm": dict(arms or instrument.arms),
        "nudge_issue": kept,
    }
    # The weight stays a variable: everybody has the weight 1 where there was none.
    gone = {name for part in without if part != WEIGHT for name in known[part]}
    variables = {
        name: replace(variable, levels=groups[name]) if name in groups else variable
        for name, variable in instrument.variables.items()
        if name not in gone
    }
    here = replace(
        instrument,
        variables=variables,
        issues=kept,
        areas=groups["area"],
        arms=groups["arm"],
        nations={name: instrument.nations.get(name, "") for name in groups["area"]}
        if areas is None
        else dict.fromkeys(areas, ""),
        shown=instrument.shown if arms is None else dict.fromkeys(arms, ""),
        background=[name for name in instrument.background if name not in gone],
    )
    for what, labels in (("areas", here.areas), ("arms", here.arms), ("issues", here.issues)):
        if alike := [label for label, times in Counter(labels.values()).items() if times > 1]:
            raise PanelError(f"two {what} are called {alike[0]!r}; each needs a label of its own")
    return here


def need_issue(instrument: Instrument, issue: str) -> None:
    """Refuse what is about an issue of the questionnaire that a panel was not asked about.

    Raises
    ------
    ValidityError

    Examples
    --------
    >>> from coprod.instrument import load_instrument
    >>> need_issue(load_instrument(), "health")
    """
    if issue not in instrument.issues:
        label = load_instrument().issues.get(issue, issue)
        raise ValidityError(f"this panel was not asked about {label[:1].lower()}{label[1:]}")
