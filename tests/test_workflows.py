"""The GitHub Actions workflows: valid, with few rights, and calling what is checked here.

They have not been run on GitHub. zizmor holds them against the schema of workflows and looks for
what makes one unsafe.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from coprod.paths import PROJECT

WORKFLOWS = PROJECT / ".github" / "workflows"
FILES = sorted(WORKFLOWS.glob("*.yml"))


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("zizmor", path=str(Path(sys.executable).parent))
    assert program, "zizmor is among what the tests need"
    command = [program, "--offline", "--strict-collection", "--persona", "pedantic", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_linter_finds_nothing() -> None:
    run = lint(PROJECT / ".github")
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("runs-on:", "runs_on:"),
        ("permissions: {}", "permissions: write-all"),
        ("actions/checkout@v6", "actions/checkout"),
        ("run: .ci/run", "run: echo ${{ github.event.pull_request.title }}"),
    ],
)
def test_the_linter_finds_what_is_wrong(tmp_path: Path, right: str, wrong: str) -> None:
    folder = tmp_path / ".github"
    shutil.copytree(PROJECT / ".github", folder)
    file = folder / "workflows" / "check.yml"
    text = file.read_text(encoding="utf-8")
    assert right in text
    file.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    assert lint(folder).returncode != 0


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_workflow_has_no_rights_but_those_of_its_jobs_and_says_that_it_was_not_run(
    file: Path,
) -> None:
    text = file.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert "not been run" in text.split("\nname:", 1)[0]
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"]
        assert job["timeout-minutes"]
        for step in job["steps"]:
            assert "uses" not in step or re.fullmatch(r"[\w/-]+@v\d+", step["uses"]), step


def test_one_runs_every_check_and_one_publishes_what_quarto_makes() -> None:
    check, publish = (yaml.safe_load(file.read_text(encoding="utf-8")) for file in FILES)
    assert [file.name for file in FILES] == ["check.yml", "publish.yml"]
    assert ".ci/run" in [step.get("run") for step in check["jobs"]["check"]["steps"]]
    steps = publish["jobs"]["render"]["steps"]
    assert any("--engine quarto" in step.get("run", "") for step in steps)
    quarto = next(step for step in steps if "quarto" in step.get("uses", ""))
    assert tuple(map(int, quarto["with"]["version"].split(".")[:2])) >= (1, 9)
