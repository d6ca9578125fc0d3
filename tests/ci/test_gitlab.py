"""The GitLab template: its structure, and each of its jobs in a project with golden files."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml", reason="the template is YAML, which pyyaml reads")

ROOT = Path(__file__).parents[2]
TEMPLATE = yaml.safe_load((ROOT / "ci" / "gitlab" / "golden.gitlab-ci.yml").read_text("utf-8"))
BASE = TEMPLATE[".golden"]
JOBS = {
    name: BASE | job | {"variables": BASE["variables"] | job.get("variables", {})}
    for name, job in TEMPLATE.items()
    if name.startswith("golden:")
}
VARIABLES = {name: item["value"] for name, item in TEMPLATE["variables"].items()}


@pytest.fixture
def gitlab(runner, type_at_home):
    """A runner of GitLab, with the variables of a merge request's job."""
    base = type_at_home("git rev-parse HEAD^", runner.project).strip()
    del runner.environment["GITHUB_ACTIONS"], runner.environment["GITHUB_STEP_SUMMARY"]
    runner.environment["GITLAB_CI"] = "true"
    variables = VARIABLES | {"PYTHON": "3.13", "CI_MERGE_REQUEST_DIFF_BASE_SHA": base}
    return lambda name, **more: runner.gitlab_job(name, JOBS[name], variables | more)


def test_every_job_has_what_gitlab_requires():
    """A stage, a script, rules that let it run, and only jobs before it that there are."""
    assert TEMPLATE.keys() - JOBS.keys() == {"variables", ".golden"}
    for name, job in JOBS.items():
        assert job["stage"] == "test"
        assert all(isinstance(line, str) for line in (*job["before_script"], *job["script"])), name
        assert all(rule.keys() <= {"if", "when"} for rule in job["rules"])
        assert set(job["needs"]) <= JOBS.keys()
        assert job["image"].startswith("python:")
        assert job["variables"]["GIT_DEPTH"] == "0"
        assert job["timeout"] == "1 hour"


def test_generators_run_again_by_a_schedule_alone():
    """And what a merge request changes is compared in merge requests alone."""
    assert JOBS["golden:reproduce"]["rules"] == [{"if": '$CI_PIPELINE_SOURCE == "schedule"'}]
    assert JOBS["golden:changes"]["rules"] == [{"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'}]


def test_the_jobs_of_the_template(gitlab, runner, golden_bytes):
    before = golden_bytes()
    assert [name for name in JOBS if not gitlab(name)] == [], "\n".join(runner.log)
    assert golden_bytes() == before
    assert {
        "golden-results/report-3.13.html",
        "golden-results/junit-3.13.xml",
        "golden-results/samples/3.13.json",
    } <= runner.artifacts["golden:tests"].keys()
    assert list(runner.artifacts["golden:samples"]) == ["golden-results/samples/3.13.json"]
    assert "a finer mesh" in runner.artifacts["golden:changes"]["golden-changes/golden-files.md"].decode()
    assert {"golden-harness[calibrate,report]", "-e", "."} == set(runner.installed)
    assert "would record the tolerances of 2 golden files" in "\n".join(runner.log)


def test_a_drift_fails_and_is_taken_home(gitlab, runner, golden_bytes, type_at_home, tmp_path):
    """From the .zip file of the job's artifacts, as GitLab offers it."""
    before = golden_bytes()
    assert not gitlab("golden:tests", SCALE="2")
    assert golden_bytes() == before
    with zipfile.ZipFile(tmp_path / "artifacts.zip", "w") as archive:
        for name, data in runner.artifacts["golden:tests"].items():
            archive.writestr(name, data)
    type_at_home(f"harness take {tmp_path / 'artifacts.zip'} --reason louder", runner.project)
    assert golden_bytes() != before
    type_at_home("harness verify", runner.project)


def test_a_project_in_a_directory(gitlab, runner, checkout, type_at_home):
    (checkout / "waves").mkdir()
    type_at_home("git mv golden registry.json pyproject.toml tests waves/", checkout)
    type_at_home('git commit -qm "One directory for each package"', checkout)
    names = ("golden:verify", "golden:tests", "golden:samples")
    assert [name for name in names if not gitlab(name, GOLDEN_DIRECTORY="waves")] == [], "\n".join(runner.log)
    assert "waves/golden-results/report-3.13.html" in runner.artifacts["golden:tests"]
