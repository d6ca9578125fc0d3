"""Every workflow is valid, can only read, and each of its commands runs in a project with golden files."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml", reason="workflows are YAML, which pyyaml reads")

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
GOLDEN = yaml.safe_load((ROOT / ".github" / "workflows" / "golden.yml").read_text("utf-8"))
ON = True  # what YAML makes of the key `on`

INPUTS = GOLDEN[ON]["workflow_call"]["inputs"]
EACH = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def values(**given: object) -> dict[str, object]:
    """What the expressions of the reusable workflow mean, with its inputs' defaults."""
    inputs = {name: item["default"] for name, item in INPUTS.items()} | given
    systems, pythons = json.loads(inputs["os"]), json.loads(inputs["python-versions"])
    return {f"inputs.{name}": value for name, value in inputs.items()} | {
        "fromJSON(inputs.os)[0]": systems[0],
        "fromJSON(inputs.python-versions)[0]": pythons[0],
        "matrix.os": systems[0],
        "matrix.python-version": pythons[0],
    }


def jobs(text: str) -> list[dict]:
    return list(yaml.safe_load(text)["jobs"].values())


def steps(text: str) -> list[dict]:
    return [step for job in jobs(text) for step in job.get("steps", ())]


@EACH
def test_actionlint_finds_nothing(path, actionlint):
    assert actionlint(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("matrix.python-version", "matrix.python"),
        ("inputs.requirements }}", "inputs.requirement }}"),
        ("    runs-on: ${{ matrix.os }}\n", ""),
        ("needs: tests", "needs: test"),
        ("run: harness reproduce", "run: echo ${{ github.head_ref }}"),
    ],
)
def test_actionlint_sees_a_broken_workflow(actionlint, before, after):
    text = (ROOT / ".github" / "workflows" / "golden.yml").read_text("utf-8")
    assert before in text
    assert actionlint(text.replace(before, after, 1)) != []


@EACH
def test_a_workflow_can_only_read(path):
    """No token that writes, no code of a stranger's branch with our rights, no text of theirs in a script."""
    text = path.read_text("utf-8")
    document = yaml.safe_load(text)
    assert document["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in jobs(text))
    assert "pull_request_target" not in text
    assert "secrets" not in text
    assert [step["run"] for step in steps(text) if "${{" in step.get("run", "")] == []
    checkouts = [step for step in steps(text) if "actions/checkout@" in step.get("uses", "")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@EACH
def test_actions_are_pinned_to_commits(path):
    """The comment has the version, which dependabot raises."""
    text = path.read_text("utf-8")
    used = re.findall(r"(?m)^\s+(?:- )?uses: (.*)$", text)
    pinned = r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\./\.github/workflows/golden\.yml"
    assert [line for line in used if not re.fullmatch(pinned, line)] == []
    assert used


@EACH
def test_no_job_runs_for_hours(path):
    assert all("timeout-minutes" in job or "uses" in job for job in jobs(path.read_text("utf-8")))


def test_only_a_workflow_that_starts_cancels_older_runs():
    """A reusable workflow with its caller's group would cancel its caller."""
    assert "concurrency" not in GOLDEN
    ours = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
    assert "github.ref" in ours["concurrency"]["group"]


def test_this_project_calls_its_own_workflow_with_inputs_that_it_has():
    job = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))["jobs"]["golden"]
    assert job["with"].keys() <= INPUTS.keys()
    assert (ROOT / job["uses"]).is_file()
    command, folder = job["with"]["tests"].rsplit(" ", 1)
    assert command == "python -m pytest"
    assert (ROOT / folder).is_dir()
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_jobs_of_the_reusable_workflow(runner, golden_bytes, checkout):
    """All of them, one after the other, with what each leaves for the next; nothing golden changes."""
    before = golden_bytes()
    runner.values = values()
    failed = [name for name, job in GOLDEN["jobs"].items() if not runner.github_job(job)]
    assert failed == [], "\n".join(runner.log)
    platform = "ubuntu-latest-3.13"
    assert sorted(runner.artifacts) == [
        "golden-changes",
        f"golden-report-{platform}",
        "golden-samples",
        f"golden-samples-{platform}",
    ]
    assert list(runner.artifacts["golden-samples"]) == [f"samples-{platform}.json"]
    assert b"<html" in runner.artifacts[f"golden-report-{platform}"]["golden-report.html"]
    comment = runner.artifacts["golden-changes"]["golden-files.md"].decode()
    assert "a finer mesh" in comment
    assert comment in runner.summary.read_text("utf-8")
    pictures = set(re.findall(r"\]\(([^)]+)\)", comment))
    assert pictures
    assert runner.artifacts["golden-changes"].keys() == {"golden-files.md", *pictures}
    assert set(runner.installed) == {"golden-harness[calibrate,report]", "-e", "."}
    assert golden_bytes() == before
    assert "would record the tolerances of 2 golden files" in "\n".join(runner.log)


def test_a_drift_fails_and_is_taken_home(runner, golden_bytes, checkout, type_at_home, tmp_path):
    """The artifact of the failed job is staged as if the tests had run here."""
    runner.values, runner.environment = values(), runner.environment | {"SCALE": "2"}
    before = golden_bytes()
    assert not runner.github_job(GOLDEN["jobs"]["tests"])
    assert golden_bytes() == before
    obtained = runner.artifacts["golden-obtained-ubuntu-latest-3.13"]
    assert {"results.json", "tests/test_waves/test_power.npz"} <= obtained.keys()
    for name, data in obtained.items():
        (tmp_path / "drift" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "drift" / name).write_bytes(data)
    type_at_home(f'harness take {tmp_path / "drift"} --reason "CI has a newer FFT"', checkout)
    assert golden_bytes() != before
    type_at_home("harness verify && pytest -q", checkout, SCALE="2")


def test_a_project_in_a_directory(runner, checkout, type_at_home):
    """Every path of an artifact follows `working-directory`."""
    inner = checkout / "packages" / "waves"
    inner.mkdir(parents=True)
    type_at_home("git mv golden registry.json pyproject.toml tests packages/waves/", checkout)
    type_at_home('git commit -qm "One directory for each package"', checkout)
    runner.values = values(**{"working-directory": "packages/waves", "name": "waves"})
    for name in ("verify", "tests", "samples"):
        assert runner.github_job(GOLDEN["jobs"][name]), "\n".join(runner.log)
    assert sorted(runner.artifacts) == [
        "waves-report-ubuntu-latest-3.13",
        "waves-samples",
        "waves-samples-ubuntu-latest-3.13",
    ]
