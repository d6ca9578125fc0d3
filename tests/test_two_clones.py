"""Golden files in a store, from end to end: recorded in one clone, used in another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from stores.s3_servers import BUCKET, SECRET, credentials, moto_server

from harness.core.registry.history import read_history
from harness.core.registry.registry import read_registry
from harness.core.storage.project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TESTS = """
import numpy as np

def test_sine(arrays_regression):
    arrays_regression.check({"sine": np.sin(np.arange(100.0)) * FACTOR})

def test_ramp(arrays_regression):
    arrays_regression.check({"ramp": np.arange(100.0)})

def test_energy(metrics_regression):
    metrics_regression.check({"energy": 0.5})
"""
SINE, RAMP = "golden/tests/test_waves/test_sine.npz", "golden/tests/test_waves/test_ramp.npz"


@dataclass(frozen=True, slots=True)
class Clone:
    """A clone, and the environment of the commands that run in it."""

    root: Path
    env: dict[str, str]

    def run(self, *command: str, code: int = 0) -> str:
        """Run a command; return what it printed."""
        done = subprocess.run(
            command, cwd=self.root, env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert SECRET not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout

    def git(self, *words: str) -> str:
        return self.run("git", *words)

    def harness(self, *words: str, code: int = 0) -> str:
        program = "from harness.cli import main; main()"
        return self.run(sys.executable, "-c", program, *words, code=code)

    def pytest(self, *words: str, code: int = 0) -> str:
        return self.run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words, code=code)

    def record(self, factor: float, reason: str) -> None:
        """Record the golden files of a version of the project, and commit them."""
        (self.root / "tests" / "test_waves.py").write_text(TESTS.replace("FACTOR", str(factor)))
        self.pytest("--force-regen", f"--golden-reason={reason}", code=1)
        self.git("add", "--all")
        self.git("commit", "-q", "-m", reason)

    def archives(self) -> list[str]:
        """Paths of the archives that are here."""
        return sorted(path.relative_to(self.root).as_posix() for path in self.root.glob("golden/**/*.npz"))


@contextmanager
def _directory(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    (folder / "store").mkdir()
    yield (folder / "store").as_uri(), {}


@contextmanager
def _bucket(_folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    with moto_server() as url:
        yield f"s3://{BUCKET}/waves", credentials(url)


@pytest.fixture
def first(request, tmp_path) -> Iterator[Clone]:
    """A clone with a project that was recorded and pushed; git has no archive."""
    names = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
    with request.param(tmp_path) as (store, variables):
        env = {**os.environ, **dict.fromkeys(names, "somebody"), "GIT_CONFIG_GLOBAL": os.devnull}
        env = {name: value for name, value in env.items() if not name.startswith(("HARNESS_", "PYTEST_"))}
        clone = Clone(tmp_path / "first", {**env, **variables})
        (clone.root / "tests").mkdir(parents=True)
        (clone.root / "pyproject.toml").write_text(f'[tool.harness]\nstore = "{store}"\n')
        (clone.root / ".gitignore").write_text("golden/**/*.npz\n__pycache__/\n")
        clone.git("init", "-q", "-b", "main")
        clone.git("init", "-q", "--bare", str(tmp_path / "origin"))
        clone.git("remote", "add", "origin", str(tmp_path / "origin"))
        clone.record(1.0, "first light")
        clone.git("push", "-q", "origin", "main")
        yield clone


@pytest.fixture
def second(first, tmp_path) -> Clone:
    """Another clone of it."""
    first.git("clone", "-q", "-b", "main", str(tmp_path / "origin"), str(tmp_path / "second"))
    return Clone(tmp_path / "second", first.env)


@pytest.mark.parametrize("first", [_bucket], ids=["bucket"], indirect=True)
def test_a_bucket_serves_a_second_clone(first, second, tmp_path):
    """No credential is written anywhere."""
    assert "fetched from the store: golden/tests/test_waves/test_sine.npz" in second.pytest("-k", "sine")
    assert second.archives() == [SINE]
    assert "5 of 5 golden files match the registry, 1 of them in the store." in second.harness("verify")
    assert "0 broken, 0 weak" in second.harness("audit", "-q")
    assert "kept 5 objects that the repository names" in first.harness("gc", "--dry-run", "--grace", "0")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]


@pytest.mark.parametrize("first", [_directory], ids=["directory"], indirect=True)
def test_old_versions_are_used_where_only_the_store_has_them(first, second):
    """A second clone fetches what its tests need, audits, compares and records; the first one goes on."""
    second.record(1.5, "another gain")
    assert second.archives() == [RAMP, SINE]
    for path in (RAMP, SINE):
        (second.root / path).unlink()
    compared = json.loads(second.harness("diff", "HEAD~1", "HEAD", "--json", code=1))
    assert [file["path"] for file in compared["files"] if file["path"].endswith(".npz")] == [SINE]
    assert second.archives() == []
    second.record(1.75, "a third gain")
    assert_drift_is_known(second)
    assert "reproduced" in second.harness("reproduce", "tests/test_waves/test_ramp")
    second.git("push", "-q", "origin", "main")
    first.git("pull", "-q", "origin", "main")
    assert "drifted: golden/tests/test_waves/test_sine.npz" in first.harness("verify", code=1)
    (first.root / SINE).unlink()
    first.harness("fetch", "tests/test_waves/test_sine")
    assert first.harness("verify") == "5 of 5 golden files match the registry.\n"
    assert "0 broken, 0 weak" in first.harness("audit", "-q")
    assert "kept 9 objects that the repository names" in first.harness("gc", "--dry-run", "--grace", "0")


def assert_drift_is_known(clone: Clone) -> None:
    """The third version was compared with the second one and with the first one, which only the store has."""
    project = Project(clone.root)
    history = read_history(project)
    record = history.records[read_registry(project.registry).entries[SINE].record]
    assert record.reason == "a third gain"
    assert record.cumulative.from_last is not None
    assert record.cumulative.from_first is not None
    assert record.cumulative.from_first.tolerances > record.cumulative.from_last.tolerances
