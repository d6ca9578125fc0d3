"""Golden files that a test needs and that are not here are fetched, or listed with a command."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import pytest

from harness.core.errors import UnreadableError
from harness.core.registry.registry import read_registry
from harness.core.registry.stored.pushing import push_entries
from harness.core.storage.remote.store import Store
from harness.plugin.outcomes.absent_files import AbsentFiles

ARCHIVE, MANIFEST, BASELINE = "golden/lattice.npz", "golden/lattice.json", "golden/lattice.net.json"


@pytest.fixture
def entries(project, tmp_path, monkeypatch):
    """The entries of the project, which has a store with all its files, and none of them here."""
    monkeypatch.delenv("HARNESS_CACHE", raising=False)
    (tmp_path / "store").mkdir()
    (project.root / "pyproject.toml").write_text('[tool.harness]\nstore = "../store"\n')
    found = read_registry(project.registry).entries
    assert push_entries(project, found).problems == {}
    for path in found:
        (project.root / path).unlink()
    return found


@pytest.fixture
def unreachable(tmp_path):
    """Take the store away."""
    return lambda: (tmp_path / "store").rename(tmp_path / "elsewhere")


def test_only_what_is_asked_for_is_fetched(project, entries):
    absent = AbsentFiles(project)
    absent.bring({ARCHIVE: entries[ARCHIVE]})
    absent.bring({ARCHIVE: entries[ARCHIVE]})
    assert (project.root / ARCHIVE).is_file()
    assert not (project.root / MANIFEST).exists()
    assert list(absent.lines()) == [f"fetched from the store: {ARCHIVE}"]


def test_without_a_store_nothing_is_done(project, entries):
    (project.root / "pyproject.toml").unlink()
    absent = AbsentFiles(project)
    absent.bring(entries)
    assert list(absent.lines()) == []


def test_an_error_names_the_file_and_the_command(project, entries, unreachable):
    unreachable()
    absent = AbsentFiles(project)
    with pytest.raises(UnreadableError, match="1 golden file is not here and could not be fetched") as raised:
        absent.bring({ARCHIVE: entries[ARCHIVE]})
    assert raised.value.remedy == "When the store can be reached, run `harness fetch lattice`."


def test_a_store_that_is_silent_is_asked_once(project, entries, unreachable, monkeypatch):
    """A session may have thousands of tests. Each file is listed once."""
    unreachable()
    absent, calls, sizes = AbsentFiles(project), [], Store.sizes
    monkeypatch.setattr(Store, "sizes", lambda *asked: calls.append(asked) or sizes(*asked))
    for path in (ARCHIVE, BASELINE, ARCHIVE):
        with pytest.raises(UnreadableError):
            absent.bring({path: entries[path]})
    assert len(calls) == 1
    lines = list(absent.lines())
    assert lines[0] == "not here, and could not be fetched: 2 golden files that tests need"
    assert lines[1:3] == [f"  {BASELINE}", f"  {ARCHIVE}"]
    assert lines[-1] == "When the store can be reached, run `harness fetch lattice.net lattice`."


def test_a_lost_object_silences_nothing(project, entries, tmp_path):
    """The next file is fetched."""
    digits = entries[ARCHIVE].sha256.partition(":")[2]
    (tmp_path / "store" / "sha256" / digits[:2] / digits[2:]).unlink()
    absent = AbsentFiles(project)
    with pytest.raises(UnreadableError, match="does not have object"):
        absent.bring({ARCHIVE: entries[ARCHIVE]})
    absent.bring({BASELINE: entries[BASELINE]})
    assert (project.root / BASELINE).is_file()


def test_what_workers_send_is_added(project):
    """What one could not fetch and another has fetched is not missing."""
    one, other, both = AbsentFiles(project), AbsentFiles(project), AbsentFiles(project)
    one.missing |= {ARCHIVE: "silence", BASELINE: "silence"}
    other.fetched.add(ARCHIVE)
    for worker in (one, other):
        both.add_worker(worker.to_plain())
    assert list(both.lines())[2:4] == [f"  {BASELINE}", "  silence"]


def test_warnings_of_other_packages_are_no_errors(project, entries, monkeypatch):
    """A project that makes errors of warnings cannot change those packages."""
    blocks = Store.reading

    def warn(*asked, **options):
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        return blocks(*asked, **options)

    monkeypatch.setattr(Store, "reading", warn)
    AbsentFiles(project).bring({ARCHIVE: entries[ARCHIVE]})
    assert (project.root / ARCHIVE).is_file()


TESTS = """
import pytest

@pytest.mark.parametrize("number", range(4))
def test_net(metrics_regression, number):
    metrics_regression.check({"ssim": 0.5}, "lattice.net")
"""


@pytest.mark.parametrize("words", [[], ["-n", "2"]])
def test_a_session_without_the_store(project, entries, unreachable, words):
    """Each test fails with the command, and the summary lists the file once; with the store all pass."""
    if words:
        pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    (project.root / "test_net.py").write_text(TESTS)

    def run(**variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-q", "-rN", "-p", "no:cacheprovider", *words]
        env = {**os.environ, "COLUMNS": "200", **variables}
        return subprocess.run(command, cwd=project.root, env=env, capture_output=True, text=True, check=False)

    store = project.root.parent / "store"
    unreachable()
    done = run()
    assert done.returncode == 1, done.stderr
    assert done.stdout.count(f"could not be fetched, {BASELINE}: ") == 4
    assert done.stdout.count(f"\n  {BASELINE}\n") == 1
    assert done.stdout.count("\nWhen the store can be reached, run `harness fetch lattice.net`.") == 1
    store.with_name("elsewhere").rename(store)
    done = run(CI="true")
    assert done.returncode == 0, done.stdout
    assert f"fetched from the store: {BASELINE}" in done.stdout
    assert not (project.root / ARCHIVE).exists()
