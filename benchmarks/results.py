"""What was measured: ``results.json``, from which ``RESULTS.md`` and ``REPRODUCING.md`` are written."""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

RESULTS = Path(__file__).with_name("results.json")
TABLE = Path(__file__).with_name("RESULTS.md")


def update(**measured: Any) -> None:
    """Put measurements in the place of earlier ones of their name, and write both files."""
    found = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    here = {"machine": machine(), "date": datetime.date.today().isoformat()}
    found |= measured
    # Each keeps its own: the others may have been measured on another day, or elsewhere.
    found["of"] = found.get("of", {}) | dict.fromkeys(measured, here)
    if "cases" in measured:  # what the book says of itself
        found |= here
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    TABLE.write_text(table(found), encoding="utf-8")


def machine() -> str:
    """The class of this machine, not its name."""
    gigabytes = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {gigabytes:.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}"
    )


def table(found: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines = [
        "# How long the book takes",
        "",
        f"Measured on {found['date']} by `make bench` on {found['machine']}.",
        "Set-up is not counted. Where a case says what was edited, results of an earlier build are there; the",
        "others start from nothing.",
        "",
        "| case | wall, s | processor, s | peak memory, MB | runs |",
        "|:-----|--------:|-------------:|----------------:|-----:|",
    ]
    lines += [
        f"| {each['case']} | {each['wall_seconds']:.1f} | {each['processor_seconds']:.1f} "
        f"| {each['peak_megabytes']:.0f} | {each['runs']} |"
        for each in found.get("cases", [])
    ]
    if "floor" in found:
        lines += floors(found["floor"], found.get("cases", []), found.get("edited", {}))
    for name, shown in (("randomisation", randomisation), ("estimators", estimators)):
        if name in found:
            space, title, *rest = shown(found[name])
            here = found["of"][name]
            when = f"Measured on {here['date']} on {here['machine']}."
            lines += [space, title, "", when, *rest[1:]]
    return "\n".join(lines) + "\n"


def floors(
    found: Mapping[str, Mapping[str, Mapping[str, float]]],
    cases: Sequence[Mapping[str, Any]],
    edited: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> list[str]:
    """How a build compares with what it cannot do without, and with Quarto."""
    lines = [
        "",
        "# What a build cannot do without",
        "",
        "Measured in the same run: the cells of all chapters, run in one process that has imported what they",
        "need, without a kernel; Pandoc, once for each chapter and format, without a filter; Typst, on the text",
        "that the build gives it. One after another. A build also starts, imports, cites, indexes and checks.",
        "",
        "| case | step | wall, s | processor, s |",
        "|:-----|:-----|--------:|-------------:|",
    ]
    ratios = []
    by_name = {each["case"]: each for each in cases}
    for case, steps in found.items():
        whole = {
            kind: sum(step[kind] for step in steps.values())
            for kind in ("wall_seconds", "processor_seconds")
        }
        for name, step in {**steps, "together": whole}.items():
            lines.append(
                f"| {case} | {name} | {step['wall_seconds']:.1f} | {step['processor_seconds']:.1f} |"
            )
        if build := by_name.get(case):
            wall, processor = (build[kind] / whole[kind] for kind in whole)
            ratios.append(
                f"- {case}: {wall:.2f} times the wall time, {processor:.2f} times the processor time."
            )
    for case, steps in edited.items():
        if build := by_name.get(case):
            cells, imports = (steps[name]["wall_seconds"] for name in ("cells", "imports"))
            ratios.append(
                f"- {case}: the cells of its chapter take {cells:.1f} s of wall time there alone, in a process that "
                f"has imported what they need, which takes {imports:.1f} s; all else takes "
                f"{build['wall_seconds'] - cells - imports:.1f} s."
            )
    lines += ["", "The build takes, of that:", "", *ratios]
    if not any(name.startswith("quarto") for name in by_name):
        lines += ["", "There was no Quarto on the PATH, so none was measured."]
    return lines


def randomisation(found: dict[str, Any]) -> list[str]:
    """How the tests of the experiment compare with a loop over regressions."""
    return [
        "",
        "# How long the randomisation tests take",
        "",
        f"{found['tests']} tests (each comparison of arms, both outcomes) on {found['respondents']:,} "
        f"respondents, with {found['draws']:,} draws each, on one core.",
        f'The loop fits `smf.ols("outcome ~ treated + C(area)")` to {found["looped_draws"]} draws of each test, in '
        f"{found['looped_seconds']:.1f} s; its time is scaled to {found['draws']:,}.",
        "For the same assignments both give the same differences, to "
        f"{max(found['apart'], 1e-15):.0e} at most.",
        "",
        "| how | processor, s | times as long |",
        "|:----|-------------:|--------------:|",
        f"| `coprod.nudges.randomisation_test` | {found['seconds']:.1f} | 1 |",
        f"| a loop over `smf.ols` (scaled) | {found['scaled_seconds']:.0f} | {found['ratio']:.0f} |",
    ]


def estimators(found: dict[str, Any]) -> list[str]:
    """What the estimators cost at each size, and beside statsmodels and R."""
    costs = {(cost["task"], cost["by"], cost["respondents"]): cost for cost in found["costs"]}
    sizes = sorted({size for _, by, size in costs if by == "coprod"})
    named = found["labels"] | {
        "synthesise": "`coprod synthesise`",
        "check": "`coprod check` of that file",
    }
    lines = [
        "",
        "# What the estimators cost as a panel grows",
        "",
        "Processor seconds on one core and the peak memory of a process of its own, with the panel and",
        "the libraries; panels are synthetic, and drawing them is not counted but where it is the task.",
        "Power: of the number of respondents with which the time grows, fitted on log-log; above some",
        "sizes groups are drawn or people counted (`coprod.crossproducts`, `coprod.randomisation`), so that",
        "it may be below 1.",
        "",
        "| task | " + " | ".join(f"{size:,}: s | MB" for size in sizes) + " | power |",
        "|:-----|" + "----:|---:|" * len(sizes) + "----:|",
    ]
    for task in dict.fromkeys(task for task, by, _ in costs if by == "coprod"):
        cells = [costs[task, "coprod", size] for size in sizes if (task, "coprod", size) in costs]
        shown = " | ".join(
            f"{cost['processor_seconds']:.1f} | {cost['peak_megabytes']:.0f}" for cost in cells
        )
        lines.append(
            f"| {named[task]} | {shown} | {found['exponents'].get(task, float('nan')):.2f} |"
        )
    others = [cost for cost in found["costs"] if cost["by"] != "coprod"]
    if others:
        lines += [
            "",
            "The same estimates by formulas and loops of statsmodels, and by R's survey and estimatr.",
            "Scaled: a loop went round that many times fewer, and its time is multiplied.",
            "",
            "| task | respondents | by | processor, s | scaled | times as long as coprod |",
            "|:-----|------------:|:---|-------------:|-------:|------------------------:|",
        ]
    for cost in others:
        own = costs[cost["task"], "coprod", cost["respondents"]]["processor_seconds"]
        scaled = f"{cost['scaled']:,.0f}" if cost["scaled"] > 1 else ""
        lines.append(
            f"| {named[cost['task']]} | {cost['respondents']:,} | {cost['by']} "
            f"| {cost['processor_seconds']:,.1f} | {scaled} "
            f"| {cost['processor_seconds'] / max(own, 0.01):,.1f} |"
        )
    return lines
