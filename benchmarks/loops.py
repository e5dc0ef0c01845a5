"""The estimates of the benchmark as one would write them with statsmodels: formulas and loops."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, combinations

import numpy as np
import pandas as pd
import statsmodels.api as sm
import statsmodels.formula.api as smf

from coprod.arms import OUTCOMES
from coprod.instrument import Instrument
from coprod.panel import Panel
from coprod.regression import BLOCKS, PERCEPTIONS
from coprod.scales import indices

__all__ = ["TASKS", "complete", "experiment"]

SAMPLES, DRAWS = 1, 5
"""Bootstrap samples and assignments that a loop goes over, of 2,000 and of 10,000."""


def _columns(instrument: Instrument) -> dict[str, list[str]]:
    """The terms of a formula, by block."""
    found: dict[str, list[str]] = {name: [] for name in BLOCKS}
    for name in instrument.background:
        category = instrument.variables[name].kind == "category"
        found["background"].append(f"C({name})" if category else name)
    for name in instrument.perceptions:
        found[PERCEPTIONS[name][0]].append(name)
    return found


def complete(panel: Panel) -> pd.DataFrame:
    """Rows that lack nothing, with numbers standardised and categories as text."""
    instrument = panel.instrument
    names = [*instrument.background, *instrument.perceptions]
    kept = ["respondent", "area", "issue", "weight", *panel.instrument.forms]
    frame = indices(panel)[[*kept, *names]].dropna().reset_index(drop=True)
    share = frame["weight"] / frame["weight"].sum()
    for name in frame:
        if name in names and pd.api.types.is_numeric_dtype(frame[name]):
            mean = share @ frame[name]
            frame[name] = (frame[name] - mean) / np.sqrt(share @ (frame[name] - mean) ** 2)
        elif isinstance(frame[name].dtype, pd.CategoricalDtype):
            frame[name] = frame[name].astype(str)
    return frame.assign(person=pd.factorize(frame["respondent"])[0])


def experiment(panel: Panel) -> pd.DataFrame:
    """Everybody in the experiment, with gaps of what was known before as the mean."""
    frame = panel.frame[panel.frame["arm"].notna()]
    names = ["area", "arm", "intends", *panel.instrument.background, *OUTCOMES]
    frame = frame[names].reset_index(drop=True)
    for name in ("intends", *panel.instrument.background):
        if pd.api.types.is_numeric_dtype(frame[name]):
            frame[name] = frame[name].fillna(frame[name].mean())
        else:
            frame[name] = frame[name].astype(object).fillna("unknown").astype(str)
    return frame.assign(area=frame["area"].astype(str), arm=frame["arm"].astype(str))


def means(panel: Panel) -> float:
    """The mean and the share at zero of each form and issue, a regression on a constant each."""
    frame = indices(panel)
    for form in panel.instrument.forms:
        for issue in panel.instrument.issues:
            rows = frame[(frame["issue"] == issue) & frame[form].notna()]
            for outcome in (rows[form], (rows[form] == 0).astype(float)):
                model = sm.WLS(outcome, np.ones(len(rows)), weights=rows["weight"])
                model.fit(
                    cov_type="cluster", cov_kwds={"groups": pd.factorize(rows["respondent"])[0]}
                )
    return 1.0


def regression(panel: Panel) -> float:
    """One formula, with errors clustered by respondent."""
    frame = complete(panel)
    terms = chain.from_iterable(_columns(panel.instrument).values())
    formula = "collective ~ C(area) + C(issue) + " + " + ".join(terms)
    groups = {"groups": frame["person"]}
    smf.wls(formula, frame, weights=frame["weight"]).fit(cov_type="cluster", cov_kwds=groups)
    return 1.0


def forms(panel: Panel) -> float:
    """Both forms stacked, and every coefficient interacted with the form."""
    frame = complete(panel)
    stacked = pd.concat(
        [
            frame.assign(index_=frame[form], own=float(place))
            for place, form in enumerate(panel.instrument.forms)
        ],
        ignore_index=True,
    )
    terms = " + ".join(chain.from_iterable(_columns(panel.instrument).values()))
    formula = f"index_ ~ own * (C(area) + C(issue) + {terms})"
    model = smf.wls(formula, stacked, weights=stacked["weight"])
    model.fit(cov_type="cluster", cov_kwds={"groups": stacked["person"]})
    return 1.0


def blocks(panel: Panel) -> float:
    """R² of every subset of blocks in samples of respondents drawn again."""
    frame = complete(panel)
    parts = _columns(panel.instrument)
    rows = frame.groupby("person").indices
    generator = np.random.default_rng(1)
    for _ in range(SAMPLES):
        people = generator.integers(0, len(rows), len(rows))
        sample = frame.iloc[np.concatenate([rows[person] for person in people])]
        for size in range(len(parts) + 1):
            for chosen in combinations(parts, size):
                terms = ["C(area)", "C(issue)", *chain.from_iterable(parts[b] for b in chosen)]
                formula = "collective ~ " + " + ".join(terms)
                _ = smf.wls(formula, sample, weights=sample["weight"]).fit().rsquared
    return 2_000 / SAMPLES


def effects(panel: Panel) -> float:
    """Each comparison and outcome, with strata effects and with Lin's interactions, HC2."""
    for pair, outcome in _compared(panel):
        smf.ols(f"{outcome} ~ treated + C(area)", pair).fit(cov_type="HC2")
        known = " + ".join(["C(area)", "intends", *_columns(panel.instrument)["background"]])
        plain = smf.ols(f"{outcome} ~ {known}", pair)
        covariates = plain.exog[:, 1:] - plain.exog[:, 1:].mean(axis=0)
        treated = pair["treated"].to_numpy()[:, None]
        design = np.column_stack([np.ones(len(pair)), treated, covariates, treated * covariates])
        sm.OLS(plain.endog, design).fit(cov_type="HC2")
    return 1.0


def randomisation(panel: Panel) -> float:
    """Each comparison and outcome assigned again within areas, a regression each."""
    generator = np.random.default_rng(1)
    for pair, outcome in _compared(panel):
        for _ in range(DRAWS):
            again = pair.groupby("area")["treated"].transform(generator.permutation)
            smf.ols(f"{outcome} ~ treated + C(area)", pair.assign(treated=again)).fit()
    return 10_000 / DRAWS


def _compared(panel: Panel) -> list[tuple[pd.DataFrame, str]]:
    frame = experiment(panel)
    control, *arms = panel.instrument.arms
    found = []
    for outcome in OUTCOMES:
        known = frame[frame[outcome].notna()]
        for given in [[arm] for arm in arms] + [arms]:
            pair = known[known["arm"].isin([control, *given])]
            found.append((pair.assign(treated=(pair["arm"] != control).astype(float)), outcome))
    return found


TASKS: dict[str, Callable[[Panel], float]] = {
    "means": means,
    "regression": regression,
    "forms": forms,
    "blocks": blocks,
    "effects": effects,
    "randomisation": randomisation,
}
"""Each returns by how much its time is to be multiplied."""
