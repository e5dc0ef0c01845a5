"""The weighted cumulative-link model, and average effects of models of its kind.

statsmodels' ``OrderedModel`` accepts weights and ignores them, so the fit is our own. With c
ordered categories, slopes b and thresholds t, P(y > j) = F(xb - t_j), F logistic or normal
(McCullagh 1980, *Journal of the Royal Statistical Society* B 42, 109-142). Errors are those of
``sandwich::vcovCL(type = "HC1")``: G/(G-1) · (n-1)/(n-k), k counting slopes and thresholds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from coprod.design_based import SurveyDesign
from coprod.errors import ValidityError
from coprod.regression import ModelMatrix, Regression, clustered

__all__ = ["CumulativeLink", "average_effects", "delta_method", "joint_covariance"]

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
Link = Literal["logit", "probit"]


def _link(link: Link, z: Floats) -> tuple[Floats, Floats, Floats]:
    """F, its density and the density's slope; z may be infinite."""
    if link == "logit":
        share = special.expit(z)
        density = share * special.expit(-z)
        return share, density, density * (1 - 2 * share)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return special.ndtr(z), density, -np.clip(z, -40, 40) * density


@dataclass(frozen=True)
class CumulativeLink:
    """The weighted maximum-likelihood fit of an ordered outcome, by Newton's method.

    In R: ``MASS::polr(y ~ x, weights = w, method = "logistic" or "probit")``, and with survey
    weights ``survey::svyolr``. Parameters are the slopes, then the thresholds.

    Parameters
    ----------
    codes
        The category of each row, 0 to c - 1, each taken by somebody.
    predictors
        n × k, without an intercept, no column a combination of others.
    weights
        One a row, zero or more.
    names
        The variable of each column, for messages.
    link
        'logit' or 'probit'.

    Raises
    ------
    ValidityError
        If the link does not exist, a category is empty, there are no more rows than parameters, or
        a variable tells categories apart so well that its slope has no bound (separation).

    Examples
    --------
    >>> x = np.array([[0.0], [1.0], [0.0], [1.0], [0.0], [1.0]])
    >>> fit = CumulativeLink(np.array([0, 0, 0, 1, 1, 1]), x, np.ones(6), ["x"])
    >>> fit.parameters.round(4)  # the log odds ratio, log 4, and minus the log odds at 0, log 2
    array([1.3863, 0.6931])
    """

    codes: Codes
    predictors: Floats
    weights: Floats
    names: Sequence[str]
    link: Link = "logit"

    @classmethod
    def of(cls, regression: Regression, codes: Codes) -> CumulativeLink:
        """The logit fit of codes on the predictors of a regression, which must be independent."""
        _ = regression.coefficients  # names the variable that follows from others
        model = regression.model
        names = model.terms["term"].tolist()[1:]
        return cls(codes, model.predictors[:, 1:], model.design.weights, names)

    @cached_property
    def _selected(self) -> tuple[Floats, Floats]:
        """Which threshold is the upper and which the lower bound of each row (n × c-1, 0 or 1)."""
        cuts, codes = np.arange(self.codes.max()), self.codes[:, None]
        return (codes == cuts).astype(float), (codes - 1 == cuts).astype(float)

    def _bounds(self, parameters: Floats) -> tuple[Floats, Floats, Floats]:
        """The latent bounds of each row's category and the probability between them."""
        k = self.predictors.shape[1]
        cuts = np.concatenate([[-np.inf], parameters[k:], [np.inf]])
        linear = self.predictors @ parameters[:k]
        upper, lower = cuts[self.codes + 1] - linear, cuts[self.codes] - linear
        flip = lower > 0  # from the nearer tail, where no digits are lost
        high, low = np.where(flip, -lower, upper), np.where(flip, -upper, lower)
        between = _link(self.link, high)[0] - _link(self.link, low)[0]
        # Thresholds that have crossed give less than nothing: as unlikely as can be.
        return upper, lower, np.maximum(between, 1e-300)

    def _derivatives(self, parameters: Floats) -> tuple[Floats, Floats]:
        """Weighted scores (n × parameters) and the observed information."""
        upper, lower, between = self._bounds(parameters)
        (_, f_up, s_up), (_, f_low, s_low) = _link(self.link, upper), _link(self.link, lower)
        x, w = self.predictors, self.weights
        up, low = self._selected
        g_up, g_low = f_up / between, -f_low / between
        # Minus the second derivatives by upper, by lower, and by both bounds.
        h_up, h_low = w * (g_up**2 - s_up / between), w * (g_low**2 + s_low / between)
        h_both = w * g_up * g_low

        def of(factor: Floats, columns: Floats) -> Floats:
            return factor[:, None] * columns

        scores = np.hstack([of(-w * (g_up + g_low), x), of(w * g_up, up) + of(w * g_low, low)])
        slopes = x.T @ of(h_up + h_low + 2 * h_both, x)
        mixed = -x.T @ (of(h_up + h_both, up) + of(h_low + h_both, low))
        crossed = up.T @ of(h_both, low)
        cuts = up.T @ of(h_up, up) + low.T @ of(h_low, low) + crossed + crossed.T
        information = np.block([[slopes, mixed], [mixed.T, cuts]])
        return scores, information

    @cached_property
    def _fitted(self) -> tuple[Floats, Floats, Floats]:
        """Parameters, scores, inverse information."""
        if self.link not in ("logit", "probit"):
            raise ValidityError(f"link: {self.link!r} is not possible; it is 'logit' or 'probit'")
        taken = np.bincount(self.codes, self.weights)
        if len(taken) < 2 or not (taken > 0).all():
            raise ValidityError("outcome: needs at least two categories, none of them empty")
        n, k = self.predictors.shape
        count = k + len(taken) - 1
        if n <= count:
            raise ValidityError(
                f"the ordered model has {count} parameters and {n} rows; it needs more rows"
            )
        below = taken.cumsum()[:-1] / taken.sum()
        quantile = special.logit if self.link == "logit" else special.ndtri
        parameters = np.concatenate([np.zeros(k), quantile(below)])
        reach = np.concatenate([np.ptp(self.predictors, axis=0), np.ones(len(below))])
        likelihood = self.weights @ np.log(self._bounds(parameters)[2])
        step = np.zeros(count)
        for _ in range(30):
            scores, information = self._derivatives(parameters)
            try:
                newton = np.linalg.solve(information, scores.sum(axis=0))
            except np.linalg.LinAlgError:
                break
            if not np.isfinite(newton).all():
                break
            step = newton
            for _ in range(30):
                moved = parameters + step
                now = self.weights @ np.log(self._bounds(moved)[2])
                if now >= likelihood - 1e-9 * abs(likelihood):
                    break
                step = step / 2
            parameters, likelihood = moved, now
            if np.abs(step * reach).max() < 1e-8:
                scores, information = self._derivatives(parameters)
                return parameters, scores, np.asarray(np.linalg.inv(information))
        # A slope without a bound grows by about the same at every step and never settles.
        name = self.names[int(np.abs(step * reach)[:k].argmax())]
        raise ValidityError(
            f"{name}: tells some categories of the outcome apart without an error, so that its "
            "coefficient has no bound; use more rows or fewer levels, or leave it out"
        )

    @property
    def parameters(self) -> Floats:
        """Slopes, then thresholds in ascending order."""
        return self._fitted[0]

    @property
    def slopes(self) -> Floats:
        """One a column of the predictors, on the scale of the link."""
        return self.parameters[: self.predictors.shape[1]]

    @property
    def thresholds(self) -> Floats:
        """One less than the categories; ``polr(...)$zeta``."""
        return self.parameters[self.predictors.shape[1] :]

    @property
    def covariance(self) -> Floats:
        """Inverse observed information, as ``vcov(polr(...))``: right if weights count cases."""
        return self._fitted[2]

    @property
    def influence(self) -> Floats:
        """How much each row moves each parameter: n × parameters."""
        return self._fitted[1] @ self._fitted[2]


def joint_covariance(design: SurveyDesign, influences: Sequence[Floats]) -> Floats:
    """Covariance of all parameters of m fits on the same rows, clustered by respondent.

    G/(G-1) · (mn-1)/(mn-k) times the squared sums of influence over respondents, as if the m
    outcomes were stacked; k counts the parameters of all of them.

    Examples
    --------
    >>> design = SurveyDesign(np.ones(3), np.arange(3), np.zeros(3, int))
    >>> joint_covariance(design, [np.array([[1.0], [-2.0], [1.0]])])
    array([[9.]])
    """
    return clustered(design.total(np.hstack(influences)), len(design.weights) * len(influences))


def average_effects(
    model: ModelMatrix, parameters: Floats, link: Link = "logit", term: str | None = None
) -> tuple[Floats, Floats]:
    """Average marginal effects on the chance to pass each threshold, and their Jacobian.

    Weighted means over the rows: for a number the derivative, for a category the change from the
    reference level, everybody otherwise as they are.

    Parameters
    ----------
    model
        The rows and what each column is.
    parameters
        Slopes of all columns but the intercept, then thresholds.
    link
        Of the model.
    term
        The one variable whose columns are wanted; all by default.

    Returns
    -------
    effects : ndarray
        Columns × thresholds.
    jacobian : ndarray
        Columns × thresholds × parameters.
    """
    rows, terms = model.predictors[:, 1:], model.terms.iloc[1:]
    k = rows.shape[1]
    slopes, cuts = parameters[:k], parameters[k:]
    weights = model.design.weights / model.design.weights.sum()

    def passing(predictors: Floats, order: int) -> tuple[Floats, Floats]:
        """Mean of F (order 0) or of its density (1) at each threshold, and the derivatives."""
        z = (predictors @ slopes)[:, None] - cuts
        value, slope = _link(link, z)[order : order + 2]
        moved = np.hstack([(weights[:, None] * slope).T @ predictors, -np.diag(weights @ slope)])
        return weights @ value, moved

    density, bent = passing(rows, 1)
    effects = slopes[:, None] * density
    jacobian = slopes[:, None, None] * bent
    names, numeric = terms["term"].to_numpy(), terms["scale"].notna().to_numpy()
    wanted = np.arange(k) if term is None else np.flatnonzero(names == term)
    for at in wanted:
        if numeric[at]:
            jacobian[at, :, at] += density
            continue
        reference = np.where(names == names[at], 0.0, rows)
        level = reference.copy()
        level[:, at] = 1.0
        (there, moved), (here, before) = passing(level, 0), passing(reference, 0)
        effects[at], jacobian[at] = there - here, moved - before
    return effects[wanted], jacobian[wanted]


def delta_method(jacobian: Floats, covariance: Floats, lonely: NDArray[np.bool_]) -> Floats:
    """Standard errors of effects (columns × …), without the error of levels of one respondent."""
    known = np.ones(len(covariance), dtype=bool)
    known[: len(lonely)] = ~lonely
    used = jacobian[..., known]
    variance = np.einsum("...p,pq,...q->...", used, covariance[np.ix_(known, known)], used)
    variance[lonely] = np.nan
    return np.asarray(np.sqrt(variance))
