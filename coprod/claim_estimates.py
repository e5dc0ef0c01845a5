"""What a claim can be held against: the closed list of functions that a rule may name.

Each takes a panel and gives estimates with their errors in one shape, so that one rule can judge any
of them. They compute nothing new: all come from the functions of the chapters, or from the same
regressions with another contrast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coprod.activity_told import told
from coprod.arms import OUTCOMES
from coprod.blocks import blocks
from coprod.compare import compare_blocks, compare_forms
from coprod.design_based import SurveyDesign, numbers
from coprod.disclosure import withheld
from coprod.errors import ValidityError
from coprod.instrument import Instrument, load_instrument
from coprod.levels import gaps
from coprod.nudges import effects
from coprod.panel import Panel
from coprod.regression import BLOCKS, PERCEPTIONS, ModelMatrix, Regression, wald

__all__ = ["COLUMNS", "Estimator", "estimators"]

Floats = NDArray[np.float64]

COLUMNS = ("issue", "form", "term", "level", "against")
"""What names an estimate: '' where a column does not apply, 'all' for all issues together."""


@dataclass(frozen=True)
class Estimator:
    """A function that a claim may name.

    Attributes
    ----------
    function
        Takes a panel and the arguments. Gives one row an estimate: the :data:`COLUMNS`, `label`,
        `estimate`, `standard_error`, `df` (of t; infinite for the normal), `unit` ('SD' or
        'share'), and, where there is a joint test that all estimates are zero, its `p`.
    arguments
        What each argument may be: one of these names, or a list of some where `several` has it.
    several
        The arguments that are lists.
    size
        Whether the estimate is a size without a sign: the rule sees its absolute value.
    """

    function: Callable[..., Any]
    arguments: Mapping[str, Sequence[object]]
    several: tuple[str, ...] = ()
    size: bool = False


@lru_cache(maxsize=16)
def _regression(panel: Panel, forms: tuple[str, ...], issue: str | None) -> Regression:
    """The regression of :func:`coprod.correlates.fit`; several claims rest on the same."""
    return Regression(ModelMatrix.of(panel, forms, issue))


def _table(
    rows: list[tuple[tuple[str, str, str, str, str], str]],
    estimate: Sequence[float] | Floats,
    standard_error: Sequence[float] | Floats,
    df: float | Sequence[float] | NDArray[np.number],
    unit: str,
    p: float = np.nan,
) -> pd.DataFrame:
    table = pd.DataFrame([names for names, _ in rows], columns=list(COLUMNS))
    return table.assign(
        label=[label for _, label in rows],
        estimate=estimate,
        standard_error=standard_error,
        df=df,
        unit=unit,
        p=p,
    )


def _issues(panel: Panel, by_issue: bool) -> list[str | None]:
    return list(panel.instrument.issues) if by_issue else [None]


def _place(terms: pd.DataFrame, name: str) -> int:
    """Where a coefficient stands: 'age', or 'gender=woman' for a level."""
    term, _, level = name.partition("=")
    found = np.flatnonzero((terms["term"] == term) & (terms["level"] == level))
    if not len(found):
        raise ValidityError(
            f"{term} was not asked, is left out, or nobody who answered everything is '{level}'"
        )
    return int(found[0])


def _title(instrument: Instrument, name: str) -> str:
    """What a coefficient is called in a sentence."""
    term, _, level = name.partition("=")
    if term in PERCEPTIONS:
        return PERCEPTIONS[term][1]
    variable = instrument.variables[term]
    return variable.levels[level] if level else variable.label


def _named(instrument: Instrument, *parts: str | None) -> str:
    """Issue and form after a title, as labels."""
    labels = instrument.issues | instrument.forms
    first, *rest = (labels.get(part, part) for part in parts if part)
    return ", ".join([str(first), *(str(part).lower() for part in rest)])


def coefficients(
    panel: Panel, terms: Sequence[str], forms: Sequence[str], by_issue: bool = False
) -> pd.DataFrame:
    """Coefficients in SDs of the index, per SD or against the reference, other things equal."""
    rows, value, error, df = [], [], [], []
    for issue, form in product(_issues(panel, by_issue), forms):
        regression = _regression(panel, (form,), issue)
        spread = regression.model.spread[0]
        for name in terms:
            at = _place(regression.model.terms, name)
            term, _, level = name.partition("=")
            title = _title(panel.instrument, name)
            names = (issue or "all", form, term, level, "")
            rows.append((names, _named(panel.instrument, title, issue, form)))
            value.append(regression.coefficients[at, 0] / spread)
            error.append(np.sqrt(regression.covariance[at, at]) / spread)
            df.append(regression.df_residual)
    return _table(rows, value, error, df, "SD")


def leads(panel: Panel, term: str, over: Sequence[str], forms: Sequence[str]) -> pd.DataFrame:
    """By how much a coefficient is above the size of others on each issue, in SDs.

    The size of another is its coefficient without its sign, with the sign of the estimate.
    """
    rows, value, error, df = [], [], [], []
    for issue, form, other in product(panel.instrument.issues, forms, over):
        regression = _regression(panel, (form,), issue)
        at = [_place(regression.model.terms, name) for name in (term, other)]
        own, others = regression.coefficients[at, 0]
        contrast = np.array([1.0, -np.sign(others)])
        variance = contrast @ regression.covariance[np.ix_(at, at)] @ contrast
        spread = regression.model.spread[0]
        title = f"{_title(panel.instrument, term)} over {_title(panel.instrument, other).lower()}"
        names = (issue, form, term, "", other)
        rows.append((names, _named(panel.instrument, title, issue, form)))
        value.append((own - abs(others)) / spread)
        error.append(np.sqrt(variance) / spread)
        df.append(regression.df_residual)
    return _table(rows, value, error, df, "SD")


def form_differences(panel: Panel, terms: Sequence[str]) -> pd.DataFrame:
    """Coefficient for individual less that for collective activity, each in its own SDs.

    The joint test is that of all correlates, :func:`coprod.compare.compare_blocks`.
    """
    compared = compare_forms(panel, scale="sd")
    test = compare_blocks(panel, scale="sd").set_index("block")
    at = [_place(compared, name) for name in terms]
    rows = [
        (("all", "", *name.partition("=")[::2], ""), _title(panel.instrument, name))
        for name in terms
    ]
    chosen = compared.iloc[at]
    return _table(
        rows,
        chosen["difference"].to_numpy(),
        chosen["standard_error"].to_numpy(),
        chosen["clusters"].to_numpy() - 1,
        "SD",
        float(test.loc["all", "p"]),
    )


def issue_differences(panel: Panel, terms: Sequence[str], forms: Sequence[str]) -> pd.DataFrame:
    """Coefficient on one issue less that on another, in SDs over all issues.

    From one regression in which everything has a coefficient of its own on each issue, errors
    clustered by respondent. The joint test is a Wald test of all these differences.
    """
    if len(panel.instrument.issues) < 2:
        raise ValidityError("the panel has one issue, and there is no other to compare it with")
    pooled = ModelMatrix.of(panel, forms)
    kept = (pooled.terms["block"] != "issue").to_numpy()
    levels = pooled.terms["level"]
    dummies = {levels[at]: pooled.predictors[:, at] == 1 for at in np.flatnonzero(~kept)}
    first = np.logical_not(np.any(list(dummies.values()), axis=0))
    inside = dict.fromkeys(panel.instrument.issues, first) | dummies
    columns = pooled.predictors[:, kept]
    predictors = np.hstack([columns * rows[:, None] for rows in inside.values()])
    terms_of = pd.concat(
        [pooled.terms[kept].assign(issue=issue) for issue in inside], ignore_index=True
    )
    seen = predictors.any(axis=0)
    own = terms_of[seen].reset_index(drop=True)
    regression = Regression(
        ModelMatrix(own, predictors[:, seen], pooled.outcomes, pooled.forms, pooled.design)
    )
    places = dict(list(own.groupby("issue", sort=False)))
    size = len(own)
    flat = (regression.coefficients / pooled.spread).T.ravel()
    unit = np.repeat(pooled.spread, size)
    covariance = regression.covariance / np.outer(unit, unit)
    labels = panel.instrument.issues
    rows, contrasts, independent = [], [], []
    for (f, form), name in product(enumerate(forms), terms):
        at = {i: f * size + part.index[_place(part, name)] for i, part in places.items()}
        term, _, level = name.partition("=")
        for one, other in combinations(at, 2):
            contrast = np.zeros(len(flat))
            contrast[[at[one], at[other]]] = 1, -1
            pair = f"{labels[one].lower()} against {labels[other].lower()}"
            title = f"{_title(panel.instrument, name)}, {pair}"
            rows.append(((one, form, term, level, other), _named(panel.instrument, title, form)))
            independent.append(one == next(iter(at)))
            contrasts.append(contrast)
    combine = np.array(contrasts)
    value, joint = combine @ flat, _product(combine, covariance)
    chosen = np.flatnonzero(independent)
    test = wald(value[chosen], joint[np.ix_(chosen, chosen)], regression.df_residual)
    error = np.sqrt(np.diagonal(joint))
    return _table(rows, value, error, regression.df_residual, "SD", test.p)


def _product(combine: Floats, covariance: Floats) -> Floats:
    """Covariance of combinations; what none of them uses may be unknown."""
    used = (combine != 0).any(axis=0)
    part = combine[:, used]
    return np.asarray(part @ covariance[np.ix_(used, used)] @ part.T)


def variance_share(panel: Panel, block: str, form: str, draws: int = 500) -> pd.DataFrame:
    """Share of the variance that a block explains beyond area, issue and the blocks before it."""
    table = blocks(panel, form, draws=draws).set_index("block")
    if block not in table.index:
        raise ValidityError(f"nothing of the block {BLOCKS[block].lower()} was asked in this panel")
    found = table.loc[block]
    rows = [(("all", form, block, "", ""), _named(panel.instrument, BLOCKS[block], form))]
    return _table(rows, [found["ordered"]], [found["ordered_standard_error"]], np.inf, "share")


def standardised_gaps(panel: Panel) -> pd.DataFrame:
    """Individual less collective index on each issue, in SDs of the difference between people."""
    found = gaps(panel)
    rows = [
        ((row.issue, "", "", "", ""), _named(panel.instrument, row.issue))
        for row in found.itertuples()
    ]
    return _table(
        rows,
        found["standardised"].to_numpy(),
        found["standardised_error"].to_numpy(),
        found["n"].to_numpy() - panel.frame["area"].nunique(),
        "SD",
    )


def item_gaps(panel: Panel) -> pd.DataFrame:
    """Share who do an individual action less share who do a collective one, on each issue."""
    instrument, frame = panel.instrument, panel.frame
    if not set(product(instrument.issues, instrument.forms)) <= told(panel).answers:
        raise withheld(panel, "How much oftener people do one action than another")
    design = SurveyDesign.of(frame)
    tables = []
    for issue in instrument.issues:
        alone, joint = (instrument.items(issue, form) for form in ("individual", "collective"))
        answers = numbers(frame, [*alone, *joint])
        done = design.mean(np.where(np.isnan(answers), np.nan, answers > 0))
        pairs = list(product(range(len(alone)), range(len(alone), len(alone) + len(joint))))
        contrasts = np.zeros((len(pairs), len(alone) + len(joint)))
        for row, (one, other) in enumerate(pairs):
            contrasts[row, [one, other]] = 1, -1
        found = done.contrast(contrasts)
        labels = [instrument.variables[name].label for name in (*alone, *joint)]
        stems = [instrument.variables[name].stem for name in (*alone, *joint)]
        rows = [
            (
                (issue, "", stems[one], "", stems[other]),
                f"{labels[one]} less {_lower(labels[other])}",
            )
            for one, other in pairs
        ]
        tables.append(
            _table(rows, found.value, found.standard_error, found.degrees_of_freedom, "share")
        )
    return pd.concat(tables, ignore_index=True)


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]


def nudge_effects(panel: Panel, outcome: str) -> pd.DataFrame:
    """Effect of each nudge, adjusted as in the chapter: in SDs of control, or as a share."""
    found = effects(panel, ["lin"], ["unweighted"], [outcome])
    found = found[found["family"] == "arms"]
    suffix = "_sd" if outcome == "willing" else ""
    rows = [(("", "", row.arm, "", outcome), row.label) for row in found.itertuples()]
    return _table(
        rows,
        found[f"estimate{suffix}"].to_numpy(),
        found[f"standard_error{suffix}"].to_numpy(),
        found["df"].to_numpy(),
        "SD" if outcome == "willing" else "share",
    )


def _numeric_terms(instrument: Instrument) -> list[str]:
    """The correlates that are numbers, and so have coefficients per SD."""
    background = [
        name for name in instrument.background if instrument.variables[name].kind != "category"
    ]
    return [*background, *instrument.perceptions]


def _every_term(instrument: Instrument) -> Iterable[str]:
    for name in instrument.background:
        variable = instrument.variables[name]
        if variable.kind == "category":
            yield from (f"{name}={level}" for level in list(variable.levels)[1:])


@lru_cache
def estimators() -> dict[str, Estimator]:
    """The functions that `data/claims.yml` may name.

    Examples
    --------
    >>> sorted(estimators())[:3]
    ['coefficients', 'form_differences', 'issue_differences']
    """
    instrument = load_instrument()
    forms, numeric = list(instrument.forms), _numeric_terms(instrument)
    every = [*numeric, *_every_term(instrument)]
    return {
        "coefficients": Estimator(
            coefficients,
            {"terms": every, "forms": forms, "by_issue": [True, False]},
            ("terms", "forms"),
        ),
        "leads": Estimator(
            leads,
            {"term": numeric, "over": numeric, "forms": forms},
            ("over", "forms"),
        ),
        "form_differences": Estimator(form_differences, {"terms": every}, ("terms",), size=True),
        "issue_differences": Estimator(
            issue_differences, {"terms": every, "forms": forms}, ("terms", "forms"), size=True
        ),
        "variance_share": Estimator(variance_share, {"block": list(BLOCKS), "form": forms}),
        "standardised_gaps": Estimator(standardised_gaps, {}),
        "item_gaps": Estimator(item_gaps, {}),
        "nudge_effects": Estimator(nudge_effects, {"outcome": list(OUTCOMES)}),
    }
