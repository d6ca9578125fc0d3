"""docs/ci.md describes the workflow, the template and the hook that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml", reason="workflows are YAML, which pyyaml reads")

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ci.md").read_text("utf-8")
WORKFLOW, GITLAB, PRE_COMMIT = re.findall(r"(?ms)^```yaml\n(.*?)^```$", PAGE)
ON = True  # what YAML makes of the key `on`

INPUTS = yaml.safe_load((ROOT / ".github" / "workflows" / "golden.yml").read_text("utf-8"))[ON][
    "workflow_call"
]["inputs"]


def test_the_example_is_a_workflow_with_inputs_that_there_are(actionlint):
    assert actionlint(WORKFLOW) == []
    job = yaml.safe_load(WORKFLOW)["jobs"]["golden"]
    assert job["with"].keys() <= INPUTS.keys()
    assert "/.github/workflows/golden.yml@v" in job["uses"]


def test_every_input_is_in_the_table_with_its_default():
    rows = dict(re.findall(r"(?m)^\| `([a-z-]+)` \| `(.*?)` \|", PAGE))
    shown = {True: "true", False: "false"}
    defaults = {name: item["default"] for name, item in INPUTS.items()}
    assert rows == {name: shown.get(default, str(default)) for name, default in defaults.items()}


def test_the_gitlab_example_changes_what_the_template_has():
    template = yaml.safe_load((ROOT / "ci" / "gitlab" / "golden.gitlab-ci.yml").read_text("utf-8"))
    example = yaml.safe_load(GITLAB)
    (include,) = example.pop("include")
    assert include["remote"].endswith("/ci/gitlab/golden.gitlab-ci.yml")
    assert example.pop("variables").keys() <= template["variables"].keys()
    assert example.keys() <= template.keys()
    assert set(re.findall(r"`(GOLDEN_\w+)`", PAGE)) == template["variables"].keys()
    assert set(re.findall(r"`(golden:\w+)`", PAGE)) == {
        name for name in template if name.startswith("golden:")
    }


def test_the_hook_of_the_example_is_there():
    (repo,) = yaml.safe_load(PRE_COMMIT)["repos"]
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert [item["id"] for item in repo["hooks"]] == [hook["id"]]
    assert repo["repo"].endswith("/golden-harness")
