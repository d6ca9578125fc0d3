"""``harness audit`` and ``harness reproduce`` as a user types them, in a project of another field."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from harness.core.system.ci import VARIABLES

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = """
[tool.pytest.ini_options]
golden_unreferenced = "warn"

[tool.harness]
sources = ["scans"]

[tool.harness.generators]
waves = "waves:waves"
"""

MODULE = """
from __future__ import annotations
import os
from pathlib import Path
import numpy as np
from harness import Generator, Source, make_fixture
from harness.core.storage.digest import digest_file

def waves(*, count: int = 4, photons: float = 1e6):
    t = np.arange(count * 16.0).reshape(count, 16)
    call = Generator("waves:waves", 1, {"count": count, "photons": photons})
    return make_fixture("waves", {"wave": np.sin(t)}, generator=call, source=Source("simulated", "xxh128:0"))

def scanned(*, source: Path, scale: float = 2.0):
    values = np.frombuffer(source.read_bytes(), "u1") * scale
    return make_fixture("scanned", {"scan": values}, source=Source(source.name, digest_file(source)),
                        generator=Generator("waves:scanned", 1, {"scale": scale}))
"""

SUITE = """
from pathlib import Path
from waves import scanned, waves

def test_waves(fixture_regression):
    fixture_regression.check(waves())

def test_scanned(fixture_regression):
    fixture_regression.check(scanned(source=Path(__file__).parent / "scans" / "scan.bin"))
"""


def git(folder: Path, *arguments: str) -> None:
    command = ["git", "-C", str(folder), "-c", "commit.gpgsign=false", *arguments]
    subprocess.run(command, check=True, capture_output=True)


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the project's own tests."""
    env = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A project in git: one simulated fixture, one from a source file, both recorded by its tests."""
    folder = tmp_path_factory.mktemp("project")
    for name, text in {
        "pyproject.toml": PROJECT,
        "waves.py": MODULE,
        "test_waves.py": SUITE,
        ".gitignore": "__pycache__\n.harness\n",
    }.items():
        (folder / name).write_text(text)
    (folder / "scans").mkdir()
    (folder / "scans" / "scan.bin").write_bytes(bytes(range(16)))
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "user.name", "Ada Lovelace")
    git(folder, "config", "user.email", "ada@example.org")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Begin")
    done = pytest_in(folder, "--regen-all", "--golden-reason", "first light")
    assert done.returncode == 0, done.stdout
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Record waves and scan")
    return folder


@pytest.fixture
def project(template, tmp_path):
    """A copy of that project, the test's own."""
    return shutil.copytree(template, tmp_path, dirs_exist_ok=True)


def test_a_fixture_from_a_source_file_is_recorded_where_the_project_lists_it(template):
    """Its double generation finds the source by name and digest; the record knows code and bytes."""
    entries = json.loads((template / "registry.json").read_bytes())["entries"]
    assert set(entries) == {f"golden/{n}.{e}" for n in ("waves", "scanned") for e in ("json", "npz")}
    for path, entry in entries.items():
        assert entry["record"]["sha256"] == entry["sha256"]
        assert ("code" in entry["record"]) == path.endswith(".json")


def test_a_source_that_is_nowhere_listed_is_not_recorded(project):
    """The refusal names the setting; nothing is written."""
    text = (project / "pyproject.toml").read_text().replace('"scans"', "")
    (project / "pyproject.toml").write_text(text)
    (project / "scans" / "scan.bin").write_bytes(bytes(range(1, 17)))
    before = (project / "registry.json").read_bytes()
    done = pytest_in(project, "--regen-all", "--golden-reason", "other scan")
    assert done.returncode != 0
    assert "[tool.harness] sources" in done.stdout
    assert (project / "registry.json").read_bytes() == before


def test_audit_of_honest_work_finds_nothing(project, harness):
    """Each file's chain, from source and generator to the commit with its author and subject."""
    shown = harness("audit")
    assert shown.code == 0
    assert shown.out.splitlines()[-1] == "4 golden files audited: 0 broken, 0 weak, 0 informational."
    for text in (
        "source    scan.bin xxh128:",
        "generator waves:waves, version 1: count=4, photons=1000000.0",
        "record    1, the newest of ",
        "by Ada Lovelace: first light",
        "by Ada Lovelace: Record waves and scan",
    ):
        assert text in shown.out


def test_audit_names_what_is_broken_and_ends_with_1(project, harness):
    data = bytearray((project / "golden" / "waves.npz").read_bytes())
    data[-40] ^= 1
    (project / "golden" / "waves.npz").write_bytes(data)
    shown = harness("audit", "waves")
    assert shown.code == 1
    assert "broken: golden/waves.npz: bytes: expected sha256 sha256:" in shown.out
    assert "git checkout -- golden/waves.npz" in shown.out
    told = json.loads(harness("audit", "--json").out)
    assert told["broken"] is True
    assert {"rank": "broken", "rule": "bytes", "path": "golden/waves.npz"}.items() <= {
        key: told["findings"][0][key] for key in ("rank", "rule", "path")
    }.items()
    assert [chain["path"] for chain in told["chains"]] == sorted(chain["path"] for chain in told["chains"])
    assert harness("audit", "scanned").code == 0


def test_audit_tells_of_an_entry_outside_though_no_other_verb_reads_it(project, harness):
    """The registry is refused elsewhere; an audit goes on, with exit code 1."""
    text = (project / "registry.json").read_text().replace("golden/waves.npz", "../waves.npz")
    (project / "registry.json").write_text(text)
    shown = harness("audit")
    assert shown.code == 1
    assert "broken: ../waves.npz: place: " in shown.out


def test_audit_shows_control_codes_as_text(project, harness):
    """Whoever wrote a reason or a path cannot write on the terminal."""
    told = json.loads((project / "registry.json").read_bytes())
    told["entries"]["golden/waves.npz"]["record"]["reason"] = "a\x1b[31m\r\nb"
    told["entries"]["evil\x07"] = told["entries"].pop("golden/scanned.npz")
    (project / "registry.json").write_text(json.dumps(told))
    shown = harness("audit")
    assert shown.code == 1
    assert not set(shown.out) & {"\x1b", "\x07", "\r"}
    assert "a\\x1b[31m\\r\\nb" in shown.out
    assert "evil\\x07" in shown.out


def test_audit_writes_a_statement_a_line(project, harness):
    """For one fixture alone, or for all; subjects are the files as the registry has them."""
    shown = harness("audit", "waves", "--format", "in-toto")
    assert shown.code == 0
    (line,) = shown.out.splitlines()
    statement = json.loads(line)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert [s["name"] for s in statement["subject"]] == ["golden/waves.json", "golden/waves.npz"]
    assert len(harness("audit", "--format", "in-toto").out.splitlines()) == 2


def test_audit_warns_of_a_statement_on_broken_files(project, harness):
    (project / "golden" / "waves.npz").unlink()
    shown = harness("audit", "--format", "in-toto")
    assert shown.code == 1
    assert all(json.loads(line)["subject"] for line in shown.out.splitlines())
    assert "broken: golden/waves.npz: missing" in shown.err


def test_audit_knows_what_the_last_full_run_did_not_use(project, harness):
    (project / "test_waves.py").write_text(SUITE.partition("def test_scanned")[0])
    assert pytest_in(project).returncode == 0
    shown = harness("audit")
    assert shown.code == 0
    assert "weak: golden/scanned.json, golden/scanned.npz: unreferenced" in shown.out


def test_audit_of_a_partial_run_knows_nothing(project, harness):
    assert pytest_in(project, "-k", "waves").returncode == 0
    assert "unreferenced" not in harness("audit").out


@pytest.mark.parametrize("verb", ["audit", "reproduce"])
def test_a_name_that_is_not_golden_is_a_usage_error(project, harness, verb):
    shown = harness(verb, "nothing")
    assert shown.code == 2
    assert "one of scanned, waves" in shown.err


def test_reproduce_makes_every_fixture_again(project, harness):
    """Simulated and from a source alike; a run writes nothing."""
    before = {path: path.read_bytes() for path in (project / "golden").iterdir()}
    shown = harness("reproduce")
    assert (shown.code, shown.out) == (0, "scanned: reproduced\nwaves: reproduced\n")
    assert {path: path.read_bytes() for path in (project / "golden").iterdir()} == before


def test_reproduce_puts_drift_down_to_its_cause(project, harness):
    """The cause leads; what differs besides and where the arrays drifted follow."""
    (project / "waves.py").write_text(MODULE.replace("np.sin", "np.cos"))
    shown = harness("reproduce", "waves")
    assert shown.code == 1
    lines = shown.out.splitlines()
    assert lines[0] == "waves: drifted: code"
    assert lines[1].startswith("  code: code: dirHash:")
    assert "  wave: 64 of 64 elements differ (100 %)" in lines
    (told,) = json.loads(harness("reproduce", "waves", "--json").out)
    assert (told["result"], told["cause"]) == ("drifted", "code")
    assert "code of waves:waves has changed since it was recorded" in harness("audit").out


def test_reproduce_finds_a_source_that_moved_by_option(project, harness):
    """Missing is exit 2, for there is no answer; --source takes a directory or the file."""
    (project / "scans").rename(project / "moved")
    shown = harness("reproduce")
    assert shown.code == 2
    assert "scanned: source missing" in shown.out
    assert "[tool.harness] sources" in shown.out
    assert harness("reproduce", "--source", "moved").code == 0
    assert harness("reproduce", "scanned", "--source", "moved/scan.bin").code == 0


def test_liveness_reports_the_number_that_nothing_uses(project, harness):
    """Exit 1: the manifest tells of photons that no array depends on."""
    shown = harness("reproduce", "--liveness")
    assert shown.code == 1
    assert "  inert: photons = 1000000.0: 1001000.0 and 999000.0 make the same arrays\n" in shown.out
    assert "  live: count = 4: 5 makes other arrays\n" in shown.out
    assert "  live: scale = 2.0: 2.002 makes other arrays\n" in shown.out
