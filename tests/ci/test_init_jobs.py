"""The jobs and hooks that ``harness init`` writes are valid, and their commands run in their project."""

from __future__ import annotations

import shlex

import pytest

yaml = pytest.importorskip("yaml", reason="jobs are YAML, which pyyaml reads")


@pytest.fixture
def in_a_directory(checkout, type_at_home):
    """Move the project to a directory of its repository; return that directory."""
    folder = checkout / "packages" / "waves"
    folder.mkdir(parents=True)
    type_at_home("git mv golden registry.json pyproject.toml tests packages/waves/", checkout)
    type_at_home('git commit -qm "One directory for each package"', checkout)
    return folder


def test_the_github_job(checkout, runner, type_at_home, actionlint, golden_bytes):
    type_at_home("harness init --yes", checkout)
    text = (checkout / ".github" / "workflows" / "golden.yml").read_text("utf-8")
    assert actionlint(text) == []
    before = golden_bytes()
    assert runner.github_job(yaml.safe_load(text)["jobs"]["golden"]), "\n".join(runner.log)
    assert golden_bytes() == before
    assert runner.installed == ["golden-harness[report]"]
    assert {name: list(files) for name, files in runner.artifacts.items()} == {
        "golden-report": ["golden-report.html", "golden-samples.json"]
    }


def test_what_the_job_keeps_of_a_drift_is_taken_home(checkout, runner, type_at_home, tmp_path):
    type_at_home("harness init --yes", checkout)
    text = (checkout / ".github" / "workflows" / "golden.yml").read_text("utf-8")
    runner.environment["SCALE"] = "2"
    assert not runner.github_job(yaml.safe_load(text)["jobs"]["golden"])
    for name, data in runner.artifacts["golden-obtained"].items():
        (tmp_path / "obtained" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "obtained" / name).write_bytes(data)
    type_at_home(f"harness take {tmp_path / 'obtained'} --reason louder", checkout)
    type_at_home("harness verify && pytest -q", checkout, SCALE="2")


def test_the_github_job_of_a_project_in_a_directory(
    in_a_directory, checkout, runner, type_at_home, actionlint
):
    type_at_home("harness init packages/waves --yes", checkout)
    text = (checkout / ".github" / "workflows" / "golden-packages-waves.yml").read_text("utf-8")
    assert actionlint(text) == []
    assert runner.github_job(yaml.safe_load(text)["jobs"]["golden"]), "\n".join(runner.log)
    assert list(runner.artifacts["golden-report"]) == ["golden-report.html", "golden-samples.json"]


def test_the_gitlab_job(in_a_directory, checkout, runner, type_at_home):
    """.gitlab-ci.yml includes it, with the path that GitLab takes from the root of the repository."""
    (checkout / ".gitlab-ci.yml").write_text("stages: [test]\n")
    type_at_home("harness init packages/waves --yes", checkout)
    ((include,),) = [yaml.safe_load((checkout / ".gitlab-ci.yml").read_text("utf-8"))["include"]]
    job = yaml.safe_load((checkout / include["local"].removeprefix("/")).read_text("utf-8"))
    assert runner.gitlab_job("golden", job["golden-packages-waves"], {}), "\n".join(runner.log)
    assert {f"packages/waves/golden-{name}" for name in ("report.html", "samples.json", "junit.xml")} < (
        runner.artifacts["golden"].keys()
    )


def test_the_hook_runs_at_the_root_of_the_repository(in_a_directory, checkout, type_at_home):
    type_at_home("harness init packages/waves --yes", checkout)
    (repo,) = yaml.safe_load((checkout / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    (hook,) = repo["hooks"]
    type_at_home(hook["entry"], checkout)
    assert shlex.split(hook["entry"]) == ["harness", "verify", "--root", "packages/waves"]
    (in_a_directory / "golden" / "tests" / "test_waves" / "test_power.npz").unlink()
    type_at_home(hook["entry"], checkout, code=1)
