"""Whether verdicts follow the truth: panels drawn under scenarios, and every claim judged on each.

``python -m coprod.claim_recovery`` (``make recovery``) draws panels as designed, without a relation
of self-efficacy, with strong nudges and with forms that are alike; works out under each scenario which
claims are true; and writes how often a verdict is the opposite of the truth to
`data/claim_errors.csv`.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coprod.claim_estimates import COLUMNS, estimators
from coprod.claim_rules import Claim, load_claims
from coprod.claims import INCONCLUSIVE, NOT_SUPPORTED, SUPPORTED, estimates, verdicts
from coprod.design import Design, load_design
from coprod.errors import ValidityError
from coprod.experiment_recovery import true_effects, with_effects
from coprod.instrument import load_instrument
from coprod.parallel import Progress, Workers, add_arguments, command, run, show_progress
from coprod.paths import CLAIM_ERRORS
from coprod.recovery import drawn_panel, exchangeable, write_recovery
from coprod.synthetic import truth
from coprod.truth import KEYS, draw_truth, fingerprint, read_kept

__all__ = ["SCENARIOS", "claim_recovery", "claim_truth", "read_claim_errors", "scenario"]

Floats = NDArray[np.float64]
Known = Mapping[tuple[str, ...], float]

SEED = 20160205
PANELS = 100
PEOPLE = 500_000

SCENARIOS = {
    "design": "As designed",
    "no efficacy": "Self-efficacy unrelated",
    "strong nudges": "Strong nudges",
    "equal forms": "Forms alike",
}
"""What is drawn, and its label."""


def scenario(name: str) -> Design:
    """The design of a scenario.

    Examples
    --------
    >>> scenario("no efficacy")["propensity.perceptions.collective.efficacy"]
    0.0
    >>> scenario("strong nudges")["experiment.effects"]["norm"]
    0.6
    """
    if name == "no efficacy":
        forms = load_instrument().forms
        return load_design(
            changes={f"propensity.perceptions.{form}.efficacy": 0.0 for form in forms}
        )
    if name == "strong nudges":
        arms = list(load_instrument().arms)
        return with_effects(dict.fromkeys(arms[1:], 0.6))
    if name == "equal forms":
        return exchangeable()
    if name == "design":
        return load_design()
    raise ValidityError(f"scenario: no {name!r}; allowed are {', '.join(SCENARIOS)}")


# The true values of each function of `coprod.claim_estimates`, from rows that name its estimates.


def _coefficients(rows: pd.DataFrame, known: Known) -> list[float]:
    return [
        known["fit", row.issue, row.form, row.term, row.level, "estimate_sd"]
        for row in rows.itertuples()
    ]


def _leads(rows: pd.DataFrame, known: Known) -> list[float]:
    own = _coefficients(rows, known)
    other = _coefficients(rows.assign(term=rows["against"], level=""), known)
    return [one - abs(two) for one, two in zip(own, other, strict=True)]


def _form_differences(rows: pd.DataFrame, known: Known) -> list[float]:
    return [
        known["compare_forms", "all", "", row.term, row.level, "difference_sd"]
        for row in rows.itertuples()
    ]


def _issue_differences(rows: pd.DataFrame, known: Known) -> list[float]:
    def on(issue: str, form: str, term: str, level: str) -> float:
        own, everywhere = (
            known.get(("fit", name, "", term, "", "scale"), 1.0) for name in (issue, "all")
        )
        points = known["fit", issue, form, term, level, "estimate"] / own * everywhere
        return points / known["fit", "all", form, "", "", "spread"]

    return [
        on(row.issue, row.form, row.term, row.level)
        - on(row.against, row.form, row.term, row.level)
        for row in rows.itertuples()
    ]


def _variance_share(rows: pd.DataFrame, known: Known) -> list[float]:
    return [known["blocks", "all", row.form, row.term, "", "ordered"] for row in rows.itertuples()]


def _standardised_gaps(rows: pd.DataFrame, known: Known) -> list[float]:
    return [known["gaps", row.issue, "", "", "", "standardised"] for row in rows.itertuples()]


def _item_gaps(rows: pd.DataFrame, known: Known) -> list[float]:
    return [
        known["shares", row.issue, "collective", row.against, "0", "share"]
        - known["shares", row.issue, "individual", row.term, "0", "share"]
        for row in rows.itertuples()
    ]


def _nudge_effects(rows: pd.DataFrame, known: Known) -> list[float]:
    return [known["nudge", row.term, row.against] for row in rows.itertuples()]


TRUE: dict[str, Callable[[pd.DataFrame, Known], list[float]]] = {
    "coefficients": _coefficients,
    "leads": _leads,
    "form_differences": _form_differences,
    "issue_differences": _issue_differences,
    "variance_share": _variance_share,
    "standardised_gaps": _standardised_gaps,
    "item_gaps": _item_gaps,
    "nudge_effects": _nudge_effects,
}


def claim_truth(
    design: Design | None = None,
    claims: Mapping[str, Claim] | None = None,
    people: int = PEOPLE,
    jobs: Workers = 1,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Which claims are true of the population that a design describes.

    Parameters
    ----------
    design
        The design; `data/design.yml` where None, whose true values are kept in `data/truth.csv`.
    claims
        Those of `data/claims.yml` where None.
    people
        How many are drawn for the true values.
    jobs, progress
        As for :func:`coprod.parallel.run`.

    Returns
    -------
    DataFrame
        One row a claim that can be tested: `id`, `true` (whether the true values lie in the region
        of its rule, all or any of them as the rule says), `value` (that which decides), `margin`
        (its distance from the nearest end of the region, above zero inside).

    Examples
    --------
    >>> claims = {"c2": load_claims()["c2"]}
    >>> claim_truth(scenario("no efficacy"), claims, people=40_000)["true"].item()
    False
    """
    claims = {name: claim for name, claim in (claims or load_claims()).items() if claim.rule}
    kept = design is None or fingerprint(design) == fingerprint()
    values = truth() if kept else draw_truth(design, people, jobs=jobs, progress=progress)
    known: dict[tuple[str, ...], float] = dict(
        zip(values[list(KEYS)].itertuples(index=False, name=None), values["value"], strict=True)
    )
    for row in true_effects(design, people, jobs=jobs, progress=progress).itertuples():
        unit = row.control_sd if row.outcome == "willing" else 1.0
        known["nudge", row.arm, row.outcome] = row.truth / unit
    # Whatever panel it is, a function gives the same estimates in the same order.
    named = estimates(drawn_panel(design, np.random.SeedSequence(SEED)), claims)
    return pd.DataFrame(
        [
            {"id": name, **_true(claim, named[named["id"] == name][list(COLUMNS)], known)}
            for name, claim in claims.items()
        ]
    )


def _true(claim: Claim, rows: pd.DataFrame, known: Known) -> dict[str, object]:
    rule = claim.rule
    assert rule
    values = np.array(TRUE[claim.function](rows, known))
    if estimators()[claim.function].size:
        values = abs(values)
    margin = np.minimum(values - rule.lower, rule.upper - values)
    decides = int(margin.argmin() if rule.combine == "all" else margin.argmax())
    return {"true": bool(margin[decides] >= 0), "value": values[decides], "margin": margin[decides]}


@lru_cache
def _tested() -> dict[str, Claim]:
    return {name: claim for name, claim in load_claims().items() if claim.rule}


def _judged(design: Design, seed: np.random.SeedSequence) -> list[str]:
    """The verdicts on one panel, in the order of the claims."""
    panel = drawn_panel(design, seed)
    found = verdicts(estimates(panel, _tested()), panel, _tested())
    for row in found[found["reason"] != ""].itertuples():
        raise ValidityError(f"claim {row.id} {row.verdict}: {row.reason}")
    return found["verdict"].tolist()


def claim_recovery(
    panels: int = PANELS,
    seed: int = SEED,
    jobs: Workers = 1,
    people: int = PEOPLE,
    progress: Progress | None = None,
    names: Sequence[str] = tuple(SCENARIOS),
) -> pd.DataFrame:
    """How often each verdict falls, and how often it is the opposite of the truth.

    Parameters
    ----------
    panels
        How many are drawn in each scenario.
    seed
        Of the panels; every scenario has the same seeds, so that only what it changes differs.
    jobs
        As for :func:`coprod.parallel.run`.
    people
        Drawn for the true values under each scenario.
    progress
        Told how many panels are done, and of how many.
    names
        Which of :data:`SCENARIOS`.

    Returns
    -------
    DataFrame
        One row a scenario and claim that can be tested: `scenario`, `id`, `true`, `value`, `margin`
        (as of :func:`claim_truth`), `supported`, `not_supported`, `inconclusive` (panels with each
        verdict), `errors` (panels whose verdict is the opposite of the truth), `panels`, `people`,
        `seed`, `rule` (twelve digits of all that decides a verdict), `design`.

    Raises
    ------
    ValidityError
        If there is no panel, a scenario does not exist, or a claim cannot be tested on a panel.
    """
    if panels < 1:
        raise ValidityError(f"panels: {panels} is too few; at least one is needed")
    claims, designs = _tested(), {name: scenario(name) for name in names}
    seeds = np.random.SeedSequence(seed).spawn(panels)
    work = [(design, child) for design in designs.values() for child in seeds]
    fallen = np.array(list(run(_judged, work, jobs, progress))).reshape(len(designs), panels, -1)
    tables = []
    for design, (name, verdict) in zip(
        designs.values(), zip(designs, fallen, strict=True), strict=True
    ):
        table = claim_truth(design, claims, people, jobs)
        counts = {
            "supported": (verdict == SUPPORTED).sum(axis=0),
            "not_supported": (verdict == NOT_SUPPORTED).sum(axis=0),
            "inconclusive": (verdict == INCONCLUSIVE).sum(axis=0),
        }
        errors = np.where(table["true"], counts["not_supported"], counts["supported"])
        tables.append(table.assign(scenario=name, **counts, errors=errors))
    result = pd.concat(tables, ignore_index=True)
    result.insert(0, "scenario", result.pop("scenario"))
    return result.assign(
        panels=panels,
        people=people,
        seed=seed,
        rule=[_digest(claims[name]) for name in result["id"]],
        design=fingerprint(),
    )


def _digest(claim: Claim) -> str:
    """Twelve digits of all that decides a verdict."""
    rule = asdict(claim.rule) if claim.rule else {}
    rule.pop("why", None)
    content = [claim.function, sorted(claim.arguments.items()), sorted(rule.items())]
    return hashlib.sha256(repr(content).encode()).hexdigest()[:12]


def read_claim_errors(
    path: Path = CLAIM_ERRORS, claims: Mapping[str, Claim] | None = None
) -> pd.DataFrame:
    """The table as it was written; see :func:`claim_recovery`.

    Returns
    -------
    DataFrame
        With `current` in place of `rule`: whether the claim still has the rule that was tried.

    Raises
    ------
    ValidityError
        When it is not there, or design or codebook have changed since: `make recovery` makes it.
    """
    table = read_kept(path, "make recovery")
    now = {name: _digest(claim) for name, claim in (claims or load_claims()).items()}
    return table.assign(current=table.pop("rule") == table["id"].map(now))


def main(arguments: Sequence[str] | None = None) -> None:
    """Write `data/claim_errors.csv`."""
    parser = argparse.ArgumentParser(prog="coprod.claim_recovery", description=__doc__)
    parser.add_argument("panels", nargs="?", type=int, default=PANELS, help="how many to draw")
    add_arguments(parser)
    given = parser.parse_args(arguments)
    found = claim_recovery(given.panels, jobs=given.jobs, progress=show_progress)
    write_recovery(found, CLAIM_ERRORS)


if __name__ == "__main__":
    command("coprod.claim_recovery")
