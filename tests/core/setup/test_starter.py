"""Files for a start are made or extended by lines of their own; everything else is left as it is."""

from __future__ import annotations

import pytest

from harness.core.errors import UnreadableError
from harness.core.registry.verify import verify
from harness.core.setup.starter import apply_step, plan_start
from harness.core.storage.project import Project

SETTINGS = 'golden_require_reason = true\ngolden_unreferenced = "warn"\n'


def start(project) -> dict[str, str]:
    """Apply everything; return what was added, by path."""
    steps = plan_start(project).steps
    for step in steps:
        apply_step(project, step)
    return {step.path: step.added for step in steps}


def extended(project, name: str, before: str) -> str:
    """Return the text of a file after a start."""
    (project.root / name).write_bytes(before.encode())
    start(project)
    return (project.root / name).read_bytes().decode()


def test_an_empty_directory_gets_everything(empty):
    assert list(start(empty)) == [
        "golden/",
        "registry.json",
        "pyproject.toml",
        ".gitattributes",
        ".gitignore",
        ".pre-commit-config.yaml",
        ".github/workflows/golden.yml",
        "tests/test_golden.py",
    ]
    assert verify(empty) == ()
    assert (empty.root / "pyproject.toml").read_text() == f"[tool.pytest.ini_options]\n{SETTINGS}"


def test_a_second_start_changes_nothing(empty, contents):
    start(empty)
    before = contents(empty.root)
    assert plan_start(empty).steps == plan_start(empty).notes == ()
    assert contents(empty.root) == before


def test_planning_touches_nothing(empty, contents):
    plan_start(empty)
    assert contents(empty.root) == {}
    assert not empty.golden.exists()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('[project]\nname = "a"', f'[project]\nname = "a"\n\n[tool.pytest.ini_options]\n{SETTINGS}'),
        (
            "[tool.pytest.ini_options]  # ours\ntestpaths = ['t']\n[tool.b]\n",
            f"[tool.pytest.ini_options]  # ours\n{SETTINGS}testpaths = ['t']\n[tool.b]\n",
        ),
        ("a = 1\r\n", "a = 1\r\n\r\n[tool.pytest.ini_options]\r\n" + SETTINGS.replace("\n", "\r\n")),
    ],
)
def test_pyproject_keeps_every_line(empty, before, after):
    assert extended(empty, "pyproject.toml", before) == after


@pytest.mark.parametrize(
    "text",
    [
        "[tool.pytest.ini_options]\ngolden_require_reason = false\n",
        '[tool.pytest]\ngolden_unreferenced = "reject"\n',
    ],
)
def test_settings_that_somebody_chose_stay(empty, text):
    assert extended(empty, "pyproject.toml", text) == text
    assert plan_start(empty).notes == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", "[pytest]\n"),
        ("setup.cfg", "[tool:pytest]\naddopts = -q\n"),
        ("pyproject.toml", "tool.pytest.ini_options.addopts = '-q'\n"),
        ("pyproject.toml", "[tool.pytest]\naddopts = ['-q']\n"),
        ("pyproject.toml", "x = '''\n[tool.pytest.ini_options]\n'''\n[tool.pytest.ini_options]\na = 1\n"),
    ],
)
def test_what_cannot_be_extended_safely_is_left_to_a_person(empty, name, text):
    """The note says what to add, and where."""
    assert extended(empty, name, text) == text
    (note,) = plan_start(empty).notes
    assert name in note
    assert "golden_require_reason" in note


def test_damaged_toml_is_refused(empty):
    (empty.root / "pyproject.toml").write_text("[tool.pytest.ini_options\n")
    with pytest.raises(UnreadableError, match="TOML"):
        plan_start(empty)


def test_a_file_that_is_not_text_is_refused(empty):
    (empty.root / ".gitignore").write_bytes(b"\xff\xfe")
    with pytest.raises(UnreadableError, match="UTF-8"):
        plan_start(empty)


@pytest.mark.parametrize("line", [".harness", ".harness/", "/.harness/"])
def test_an_ignored_workspace_is_ignored_already(empty, line):
    assert extended(empty, ".gitignore", f"build\n{line}\n") == f"build\n{line}\n"


def test_gitignore_gets_a_line(empty):
    assert extended(empty, ".gitignore", "build") == "build\n.harness/\n"


def test_attributes_are_added_once(empty):
    text = extended(empty, ".gitattributes", "*.png binary\n")
    assert text.startswith("*.png binary\ngolden/** -text\n")
    assert extended(empty, ".gitattributes", text) == text


@pytest.mark.parametrize("indent", ["", "  "])
def test_a_hook_is_added_to_a_list_of_hooks(empty, indent):
    before = f"# ours\nrepos:\n{indent}- repo: https://example.org/a\n{indent}  rev: v1\n"
    text = extended(empty, ".pre-commit-config.yaml", before)
    assert text.startswith(
        f"{before}{indent}- repo: local\n{indent}  hooks:\n{indent}    - id: harness-verify\n"
    )


@pytest.mark.parametrize(
    "text", ["repos: []\n", "repos:\n- repo: local\ndefault_stages: [commit]\n", "---\nrepos:\n- repo: x\n"]
)
def test_other_hooks_are_left_to_a_person(empty, text):
    assert extended(empty, ".pre-commit-config.yaml", text) == text
    assert ["harness verify" in note for note in plan_start(empty).notes] == [True]


def test_a_job_or_a_test_that_exists_stays(empty):
    for name in (".github/workflows/golden.yml", "tests/test_golden.py"):
        (empty.root / name).parent.mkdir(parents=True, exist_ok=True)
        assert extended(empty, name, "mine\n") == "mine\n"


@pytest.mark.parametrize(
    ("file", "text", "installed"),
    [
        ("pyproject.toml", '[project]\nname = "a"\n', " -e ."),
        ("setup.py", "", " -e ."),
        ("requirements.txt", "numpy\n", " -r requirements.txt"),
        ("pyproject.toml", "[tool.black]\n", ""),
    ],
)
def test_the_job_installs_what_the_tests_need(empty, file, text, installed):
    (empty.root / file).write_text(text)
    job = start(empty)[".github/workflows/golden.yml"]
    assert f'pip install "golden-harness[report]"{installed}\n' in job


def in_repository(folder) -> Project:
    """Make a git repository of several projects, as far as this room looks; return one of them."""
    (folder / ".git").mkdir(parents=True)
    root = folder / "packages" / "waves"
    root.mkdir(parents=True)
    (root / "pyproject.toml").write_text('[project]\nname = "waves"\n')
    return Project(root)


def test_in_a_repository_of_several_projects_jobs_and_hooks_are_at_its_root(tmp_path, contents):
    """Nothing reads them elsewhere; all the rest is in the project."""
    project = in_repository(tmp_path)
    made = start(project)
    assert [path for path in made if path.startswith("../")] == [
        "../../.pre-commit-config.yaml",
        "../../.github/workflows/golden-packages-waves.yml",
    ]
    assert "entry: harness verify --root packages/waves\n" in made["../../.pre-commit-config.yaml"]
    assert [path for path in contents(tmp_path) if not path.startswith("packages/waves/")] == [
        ".github/workflows/golden-packages-waves.yml",
        ".pre-commit-config.yaml",
    ]
    assert plan_start(project).steps == ()


def test_each_project_of_a_repository_has_its_own_job_and_hook(tmp_path):
    start(in_repository(tmp_path))
    second = Project(tmp_path / "packages" / "waves-2")
    second.root.mkdir()
    hooks = start(second)["../../.pre-commit-config.yaml"]
    assert "entry: harness verify --root packages/waves-2\n" in hooks
    assert (tmp_path / ".pre-commit-config.yaml").read_text().count("harness verify --root") == 2
    assert (tmp_path / ".github" / "workflows" / "golden-packages-waves-2.yml").is_file()
    assert start(Project(tmp_path)).keys() >= {".pre-commit-config.yaml", ".github/workflows/golden.yml"}


def test_a_project_may_not_exist_yet(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".pre-commit-config.yaml").write_text("repos:\n- repo: x\n")
    new = Project(tmp_path / "new")
    assert {step.path: step.exists for step in plan_start(new).steps}["../.pre-commit-config.yaml"]
    start(new)
    assert (new.root / "tests" / "test_golden.py").is_file()


def test_the_hook_of_this_project_is_known(empty):
    before = "repos:\n- repo: https://example.org/golden-harness\n  hooks:\n  - id: harness-verify\n"
    assert extended(empty, ".pre-commit-config.yaml", before) == before


class TestGitLab:
    """A repository with .gitlab-ci.yml gets a job there, in a file of its own that is included."""

    JOB = ".gitlab/golden.yml"
    FILE = ".gitlab-ci.yml"

    def test_a_pipeline_gets_an_include(self, empty):
        before = "test:\n  script: [make]"
        assert extended(empty, self.FILE, before) == f"{before}\n\ninclude:\n  - local: /{self.JOB}\n"
        assert "harness verify" in (empty.root / self.JOB).read_text()
        assert not (empty.root / ".github").exists()
        assert plan_start(empty).steps == ()

    @pytest.mark.parametrize(
        "text",
        ["include:\n  - local: /a.yml\n", "stages: [build, deploy]\n", "stages:\n  - build\n"],
    )
    def test_other_pipelines_are_left_to_a_person(self, empty, text):
        assert extended(empty, self.FILE, text) == text
        (note,) = plan_start(empty).notes
        assert f"- local: /{self.JOB}" in note

    def test_a_stage_that_the_pipeline_has(self, empty):
        before = "stages: [build, test]\n"
        assert extended(empty, self.FILE, before).startswith(f"{before}\ninclude:\n")

    def test_both_services(self, empty):
        (empty.root / ".github").mkdir()
        (empty.root / self.FILE).write_text("")
        assert start(empty).keys() >= {".github/workflows/golden.yml", self.JOB, self.FILE}

    def test_in_a_repository_of_several_projects(self, tmp_path):
        project = in_repository(tmp_path)
        (tmp_path / self.FILE).write_text("")
        made = start(project)
        assert "  - local: /.gitlab/golden-packages-waves.yml" in made["../../.gitlab-ci.yml"]
        assert "    - cd packages/waves\n" in made["../../.gitlab/golden-packages-waves.yml"]


def test_a_project_with_golden_files_needs_no_first_test(project):
    assert "tests/test_golden.py" not in start(project)


def test_a_link_is_left_to_a_person(empty, tmp_path):
    (tmp_path / "shared").write_text("build\n")
    (empty.root / ".gitignore").symlink_to(tmp_path / "shared")
    assert ".gitignore" not in start(empty)
    assert (tmp_path / "shared").read_text() == "build\n"
    assert [".gitignore is a link" in note for note in plan_start(empty).notes] == [True]
