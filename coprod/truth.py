"""What is true in the population that a design describes, for every estimand of the chapters.

The true value of an estimand is its value in the population: the same weighted projection, on
complete answers, scaled by population standard deviations. Residents are drawn in chunks, and
of each chunk only the mean cross-products of its columns are kept, issue by issue. Everything
follows from them: coefficients from the regression that the panel goes through, shares of R² from
the function that the bootstrap goes through, means and shares from products of indicators.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coprod.blocks import block_statistics
from coprod.compare import spearman
from coprod.design import Design, load_design
from coprod.design_based import SurveyDesign
from coprod.errors import ValidityError
from coprod.forms import GROUPS, PROFILES
from coprod.instrument import Instrument, load_instrument
from coprod.panel import Panel
from coprod.parallel import Progress, Workers, add_arguments, command, run, show_progress
from coprod.paths import TRUTH
from coprod.regression import BLOCKS, ModelMatrix, Regression
from coprod.scales import indices
from coprod.synthetic import draw_population

__all__ = ["KEYS", "draw_truth", "fingerprint", "read_kept", "read_truth", "write_truth"]

Floats = NDArray[np.float64]
Key = tuple[str, str, str, str, str, str]

KEYS = ("estimand", "issue", "form", "term", "level", "statistic")
"""What names a true value, in the order of the columns."""

SEED = 20160202
PEOPLE = 40_000_000
CHUNK, CHUNKS = 100_000, 20
"""People in a chunk at most, and chunks at least, so that their spread tells the error."""


@dataclass(frozen=True)
class _Moments:
    """Mean cross-products of a population.

    The columns are the predictors (numbers as they are, not standardised), the two indices, then
    the indicators by what they say, e.g. ('area', 'B') or ('zero', 'collective').
    """

    terms: pd.DataFrame
    indicators: dict[tuple[str, str], int]
    matrices: Floats
    """Issues × columns × columns."""

    @classmethod
    def of(cls, panel: Panel) -> _Moments:
        """From a panel without weights or gaps."""
        instrument = panel.instrument
        model = ModelMatrix.of(panel, list(instrument.forms), weighted=False)
        if len(model.predictors) < len(panel.long):
            raise ValidityError("truth: somebody in the population lacks an answer")
        numeric = model.terms["scale"].notna().to_numpy()
        raw = model.terms.loc[numeric, ["mean", "scale"]].to_numpy().T
        predictors = model.predictors.copy()
        predictors[:, numeric] = predictors[:, numeric] * raw[1] + raw[0]
        found = _indicators(indices(panel), instrument)
        columns = np.column_stack([predictors, model.outcomes, *found.values()])
        issues = len(instrument.issues)
        matrices = [
            part.T @ part / len(part) for part in (columns[i::issues] for i in range(issues))
        ]
        first = predictors.shape[1] + model.outcomes.shape[1]
        terms = model.terms.assign(mean=np.nan, scale=model.terms["scale"].where(~numeric, 1.0))
        return cls(terms, {name: first + i for i, name in enumerate(found)}, np.array(matrices))


def _indicators(frame: pd.DataFrame, instrument: Instrument) -> dict[tuple[str, str], Floats]:
    """Who belongs to what, as columns of 0 and 1 (and the squared gap between the forms)."""
    individual, collective = frame["individual"].to_numpy(), frame["collective"].to_numpy()
    found: dict[tuple[str, str], Floats] = {("gap", "squared"): (individual - collective) ** 2}

    def add(name: str, levels: Sequence[str], codes: NDArray[np.intp]) -> None:
        for code, level in enumerate(levels):
            found[name, level] = (codes == code).astype(float)

    add("area", list(instrument.areas), frame["area"].cat.codes.to_numpy())
    for form in instrument.forms:
        found["zero", form] = (frame[form] == 0).to_numpy().astype(float)
        for stem in instrument.stems(form):
            add(stem, list(map(str, instrument.answers)), frame[stem].to_numpy())
    add("group", GROUPS, (individual > 0) + 2 * (collective > 0))
    ends = np.array([0, 100 / 3 + 1e-9, 200 / 3 + 1e-9])
    add("profile", list(PROFILES), np.searchsorted(ends, individual, side="left"))
    for name in instrument.background:
        variable = instrument.variables[name]
        values = variable.banded(frame[name]) if variable.bands else frame[name]
        levels = variable.bands or variable.levels
        codes = pd.Categorical(values, list(levels)).codes
        add(name, list(map(str, levels)), codes.astype(np.intp))
    return found


def _estimands(moments: _Moments, instrument: Instrument) -> Iterator[tuple[Key, float]]:
    """Every estimand by its name, and its value."""
    pooled = moments.matrices.mean(axis=0)
    for issue, matrix in zip([*instrument.issues, "all"], [*moments.matrices, pooled], strict=True):
        yield from _correlates(moments, matrix, issue, instrument)
        yield from _levels(moments, matrix, issue, instrument)
    yield from _background(moments, pooled, instrument)


def _correlates(
    moments: _Moments, matrix: Floats, issue: str, instrument: Instrument
) -> Iterator[tuple[Key, float]]:
    forms = list(instrument.forms)
    k = len(moments.terms)
    kept = np.arange(k)
    if issue != "all":
        kept = kept[moments.terms["block"] != "issue"]
    terms = moments.terms.iloc[kept]
    columns = np.concatenate([kept, k + np.arange(len(forms))])
    products = matrix[np.ix_(columns, columns)]
    numeric = np.flatnonzero(terms["scale"].notna())
    mean = products[0, numeric]
    scale = np.sqrt(np.diagonal(products)[numeric] - mean**2)
    standardise = np.eye(len(products))
    standardise[numeric, numeric] = 1 / scale
    standardise[numeric, 0] = -mean / scale
    products = standardise @ products @ standardise.T
    # As many rows as columns, with these cross-products: the regression sees no difference.
    rows = np.linalg.cholesky(products).T
    design = SurveyDesign(np.ones(len(rows)), np.arange(len(rows)), np.zeros(len(rows), np.intp))
    model = ModelMatrix(terms, rows[:, :-2], rows[:, -2:], tuple(forms), design)
    points = Regression(model).coefficients
    level = products[0, -2:]
    spread = np.sqrt(np.diagonal(products)[-2:] - level**2)
    labels = list(zip(terms["term"], terms["level"], strict=True))
    for at, size in zip(numeric, scale, strict=True):
        yield ("fit", issue, "", labels[at][0], "", "scale"), size
    for name, values in (("", points), ("_sd", points / spread)):
        for (term, category), pair in zip(labels, values, strict=True):
            for form, value in zip(forms, pair, strict=True):
                yield ("fit", issue, form, term, category, f"estimate{name}"), value
        for (term, category), pair, block in zip(labels, values, terms["block"], strict=True):
            if block in BLOCKS:
                key: Key = ("compare_forms", issue, "", term, category, f"difference{name}")
                yield key, pair[0] - pair[1]
    yield ("rank_agreement", issue, "", "", "", "correlation"), spearman(points[numeric][None])[0]
    sizes = [int((terms["block"] == name).sum()) for name in BLOCKS]
    for f, form in enumerate(forms):
        yield ("fit", issue, form, "", "", "spread"), spread[f]
        chosen = [*range(len(kept)), len(kept) + f]
        unit = np.sqrt(np.diagonal(products)[chosen])
        part = products[np.ix_(chosen, chosen)] / np.outer(unit, unit)
        explained = block_statistics(part, len(kept) - sum(sizes), sizes)
        names = [*product(("ordered", "last", "shapley"), BLOCKS), ("r2", "")]
        for (statistic, block), value in zip(names, explained, strict=True):
            yield ("blocks", issue, form, block, "", statistic), value
        for at, size, middle in zip(numeric, scale, mean, strict=True):
            term = labels[at][0]
            if term in instrument.perceptions and issue != "all":
                for answer in instrument.variables[f"{issue}_{term}"].levels:
                    value = level[f] + points[at, f] * (answer - middle) / size
                    yield ("predict_over", issue, form, term, str(answer), "prediction"), value


def _levels(
    moments: _Moments, matrix: Floats, issue: str, instrument: Instrument
) -> Iterator[tuple[Key, float]]:
    forms = list(instrument.forms)
    outcome = {form: len(moments.terms) + f for f, form in enumerate(forms)}
    at = moments.indicators
    domains = [("", "", 0), *(("area", area, at["area", area]) for area in instrument.areas)]
    for term, level, domain in domains:
        mean = matrix[domain] / matrix[domain, 0]
        for form in forms:
            yield ("means", issue, form, term, level, "mean"), mean[outcome[form]]
            yield ("means", issue, form, term, level, "zero"), mean[at["zero", form]]
        gap = mean[outcome[forms[0]]] - mean[outcome[forms[1]]]
        spread = np.sqrt(mean[at["gap", "squared"]] - gap**2)
        yield ("gaps", issue, "", term, level, "gap"), gap
        yield ("gaps", issue, "", term, level, "standardised"), gap / spread
    for group in GROUPS:
        yield ("overlap", issue, "", "group", group, "share"), matrix[0, at["group", group]]
    first, second = (outcome[form] for form in forms)
    centred = matrix - np.outer(matrix[0], matrix[0])
    correlation = centred[first, second] / np.sqrt(centred[first, first] * centred[second, second])
    yield ("correlations", issue, "", "", "", "correlation"), correlation
    if issue == "all":
        return
    for form in forms:
        for stem, answer in product(instrument.stems(form), map(str, instrument.answers)):
            yield ("shares", issue, form, stem, answer, "share"), matrix[0, at[stem, answer]]
    for profile in PROFILES:
        row = matrix[at["profile", profile]]
        if not row[0] > 0:
            continue
        mean = row / row[0]
        yield ("profiles", issue, "", "group", profile, "mean"), mean[outcome["collective"]]
        yield ("profiles", issue, "", "group", profile, "any"), 1 - mean[at["zero", "collective"]]


def _background(
    moments: _Moments, matrix: Floats, instrument: Instrument
) -> Iterator[tuple[Key, float]]:
    for name in instrument.background:
        variable = instrument.variables[name]
        levels = list(map(str, variable.bands or variable.levels))
        for f, form in enumerate(instrument.forms):
            found = {level: matrix[moments.indicators[name, level]] for level in levels}
            means = {
                level: row[len(moments.terms) + f] / row[0]
                for level, row in found.items()
                if row[0] > 0
            }
            for place, (level, mean) in enumerate(means.items()):
                yield ("by_background", "all", form, name, level, "mean"), mean
                if place:
                    key: Key = ("by_background", "all", form, name, level, "difference")
                    yield key, mean - next(iter(means.values()))


def _chunk(design: Design, people: int, seed: np.random.SeedSequence) -> _Moments:
    frame = draw_population(people, design, seed)
    frame = frame.assign(respondent=np.arange(people), weight=1.0)
    return _Moments.of(Panel(frame, load_instrument(), source="population", synthetic=True))


def draw_truth(
    design: Design | None = None,
    people: int = PEOPLE,
    seed: int = SEED,
    jobs: Workers = 1,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """The true values under a design, from a population drawn for it.

    Parameters
    ----------
    design
        The design, e.g. a scenario; `data/design.yml` where None.
    people
        How many residents are drawn; the error falls with their square root.
    seed
        Of the draws. The same seed gives the same values, whatever the number of processes.
    jobs
        As for :func:`coprod.parallel.run`.
    progress
        Told how many chunks of people are drawn, and of how many.

    Returns
    -------
    DataFrame
        The columns of :func:`coprod.synthetic.truth`.

    Raises
    ------
    ValidityError
        If there are so few people that a chunk of them cannot be regressed, or lacks a category
        that others have; as :func:`coprod.correlates.fit`.

    Examples
    --------
    >>> from coprod.design import load_design
    >>> none = load_design(changes={"propensity.perceptions.individual.efficacy": 0.0})
    >>> found = draw_truth(none, people=20_000, seed=1).set_index(list(KEYS))
    >>> row = found.loc[("fit", "all", "individual", "efficacy", "", "estimate_sd")]
    >>> bool(row["value"] < 0.05)
    True
    """
    design, instrument = design or load_design(), load_instrument()
    chunks = max(CHUNKS, -(-people // CHUNK))
    sizes = np.diff(np.linspace(0, people, chunks + 1).astype(int))
    seeds = np.random.SeedSequence(seed).spawn(chunks)
    drawn = run(
        _chunk, [(design, int(n), s) for n, s in zip(sizes, seeds, strict=True)], jobs, progress
    )
    total, first = np.zeros(()), None
    keys: list[Key] = []
    values: list[list[float]] = []
    for n, moments in zip(sizes, drawn, strict=True):
        assert isinstance(moments, _Moments)
        first = first or moments
        part = dict(_estimands(moments, instrument))
        if values and list(part) != keys:
            raise ValidityError(f"people: {people:,} are too few to see every category each time")
        keys = list(part)
        values.append(list(part.values()))
        total = total + moments.matrices * (n / people)
    assert first is not None
    found = dict(_estimands(_Moments(first.terms, first.indicators, total), instrument))
    error = np.std(values, axis=0, ddof=1) / np.sqrt(chunks)
    return pd.DataFrame(list(found), columns=list(KEYS)).assign(
        value=list(found.values()),
        error=error,
        people=people,
        seed=seed,
        design=fingerprint(design),
    )


def fingerprint(design: Design | None = None) -> str:
    """Twelve hexadecimal digits of all that decides a number in the design and the codebook.

    Of values, not of files: a reason, a label or a line ending changes no number.

    Examples
    --------
    >>> from coprod.design import load_design
    >>> fingerprint() == fingerprint(load_design(changes={"experiment.effects.norm": 0.2}))
    False
    """
    instrument = load_instrument()
    asked = [
        [
            v.name,
            v.kind,
            v.role,
            v.issue,
            v.form,
            v.minimum,
            v.maximum,
            [*v.levels],
            [*v.bands],
            v.edges,
        ]
        for v in instrument.variables.values()
    ]
    content = [(design or load_design()).values, asked, list(instrument.perceptions)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def read_truth(path: Path = TRUTH) -> pd.DataFrame:
    """The true values as they were written; see :func:`coprod.synthetic.truth`."""
    return read_kept(path, "make truth")


def read_kept(path: Path, command: str) -> pd.DataFrame:
    """A table of this design as it was written, with '' where a key is empty.

    Raises
    ------
    ValidityError
        When it is not there, or design or codebook have changed since; names the command that
        makes it.
    """
    if not path.exists():
        raise ValidityError(f"{path.name} is not there; `{command}` makes it")
    text = {**dict.fromkeys(KEYS, str), "design": str}
    table = pd.read_csv(path, dtype=text).fillna(dict.fromkeys(KEYS, ""))
    if set(table["design"]) != {fingerprint()}:
        raise ValidityError(
            f"{path.name} belongs to another design.yml, margins.yml or codebook.yml than those "
            f"that are there now; `{command}` makes it anew"
        )
    return table


def write_truth(table: pd.DataFrame, path: Path = TRUTH) -> None:
    """Write true values: ten digits, where the first four or five are certain."""
    table.assign(error=table["error"].map("{:.3g}".format)).to_csv(
        path, index=False, float_format="%.10g", lineterminator="\n"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Write `data/truth.csv`."""
    parser = argparse.ArgumentParser(prog="coprod.truth", description=__doc__)
    add_arguments(parser)
    given = parser.parse_args(arguments)
    write_truth(draw_truth(jobs=given.jobs, progress=show_progress))


if __name__ == "__main__":
    command("coprod.truth")
