"""Draws a panel from `data/design.yml`: a graded-response model with known parameters.

The propensity of a form on an issue is the sum of background, a part of the respondent, a part
of the respondent on that issue, the area, and what the respondent thinks of the issue. An
action is 1 or 2 as loading × propensity + a standard logistic passes threshold − spread and
threshold + spread (Samejima 1969).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from coprod.design import Design, load_design
from coprod.instrument import Instrument, Variable, load_instrument, ordered
from coprod.weights import margins_frame, rake

__all__ = ["draw_population", "synthesise", "truth", "write_frame", "write_panel"]

Array = np.ndarray

# Every part of the model has its own stream, so that a change of one leaves the others' draws.
STREAMS = ("people", "background", "perceptions", "propensity", "items", "experiment", "missing")


def synthesise(
    design: Design | None = None,
    respondents: int | None = None,
    seed: int | np.random.SeedSequence | None = None,
) -> pd.DataFrame:
    """Draw a panel: people who answered, with their weights and the answers they left out.

    Parameters
    ----------
    design
        The design; `data/design.yml` where None.
    respondents
        How many people, shared among the areas as in the design; as the design has it where None.
    seed
        The seed; the design's where None. The same seed gives the same panel.

    Returns
    -------
    DataFrame
        One row a respondent, the columns and types of `Panel.frame`.

    Raises
    ------
    ValidityError
        When there are so few respondents that their weights cannot be raked to the margins.

    Examples
    --------
    >>> panel = synthesise(respondents=1000, seed=1)
    >>> panel["area"].value_counts(sort=False).to_dict()
    {'A': 275, 'B': 230, 'C': 198, 'D': 163, 'E': 134}
    """
    design = design or load_design()
    instrument = load_instrument()
    streams = _streams(design["seed"] if seed is None else seed)
    area = np.repeat(np.arange(len(instrument.areas)), _sizes(design, instrument, respondents))
    frame = _people(design, instrument, area, streams, responded=True)
    bands = instrument.variables["age"].banded(frame["age"])
    margins = margins_frame(design["margins"])
    weights, _ = rake(frame[["area", "gender"]].assign(age=bands), margins)
    frame["weight"] = weights.round(6)
    _leave_out(frame, design, instrument, bands.cat.codes.to_numpy(), streams["missing"])
    digits = max(4, len(str(len(frame))))
    numbers = pd.Series(range(1, len(frame) + 1)).astype("str").str.zfill(digits)
    frame["respondent"] = "R" + numbers
    frame["source"] = ordered(np.zeros(len(frame), int), instrument.variables["source"].levels)
    return frame[list(instrument.variables)]


def draw_population(
    people: int, design: Design | None = None, seed: int | np.random.SeedSequence | None = None
) -> pd.DataFrame:
    """Draw residents of the five areas with all of their answers: no selection, no gaps.

    Parameters
    ----------
    people
        How many, shared among the areas as the respondents of the design are.
    design, seed
        As for `synthesise`; a `SeedSequence` serves to draw a population in chunks.

    Returns
    -------
    DataFrame
        One row a person: the columns of a panel but `source`, `respondent` and `weight`.

    Examples
    --------
    >>> draw_population(1000, seed=1).isna().any().any()
    np.False_
    """
    design = design or load_design()
    instrument = load_instrument()
    streams = _streams(design["seed"] if seed is None else seed)
    area = np.repeat(np.arange(len(instrument.areas)), _sizes(design, instrument, people))
    return _people(design, instrument, area, streams, responded=False)


def truth() -> pd.DataFrame:
    """The true value of every estimand of the chapters, in the population of `data/design.yml`.

    What an estimator would give for everybody: the same projection, complete answers, population
    standard deviations. Drawn once by ``make truth`` and kept in `data/truth.csv`;
    :func:`coprod.truth.draw_truth` draws it for another design.

    Returns
    -------
    DataFrame
        One row a value: `estimand` (the function that estimates it), `issue` ('all' for all of
        them pooled), `form`, `term`, `level` (coefficient, block, area, item, … as in the
        function's own table), `statistic` (the column of that table; `spread` is the index's SD,
        `…_sd` is in SDs, and bias-corrected shares of R² have their plain name), '' where there
        is none; `value`, `error` (its Monte Carlo standard error), `people` (drawn), `seed`,
        `design` (:func:`coprod.truth.fingerprint` of design and codebook).

    Raises
    ------
    ValidityError
        When design or codebook have changed since: `make truth` draws the values anew.

    Examples
    --------
    >>> known = truth().query("estimand == 'fit' and term == 'efficacy' and issue == 'all'")
    >>> known.set_index(["form", "statistic"])["value"]["collective", "estimate_sd"].round(2)
    np.float64(0.23)
    """
    # Imported here, since the truth is drawn by this module and estimated by all the others.
    from coprod.truth import read_truth

    return read_truth()


def write_panel(path: Path, respondents: int | None = None, seed: int | None = None) -> None:
    """Write a synthetic panel as CSV.

    Parameters
    ----------
    path
        The file to write.
    respondents, seed
        As for `synthesise`.
    """
    write_frame(synthesise(respondents=respondents, seed=seed), path)


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """A panel's frame as CSV: whole numbers without a point, empty cells where nothing is known."""
    import pyarrow as pa
    from pyarrow import csv

    variables = load_instrument().variables
    columns = {}
    for name in frame:
        values = frame[name]
        if variables[str(name)].kind == "integer":
            gaps = values.isna().to_numpy()
            columns[name] = pa.array(values.fillna(0).to_numpy().astype(np.int16), mask=gaps)
        elif variables[str(name)].kind == "number":
            columns[name] = pa.array(values.to_numpy())
        else:
            columns[name] = pa.array(values.astype(object), pa.string(), from_pandas=True)
    with path.open("wb") as file:
        file.write((",".join(map(str, frame)) + "\n").encode())
        options = csv.WriteOptions(include_header=False, quoting_style="none")
        csv.write_csv(pa.table(columns), file, options)


def _streams(seed: int | np.random.SeedSequence) -> dict[str, np.random.Generator]:
    sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    children = sequence.spawn(len(STREAMS))
    return {
        name: np.random.Generator(np.random.PCG64(child))
        for name, child in zip(STREAMS, children, strict=True)
    }


def _sizes(design: Design, instrument: Instrument, people: int | None) -> Array:
    sizes = np.array([design["sample.respondents"][area] for area in instrument.areas])
    if people is None:
        return sizes
    # Largest remainders: the shares of the areas as near as whole people allow.
    exact = people * sizes / sizes.sum()
    whole = np.floor(exact).astype(int)
    whole[np.argsort(whole - exact, kind="stable")[: people - whole.sum()]] += 1
    return whole


def _people(
    design: Design,
    instrument: Instrument,
    area: Array,
    streams: Mapping[str, np.random.Generator],
    responded: bool,
) -> pd.DataFrame:
    frame = pd.DataFrame({"area": ordered(area, instrument.areas)})
    gender, band = _gender_and_band(design, instrument, area, streams["people"], responded)
    _draw_background(frame, design, instrument, gender, band, streams["background"])
    perceptions = _perceptions(design, len(frame), len(instrument.issues), streams["perceptions"])
    theta = _propensities(frame, design, instrument, perceptions, streams["propensity"])
    items = _items(design, instrument, theta, streams["items"])
    columns: dict[str, Array] = {}
    for i, issue in enumerate(instrument.issues):
        for p, stem in enumerate(instrument.perceptions):
            columns[f"{issue}_{stem}"] = perceptions[:, i, p].astype(float)
        for f, form in enumerate(instrument.forms):
            for k, item in enumerate(instrument.items(issue, form)):
                columns[item] = items[:, i, f, k].astype(float)
    experiment = _experiment(design, instrument, area, theta, streams["experiment"])
    return pd.concat([frame, pd.DataFrame(columns), experiment], axis=1)


def _gender_and_band(
    design: Design, instrument: Instrument, area: Array, rng: np.random.Generator, responded: bool
) -> tuple[Array, Array]:
    """Gender and age band from the margins, among all residents or among those who answer."""
    genders, bands = instrument.variables["gender"].levels, instrument.variables["age"].bands
    shares = np.empty((len(instrument.areas), len(genders) * len(bands)))
    for a, name in enumerate(instrument.areas):
        gender = np.array([design["margins.gender"][name][level] for level in genders])
        age = np.array([design["margins.age"][name][band] for band in bands])
        if responded:
            gender = gender * [design["sample.response_gender"][level] for level in genders]
            age = age * [design["sample.response_age"][band] for band in bands]
        shares[a] = np.outer(gender, age).ravel()
    cell = _pick(shares[area] / shares.sum(axis=1)[area, None], rng)
    return cell // len(bands), cell % len(bands)


def _draw_background(
    frame: pd.DataFrame,
    design: Design,
    instrument: Instrument,
    gender: Array,
    band: Array,
    rng: np.random.Generator,
) -> None:
    variables = instrument.variables
    bands, genders = list(variables["age"].bands), list(variables["gender"].levels)

    def by_band(name: str) -> Array:
        return np.array([design[f"background.{name}"][b] for b in bands])[band]

    edges = np.array([*variables["age"].edges, design["background.oldest"] + 1])
    age = rng.integers(edges[band], edges[band + 1])
    employment = np.array(
        [[design["background.employment"][g][b] for b in bands] for g in genders]
    )[gender, band]
    minority = np.array([design["background.minority"][a] for a in instrument.areas])
    frame["age"] = age.astype(float)
    frame["gender"] = ordered(gender, genders)
    for name, codes in {
        "education": _pick(by_band("education"), rng),
        "employment": _pick(employment, rng),
        "tenure": rng.random(len(frame)) < by_band("owns"),
        "disability": rng.random(len(frame)) < by_band("disability"),
        "children": rng.random(len(frame)) < by_band("children"),
        "minority": rng.random(len(frame)) < minority[frame["area"].cat.codes],
    }.items():
        frame[name] = ordered(codes, variables[name].levels)
    years = -by_band("years") * np.log1p(-rng.random(len(frame)))
    frame["years"] = np.minimum(np.floor(years), age)


def _perceptions(design: Design, people: int, issues: int, rng: np.random.Generator) -> Array:
    """Answers 1-5, people × issues × perceptions, from correlated normals."""
    factor = np.linalg.cholesky(np.array(design["perceptions.correlations"]))
    carried = design["perceptions.respondent"]
    kinds = len(factor)
    draws = np.sqrt(carried) * rng.standard_normal((people, 1, kinds)) + np.sqrt(
        1 - carried
    ) * rng.standard_normal((people, issues, kinds))
    return 1 + np.searchsorted(design["perceptions.cuts"], draws @ factor.T)


def _propensities(
    frame: pd.DataFrame,
    design: Design,
    instrument: Instrument,
    perceptions: Array,
    rng: np.random.Generator,
) -> Array:
    """People × issues × forms."""
    people, issues, _ = perceptions.shape
    forms = list(instrument.forms)
    theta = np.empty((people, issues, len(forms)))
    steps = (perceptions - 3.0) / design["propensity.perception_scale"]
    for f, form in enumerate(forms):
        slopes = [design[f"propensity.perceptions.{form}"][p] for p in instrument.perceptions]
        area = np.array([design[f"propensity.area.{form}"][a] for a in instrument.areas])
        fixed = design["propensity.constant"][form] + area[frame["area"].cat.codes]
        for name, effect in design[f"propensity.background.{form}"].items():
            if isinstance(effect, dict):
                levels = [effect.get(level, 0.0) for level in frame[name].cat.categories]
                fixed = fixed + np.array(levels)[frame[name].cat.codes]
            else:
                centre, scale = design["propensity.standard"][name]
                fixed = fixed + effect * (frame[name].to_numpy() - centre) / scale
        theta[:, :, f] = fixed[:, None] + sum(
            slope * steps[:, :, p] for p, slope in enumerate(slopes)
        )
    for part, shape in (("respondent", (people, 1)), ("issue", (people, issues))):
        r = design[f"propensity.{part}_correlation"]
        first, second = rng.standard_normal((2, *shape))
        theta[:, :, 0] += design[f"propensity.{part}"][forms[0]] * first
        theta[:, :, 1] += design[f"propensity.{part}"][forms[1]] * (
            r * first + np.sqrt(1 - r * r) * second
        )
    return theta


def _items(design: Design, instrument: Instrument, theta: Array, rng: np.random.Generator) -> Array:
    """Answers 0-2, people × issues × forms × items."""
    people, issues, forms = theta.shape
    count = len(design["items.thresholds"]["individual"])
    answers = np.empty((people, issues, forms, count), np.int8)
    for f, form in enumerate(instrument.forms):
        loading = np.array(design["items.loadings"][form])
        threshold = np.array(design["items.thresholds"][form])
        spread = design["items.spread"][form]
        for i, issue in enumerate(instrument.issues):
            uniform = rng.random((people, count))
            noise = np.log(uniform) - np.log1p(-uniform)
            passed = loading * theta[:, i, f, None] + noise
            passed -= threshold + design[f"items.issue.{form}"][issue]
            answers[:, i, f] = (passed > -spread).astype(np.int8) + (passed > spread)
    return answers


def _experiment(
    design: Design,
    instrument: Instrument,
    area: Array,
    theta: Array,
    rng: np.random.Generator,
) -> pd.DataFrame:
    people = len(area)
    standard = design["experiment.standard"]
    intends, willing = design["experiment.intends"], design["experiment.willing"]
    collective = (theta[:, :, 1].mean(axis=1) - standard["mean"]) / standard["sd"]
    before = intends["propensity"] * collective
    before = before + intends["noise"] * rng.standard_normal(people)
    issue = rng.integers(len(instrument.issues), size=people)
    arms = list(instrument.arms)
    arm = np.empty(people, int)
    for a in range(len(instrument.areas)):
        rows = np.flatnonzero(area == a)
        # Complete randomisation: whole sets of arms, and a random choice for who is left over.
        whole = np.tile(np.arange(len(arms)), len(rows) // len(arms))
        rest = rng.permutation(len(arms))[: len(rows) % len(arms)]
        arm[rows] = rng.permutation(np.concatenate([whole, rest]))
    effects = np.array([design["experiment.effects"][name] for name in arms])
    after = willing["intends"] * before + effects[arm]
    after = after + willing["noise"] * rng.standard_normal(people)
    asked = design["experiment.signup"]
    odds = np.exp(asked["constant"] + asked["willing"] * after)
    return pd.DataFrame(
        {
            "intends": _points(before, intends, instrument.variables["intends"]),
            "nudge_issue": ordered(issue, instrument.issues),
            "arm": ordered(arm, arms),
            "willing": _points(after, willing, instrument.variables["willing"]),
            "signup": (rng.random(people) < odds / (1 + odds)).astype(float),
        }
    )


def _points(latent: Array, scale: Mapping[str, float], variable: Variable) -> Array:
    points = np.round(scale["mean"] + scale["spread"] * latent)
    return np.clip(points, variable.minimum, variable.maximum)


def _leave_out(
    frame: pd.DataFrame,
    design: Design,
    instrument: Instrument,
    band: Array,
    rng: np.random.Generator,
) -> None:
    """Empty some cells, at rates that depend on gender and age band."""
    variables = instrument.variables
    by_gender = [design["sample.missing_gender"][g] for g in variables["gender"].levels]
    by_age = [design["sample.missing_age"][b] for b in variables["age"].bands]
    factor = np.array(by_gender)[frame["gender"].cat.codes] * np.array(by_age)[band]
    known = {"age", "gender", "nudge_issue", "arm", "signup"}
    for variable in variables.values():
        rate = design["sample.missing"].get(variable.role)
        if rate is not None and variable.name not in known:
            frame[variable.name] = frame[variable.name].mask(rng.random(len(frame)) < rate * factor)


def _pick(shares: Array, rng: np.random.Generator) -> Array:
    """One column a row, with the shares of the row."""
    return (rng.random(len(shares))[:, None] >= shares.cumsum(axis=1)[:, :-1]).sum(axis=1)
