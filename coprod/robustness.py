"""How much a finding depends on the method: one coefficient under several models."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from coprod.correlates import by_form, fit
from coprod.errors import ValidityError
from coprod.fractional import fit_fractional
from coprod.imputation import compare_imputed
from coprod.mixed import fit_mixed
from coprod.panel import Panel
from coprod.sampled import SAMPLED

__all__ = ["across_models"]

MODELS: dict[str, tuple[str, Callable[..., pd.DataFrame]]] = {
    "linear": ("Linear, weighted", fit),
    "unweighted": (
        "Linear, unweighted",
        lambda panel, form: fit(panel, form, weighted=False),
    ),
    "fractional": ("Fractional logit", fit_fractional),
    "mixed": ("Mixed model, unweighted", fit_mixed),
    "imputed": ("Linear, missing answers imputed", compare_imputed),
}
"""Each model over all issues: its label, and the function that fits it to a panel and a form."""


def across_models(panel: Panel, term: str = "efficacy") -> pd.DataFrame:
    """The coefficient of a number in points of the index per SD, under every model.

    The weighted regression of :func:`coprod.correlates.fit` over all issues comes first, then the
    same on each issue, then the other models. That of the fractional logit is an average marginal
    effect.

    Parameters
    ----------
    panel
        The panel.
    term
        A number among the correlates: a perception, `age` or `years`.

    Returns
    -------
    DataFrame
        One row a model and form: `model`, `label`, `form`, `estimate` (points per SD),
        `standard_error`, `low`, `high` (95 %), `n` (rows). The mixed model has no row where the
        panel has one issue, since it needs several answers of a respondent. Where a model took a
        sample of a very large panel, `sampled_from` says of how many respondents.

    Raises
    ------
    ValidityError
        If `term` is no number among the correlates, or as the functions of the models.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> found = across_models(open_panel(), "consulted")
    >>> found.groupby("form")["model"].nunique().tolist()
    [8, 8]
    """
    models = dict(MODELS)
    if len(panel.instrument.issues) < 2:
        del models["mixed"]
    first = models.pop("linear")
    issues = {
        issue: (f"{label} only", lambda panel, form, issue=issue: fit(panel, form, issue))
        for issue, label in panel.instrument.issues.items()
    }
    found = []
    for name, (label, function) in {"linear": first, **issues, **models}.items():
        table = by_form(function, panel)
        rows = table[(table["term"] == term) & (table["level"] == "")]
        if rows.empty:
            numbers = table.loc[(table["level"] == "") & (table["block"] != "intercept"), "term"]
            allowed = ", ".join(dict.fromkeys(numbers))
            raise ValidityError(f"term: {term!r} is not a number among the correlates: {allowed}")
        kept = rows[["form", "estimate", "standard_error", "low", "high", "n"]]
        if SAMPLED in rows:
            kept = kept.assign(**{SAMPLED: rows[SAMPLED]})
        found.append(kept.assign(model=name, label=label))
    table = pd.concat(found, ignore_index=True)
    first_columns = ["model", "label", "form"]
    return table[first_columns + [name for name in table if name not in first_columns]]
