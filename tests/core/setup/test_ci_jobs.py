"""Jobs and hooks have the paths of their project; tests/ci runs their commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.setup.ci_jobs import github_workflow, gitlab_jobs, hook, hook_command, job_name
from harness.core.setup.place import Place

AT_THE_ROOT = Place(Path("/repository"), "")
BELOW = Place(Path("/repository"), "packages/a b")


def test_names_are_those_of_files_and_jobs():
    assert job_name(AT_THE_ROOT) == "golden"
    assert job_name(BELOW) == "golden-packages-a-b"


def test_at_the_root_no_path_is_needed():
    for text in (github_workflow(AT_THE_ROOT, " -e ."), gitlab_jobs(AT_THE_ROOT, " -e .")):
        assert "working-directory" not in text
        assert "cd " not in text
        assert ".harness/obtained/" in text
        assert 'pip install "golden-harness[report]" -e .\n' in text
    assert hook_command(AT_THE_ROOT) == "harness verify"


def test_below_the_root_every_path_has_the_folder():
    github, gitlab = github_workflow(BELOW, ""), gitlab_jobs(BELOW, "")
    assert "        working-directory: packages/a b\n" in github
    assert "            packages/a b/golden-report.html\n" in github
    assert "          path: packages/a b/.harness/obtained/\n" in github
    assert """    - "cd 'packages/a b'"\n""" in gitlab
    assert "      junit: packages/a b/golden-junit.xml\n" in gitlab
    assert """      entry: "harness verify --root 'packages/a b'"\n""" in hook(BELOW)


@pytest.mark.parametrize("folder", ["a\nb", "x: y", "- z", "#", '"'])
def test_yaml_reads_every_folder_back(folder):
    yaml = pytest.importorskip("yaml", reason="jobs are YAML, which pyyaml reads")
    place = Place(Path("/repository"), folder)
    (job,) = yaml.safe_load(github_workflow(place, ""))["jobs"].values()
    assert job["defaults"]["run"]["working-directory"] == folder
    (job,) = yaml.safe_load(gitlab_jobs(place, "")).values()
    assert job["artifacts"]["reports"]["junit"] == f"{folder}/golden-junit.xml"
    ((entry,),) = [item["hooks"] for item in yaml.safe_load(hook(place))]
    assert entry["entry"] == hook_command(place)
