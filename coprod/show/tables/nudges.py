"""Tables of the nudge experiment: who was in it, what each nudge did, and whether that matters."""

from __future__ import annotations

import pandas as pd

from coprod.panel import Panel
from coprod.show import words
from coprod.show.figures.nudges import OUTCOMES as ANALYSED
from coprod.show.table import INTERVAL, Table, intervals, side_by_side, table
from coprod.show.tables import codebook

__all__ = [
    "arm_effects",
    "arm_flow",
    "arm_texts",
    "balance",
    "equivalence",
    "heterogeneity",
    "randomisation",
]

OUTCOMES = {
    "willing": "Willingness (points)",
    "signup": "Sign-up (percentage points)",
}
ADJUSTMENTS = {"strata": "areas only", "lin": "adjusted for intention and background"}
VERDICTS = {
    "negligible": "too\u00a0small",
    "relevant": "large\u00a0enough",
    "inconclusive": "not\u00a0settled",
}


def _shown(frame: pd.DataFrame, *numbers: str) -> pd.DataFrame:
    """The frame with the outcome named, and differences of a share in percentage points."""
    factor = 1.0 + 99.0 * (frame["outcome"] == "signup")
    scaled = {name: factor * frame[name] for name in numbers}
    return frame.assign(of=frame["outcome"].map(OUTCOMES), **scaled)


def arm_texts(panel: Panel) -> Table:
    """What each arm reads before it says how willing it is."""
    return codebook.arm_texts(panel.instrument, "nudges-texts")


def arm_flow(frame: pd.DataFrame, panel: Panel) -> Table:
    """Who came how far, by area and arm, from `coprod.nudges.flow`."""
    steps = {"invited": "Invited", "answered": "Answered", "randomised": "Randomised"}
    columns = {"label": "Arm", **steps, **ANALYSED}
    if frame["invited"].isna().all():
        del columns["invited"]

    def people(count: float) -> str:
        # Rounded down, so that it is nobody or a few.
        return f"under {panel.min_cell}" if panel.min_cell and count == 0 else words.number(count)

    return table(
        frame,
        "nudges-flow",
        columns,
        formats={name: people for name in columns if name != "label"},
        stub="label",
        group="area_label",
        spanners={"Analysed": list(ANALYSED)},
        panel=panel,
    )


def balance(frame: pd.DataFrame, panel: Panel) -> Table:
    """How alike the arms were before the experiment, from `coprod.nudges.balance`."""
    shown = frame[frame["family"] == "arms"]
    share = shown["level"] != ""
    written = {
        column: [
            words.percent(value, 1) if of_group else words.number(value, 1)
            for value, of_group in zip(shown[column], share, strict=True)
        ]
        for column in ("mean_arm", "mean_control")
    }
    shown = shown.assign(
        **written,
        name=[
            words.term_name(*pair)
            for pair in zip(shown["variable_label"], shown["level_label"], strict=True)
        ],
    )
    arms = dict(zip(shown["arm"], shown["label"], strict=True))
    own = {"mean_arm": "Mean", "standardised": "Diff."}
    wide, columns, spanners = side_by_side(shown, ["name"], "arm", arms, own)
    control = shown.drop_duplicates("name").set_index("name")["mean_control"]
    return table(
        wide.assign(control=wide["name"].map(control)),
        "nudges-balance",
        {"name": "Before the experiment", "control": "Control", **columns},
        formats={
            "control": str,
            **{name: 2 if name.startswith("standardised") else str for name in columns},
        },
        stub="name",
        spanners=spanners,
        notes=[
            "Diff.: difference from control within areas, over the mean spread of both groups. "
            "Unweighted.",
        ],
        panel=panel,
        numbers=frame,
    )


def arm_effects(frame: pd.DataFrame, panel: Panel) -> Table:
    """What each nudge did, from `coprod.nudges.effects` with one kind of weights."""
    weighted = frame["weights"].iloc[0] == "weighted"
    shown = _shown(frame, "estimate", "low", "high")
    shown = shown.sort_values(["outcome", "adjustment"], ascending=False, kind="stable")
    adjusted = shown["adjustment"].map(ADJUSTMENTS)
    left = sorted({name for names in frame["left_out"] for name in names.split(", ") if name})
    notes = [
        f"{'Weighted to the population' if weighted else 'Unweighted'}. SD: of the control group. "
        "Holm: p adjusted over the arms and both outcomes; for any nudge over both outcomes. "
        "People: of the arm and of control.",
    ]
    if left:
        notes.append(f"Not adjusted for in every row: {words.listing(left)}.")
    return table(
        shown.assign(of=shown["of"] + ", " + adjusted, interval=_unbroken(shown, "low", "high", 2)),
        "nudges-population" if weighted else "nudges-effects",
        {
            "label": "Arm",
            "estimate": "Effect",
            "interval": INTERVAL,
            "estimate_sd": "In SD",
            "p": "p",
            "p_holm": "Holm",
            "n": "People",
        },
        formats={
            "estimate": 2,
            "interval": str,
            "estimate_sd": 2,
            "p": words.p_short,
            "p_holm": words.p_short,
            "n": 0,
        },
        stub="label",
        group="of",
        notes=notes,
        panel=panel,
        numbers=frame,
    )


def randomisation(tests: pd.DataFrame, effects: pd.DataFrame, panel: Panel) -> Table:
    """The randomisation test beside the model.

    Parameters
    ----------
    tests
        `coprod.nudges.randomisation_test`.
    effects
        `coprod.nudges.effects` of the same comparisons, by strata and unweighted.
    panel
        Where the numbers come from.
    """
    ends = ["low", "high", "p"]
    shown = _shown(tests, "estimate", "low", "high")
    model = _shown(effects, "low", "high")[["arm", "outcome", *ends]]
    shown = shown.merge(model, on=["arm", "outcome"], suffixes=("", "_model"))
    return table(
        shown.assign(
            chance=_unbroken(shown, "low", "high", 2),
            model=_unbroken(shown, "low_model", "high_model", 2),
        ),
        "nudges-randomisation",
        {
            "label": "Arm",
            "estimate": "Effect",
            "chance": INTERVAL,
            "p": "p",
            "p_holm": "Holm",
            "model": INTERVAL,
            "p_model": "p",
        },
        formats={
            "estimate": 2,
            "chance": str,
            "p": words.p_short,
            "p_holm": words.p_short,
            "model": str,
            "p_model": words.p_short,
        },
        stub="label",
        group="of",
        spanners={"By chance": ["chance", "p", "p_holm"], "By the model": ["model", "p_model"]},
        notes=[
            f"Differences within areas, unweighted. {words.number(tests['draws'].iloc[0])} draws.",
        ],
        panel=panel,
        numbers=shown,
    )


def equivalence(frame: pd.DataFrame, panel: Panel) -> Table:
    """Whether each effect is shown to be too small to matter, from `coprod.nudges.equivalence`."""
    units = {"willing": "Willingness (SD)", "signup": OUTCOMES["signup"]}
    shown = _shown(frame, "estimate", "low", "high", "largest", "margin")
    return table(
        shown.assign(
            of=[
                f"{units[outcome]}, margin {words.number(margin, 2 if outcome == 'willing' else 1)}"
                for outcome, margin in zip(shown["outcome"], shown["margin"], strict=True)
            ],
            interval=_unbroken(shown, "low", "high", 2),
            verdict=shown["verdict"].map(VERDICTS),
        ),
        "nudges-equivalence",
        {
            "label": "Arm",
            "estimate": "Effect",
            "interval": "90% interval",
            "largest": "Largest",
            "verdict": "Verdict",
            "probability_negligible": "Chance",
            "bayes_factor": "Bayes",
        },
        formats={
            "estimate": 2,
            "interval": str,
            "largest": 2,
            "probability_negligible": _chance,
            "bayes_factor": 2,
        },
        stub="label",
        group="of",
        notes=[
            "Largest: the largest effect, of either sign, that is not ruled out at 5%. Chance: that "
            "the effect lies between the margins, with a flat prior. Bayes: the Bayes factor of an "
            "effect against none.",
        ],
        panel=panel,
        numbers=frame,
    )


def heterogeneity(frame: pd.DataFrame, panel: Panel) -> Table:
    """Whether a nudge works better for some, from `coprod.nudges.heterogeneity`."""
    shown = _shown(frame, "estimate", "low", "high", "detectable")
    shown = shown.assign(of=shown["moderator_label"] + ": " + shown["of"].str.lower())
    keys = ["of", "arm", "label"]
    wide = shown.pivot(index=keys, columns="contrast", values="estimate").reset_index()
    rows = shown[shown["contrast"] == "difference"].merge(wide, on=keys)
    return table(
        rows.assign(interval=_unbroken(rows, "low_x", "high_x", 2)),
        "nudges-heterogeneity",
        {
            "label": "Arm",
            "low_y": "One SD below",
            "high_y": "One SD above",
            "estimate": "Per SD",
            "interval": INTERVAL,
            "p_holm": "Holm",
            "detectable": "Detectable",
        },
        formats={
            "low_y": 2,
            "high_y": 2,
            "estimate": 2,
            "interval": str,
            "p_holm": words.p_short,
            "detectable": 2,
        },
        stub="label",
        group="of",
        spanners={"Effect": ["low_y", "high_y"], "Difference": ["estimate", "interval", "p_holm"]},
        notes=[
            "Areas only, unweighted. Detectable: the true difference per SD that this experiment "
            "finds, before Holm's correction, with a chance of 80%.",
        ],
        panel=panel,
        numbers=frame,
    )


def _unbroken(frame: pd.DataFrame, low: str, high: str, decimals: int) -> list[str]:
    """Intervals that stay on one line where a table is wide."""
    return [text.replace(" ", "\u00a0") for text in intervals(frame, low, high, decimals)]


def _chance(value: float) -> str:
    return ">99.9%" if value > 0.999 else words.percent(value, 1)
