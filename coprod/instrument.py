"""The questionnaire: issues, forms, items, scales and arms, as `data/codebook.yml` has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from coprod.errors import PanelError
from coprod.labels import label, one_line
from coprod.paths import CODEBOOK

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = ["Instrument", "Variable", "level_codes", "load_instrument", "ordered", "read_yaml"]

KINDS = ("text", "integer", "number", "category")
ROLES = (
    "source",
    "identifier",
    "stratum",
    "weight",
    "background",
    "perception",
    "activity",
    "experiment",
)


@dataclass(frozen=True)
class Variable:
    """One column of a panel.

    Attributes
    ----------
    name, label, question
        The column, what it is in a few words, and the question as asked ('' where none is).
    kind
        'text', 'integer', 'number' or 'category'.
    levels
        Each value and its label, in order; for an integer on a labelled scale the keys are
        integers. Empty where the values have no labels.
    minimum, maximum
        The smallest and the largest number allowed, None where there is no bound.
    role
        'source', 'identifier', 'stratum', 'weight', 'background', 'perception', 'activity' or
        'experiment'.
    issue, form
        What an item is about, None elsewhere.
    missing_allowed
        Whether a cell may be empty.
    optional
        Whether the column may be left out.
    bands
        Name and label of each band in which a number is shown and weighted; {} where none.
    edges
        The smallest value of each band.
    """

    name: str
    label: str
    question: str
    kind: str
    levels: dict[Any, str]
    minimum: float | None
    maximum: float | None
    role: str
    issue: str | None = None
    form: str | None = None
    missing_allowed: bool = True
    optional: bool = False
    bands: dict[str, str] = field(default_factory=dict)
    edges: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        _set(
            self,
            label=label(self.label, self.name),
            question=one_line(self.question),
            levels=_labels(self.levels),
            bands=_labels(self.bands),
        )

    @property
    def stem(self) -> str:
        """The name without its issue: `efficacy` for `safety_efficacy`."""
        return self.name.removeprefix(f"{self.issue}_")

    def banded(self, values: pd.Series) -> pd.Series:
        """Numbers as ordered categories of the variable's bands; missing stays missing.

        Examples
        --------
        >>> import pandas as pd
        >>> age = load_instrument().variables["age"]
        >>> list(age.banded(pd.Series([18, 29, 30, 91])))
        ['18-29', '18-29', '30-44', '75+']
        """
        import pandas as pd

        if not self.bands:
            raise PanelError(f"{self.name} has no bands in the codebook")
        edges = [*self.edges, float("inf")]
        return pd.Series(pd.cut(values, edges, right=False, labels=list(self.bands)))


@dataclass(frozen=True)
class Instrument:
    """The questionnaire as a whole.

    Attributes
    ----------
    variables
        Every variable by name, in the order of a panel's columns.
    issues, forms, arms, areas
        Name and label, in order; the first arm is the control.
    nations, shown
        The nation of each area; what each arm reads.
    background, perceptions
        Names of the background variables; stems of the questions asked about every issue.
    answers
        The answers to an action item.
    title
        What the questionnaire is called.
    """

    variables: dict[str, Variable]
    issues: dict[str, str]
    forms: dict[str, str]
    arms: dict[str, str]
    areas: dict[str, str]
    nations: dict[str, str]
    shown: dict[str, str]
    background: list[str]
    perceptions: list[str]
    answers: dict[int, str]
    title: str = ""

    def __post_init__(self) -> None:
        named = ("issues", "forms", "arms", "areas", "answers")
        _set(
            self,
            **{name: _labels(getattr(self, name)) for name in named},
            nations={area: one_line(nation) for area, nation in self.nations.items()},
            shown={arm: one_line(text) for arm, text in self.shown.items()},
            title=one_line(self.title),
        )

    def items(self, issue: str, form: str) -> list[str]:
        """The action items of a form on an issue.

        Examples
        --------
        >>> load_instrument().items("safety", "collective")
        ['safety_col_1', 'safety_col_2', 'safety_col_3', 'safety_col_4']
        """
        found = [v.name for v in self._activities(form) if v.issue == issue]
        if not found:
            raise PanelError(f"no items on {issue!r}; issues are {', '.join(self.issues)}")
        return found

    def stems(self, form: str) -> list[str]:
        """The action items of a form without their issue.

        Examples
        --------
        >>> load_instrument().stems("individual")
        ['ind_1', 'ind_2', 'ind_3', 'ind_4']
        """
        return list(dict.fromkeys(v.stem for v in self._activities(form)))

    def _activities(self, form: str) -> list[Variable]:
        if form not in self.forms:
            raise PanelError(f"no form {form!r}; forms are {', '.join(self.forms)}")
        return [v for v in self.variables.values() if v.role == "activity" and v.form == form]


def _set(frozen: Variable | Instrument, **texts: Any) -> None:
    """Let a questionnaire hold none but texts that can be shown, wherever it came from."""
    for name, value in texts.items():
        object.__setattr__(frozen, name, value)


def _labels(given: Mapping[Any, str]) -> dict[Any, str]:
    return {name: label(text, name) for name, text in given.items()}


def load_instrument(path: Path | None = None) -> Instrument:
    """Read the questionnaire.

    Parameters
    ----------
    path
        A codebook; the project's own where None.

    Returns
    -------
    Instrument

    Raises
    ------
    PanelError
        When the file is not there, is not YAML, or lacks what a codebook has.

    Examples
    --------
    >>> instrument = load_instrument()
    >>> list(instrument.issues)
    ['safety', 'environment', 'health']
    >>> instrument.answers
    {0: 'Never', 1: 'Sometimes', 2: 'Often'}
    """
    return _load(Path(path or CODEBOOK))


@lru_cache
def _load(path: Path) -> Instrument:
    content = read_yaml(path)
    try:
        return _instrument(content)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise PanelError(f"{path.name} is not a codebook: {error}") from error


def ordered(codes: np.ndarray, levels: Iterable[str]) -> pd.Categorical:
    """Codes as ordered categories; -1 is missing."""
    import pandas as pd

    index = pd.Index(list(levels), dtype="str")
    return pd.Categorical.from_codes(codes.astype("int32"), index, ordered=True)


def level_codes(values: pd.Series, levels: Iterable[str]) -> np.ndarray:
    """The place of each value among the levels, -1 where it is missing or none of them.

    Examples
    --------
    >>> import pandas as pd
    >>> level_codes(pd.Series(["b", None, "c"]), ["a", "b"]).tolist()
    [1, -1, -1]
    """
    import numpy as np
    import pandas as pd

    if not isinstance(values.dtype, pd.CategoricalDtype):
        index = pd.Index(list(levels), dtype=object)
        return np.asarray(index.get_indexer(values.astype(object)), dtype=np.intp)
    # Each category is looked up once, and not each of a million values; the last place is of what is missing.
    place = {level: at for at, level in enumerate(levels)}
    places = np.array([*(place.get(each, -1) for each in values.cat.categories), -1], dtype=np.intp)
    return np.asarray(places[values.cat.codes.to_numpy()])


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file that holds a mapping."""
    try:
        content = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
    except OSError as error:
        raise PanelError(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PanelError(
            f"{path.name} is not valid YAML: {' '.join(str(error).split())}"
        ) from error
    if not isinstance(content, dict):
        raise PanelError(f"{path.name} must hold names and values")
    return content


def _instrument(content: Mapping[str, Any]) -> Instrument:
    shared = {
        "areas": {name: area["label"] for name, area in content["areas"].items()},
        "arms": {name: arm["label"] for name, arm in content["arms"].items()},
        "issues": dict(content["issues"]),
    }
    variables = {
        name: _variable(name, entry, shared, content["scales"])
        for name, entry in content["variables"].items()
    }
    return Instrument(
        variables=variables,
        forms=dict(content["forms"]),
        nations={name: area["nation"] for name, area in content["areas"].items()},
        shown={name: arm["shown"] for name, arm in content["arms"].items()},
        background=[v.name for v in variables.values() if v.role == "background"],
        perceptions=list(content["perceptions"]),
        answers=dict(content["scales"]["frequency"]),
        title=str(content["title"]),
        **shared,
    )


def _variable(
    name: str,
    entry: Mapping[str, Any],
    shared: Mapping[str, dict[str, str]],
    scales: Mapping[str, dict[int, str]],
) -> Variable:
    if entry["type"] not in KINDS:
        raise ValueError(f"{name} has type {entry['type']!r}; types are {', '.join(KINDS)}")
    if entry["role"] not in ROLES:
        raise ValueError(f"{name} has role {entry['role']!r}; roles are {', '.join(ROLES)}")
    levels = entry.get("levels", {})
    levels = shared[levels] if isinstance(levels, str) else dict(levels)
    if "scale" in entry:
        levels = dict(scales[entry["scale"]])
    minimum, maximum = entry.get("minimum"), entry.get("maximum")
    if levels and entry["type"] == "integer":
        minimum, maximum = min(levels), max(levels)
    bands = entry.get("bands", {})
    return Variable(
        name=name,
        label=entry["label"],
        question=entry.get("question", ""),
        kind=entry["type"],
        levels=levels,
        minimum=minimum,
        maximum=maximum,
        role=entry["role"],
        issue=entry.get("issue"),
        form=entry.get("form"),
        missing_allowed=entry.get("missing", True),
        optional=entry.get("optional", False),
        bands={band: value["label"] for band, value in bands.items()},
        edges=tuple(value["from"] for value in bands.values()),
    )
