"""The explorer: a small form on the web page that computes what an experiment can show.

Its arithmetic, in `explorer.js`, is that of :mod:`coprod.power`. What it says before anything is
moved, or where no script runs, is computed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment
from markupsafe import Markup

from coprod.panel import Panel
from coprod.power import Trial, detectable, errors
from coprod.show.words import number

__all__ = ["Explorer", "explorer"]

FOLDER = Path(__file__).parent
EFFECT = 0.03


@dataclass(frozen=True)
class Explorer:
    """A form that shows itself as HTML, complete without a script."""

    html: str

    def _repr_html_(self) -> str:
        return self.html


@dataclass(frozen=True)
class _Input:
    name: str
    label: str
    least: float
    most: float
    step: str
    value: float
    unit: str = ""

    @property
    def said(self) -> str:
        return number(self.value, int("." in self.step)) + self.unit


@lru_cache
def _template() -> tuple[Environment, str, str]:
    environment = Environment(autoescape=True, trim_blocks=True)
    read = [
        (FOLDER / name).read_text(encoding="utf-8") for name in ("explorer.html", "explorer.js")
    ]
    return environment, read[0], read[1]


def explorer(trial: Trial, panel: Panel) -> Explorer:
    """Sliders for areas, respondents, arms, baseline and effect; power and more as they move.

    One arm against control by strata effects, the outcome a share.

    Parameters
    ----------
    trial
        Where the sliders stand at first; its `baseline` is a share.
    panel
        Where that comes from.

    Examples
    --------
    >>> from coprod import open_panel
    >>> panel = open_panel()
    >>> page = explorer(Trial.of(panel, "signup", adjustment="strata"), panel)
    >>> page.html.count('<input type="range"')
    5
    """
    inputs = [
        _Input("areas", "Areas", 1, max(20, trial.areas), "1", trial.areas),
        _Input(
            "respondents",
            "Respondents an area",
            50,
            max(3000, 25 * round(trial.respondents / 25)),
            "25",
            max(50, 25 * round(trial.respondents / 25)),
        ),
        _Input("arms", "Arms, with control", 2, max(6, trial.arms), "1", trial.arms),
        _Input(
            "baseline",
            "Sign up without a nudge",
            1,
            60,
            "1",
            min(max(round(100 * (trial.baseline or 0.0)), 1), 60),
            "%",
        ),
        _Input("effect", "True effect of the nudge", 0, 20, "0.5", 100 * EFFECT, " points"),
    ]
    at = {each.name: each.value for each in inputs}
    # The slider's own steps: the page starts from what its sliders say.
    shown = Trial(
        respondents=at["respondents"],
        areas=int(at["areas"]),
        arms=int(at["arms"]),
        baseline=at["baseline"] / 100,
    )
    found = errors(shown, [EFFECT]).iloc[0]
    least = detectable(shown).iloc[0]
    results = [
        ("power", "Chance to find this effect", f"{number(100 * found['power'])}%"),
        (
            "detectable",
            "Least effect found in four of five experiments",
            "none"
            if least.isna()["detectable"]
            else f"{number(100 * least['detectable'], 1)} points",
        ),
        ("extra", "More people in 1,000 who sign up", number(found["extra"])),
        (
            "exaggeration",
            "How much larger a finding looks",
            f"{number(found['type_m'], 1)} times",
        ),
    ]
    environment, page, script = _template()
    said = panel.describe()
    html = environment.from_string(page).render(
        introduction=(
            "People are shared evenly among the arms within each area; one arm is compared with "
            "control in who signs up."
        ),
        inputs=inputs,
        results=[dict(zip(("name", "label", "said"), each, strict=True)) for each in results],
        source=f"It starts from the design and the baseline of this panel. {said[0].upper()}{said[1:]}.",
        script=Markup(script),
    )
    return Explorer(html)
