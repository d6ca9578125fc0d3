"""Commands on broken files: exit code 1 or 2, one message, nothing changed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from arena import READERS, lattice, odd_scan
from harms import HARMS

from harness.core.baselines.baseline import encode_baseline
from harness.core.baselines.calibrate import provisional_baseline
from harness.core.fixtures.fixture import make_fixture, write_fixture
from harness.core.fixtures.manifest import Generator, Source
from harness.core.recording.commit import commit
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged
from harness.core.storage.project import JOURNAL, Project

ARCHIVE, MANIFEST, BASELINE = "golden/lattice.npz", "golden/lattice.json", "golden/lattice.smooth.json"

REFUSED = {
    "check FILE": "npz",
    "diff FILE sound.npz": "npz",
    "diff sound.npz FILE": "npz",
    "generate --source FILE --output out": "npz",
    "reconstruct FILE --output out": "slow",
    "verify": "registry",
    "audit": "registry",
    "reproduce": "registry",
    "reconstruct": "registry",
    "status": "registry",
    "rm lattice --baselines --force --reason why": "registry",
    "mv lattice.smooth lattice.rough --reason why": "registry",
    "mv lattice grid --reason why": "golden json",
    "recover": "journal",
    f"add {ARCHIVE} {MANIFEST} --reason why": "golden npz",
    f"add {MANIFEST} {ARCHIVE} --reason why": "golden json",
    "add FILE --reason why": "file",
    f"add {BASELINE} --reason why": "registry",
    "merge-registry FILE sound.json sound.json": "base",
    "merge-registry sound.json FILE sound.json": "registry",
    "merge-registry sound.json ours.json FILE": "registry",
}
"""Command -> what is broken: the FILE it names, the registry or the journal."""

TRIED = {
    "npz": ("pipe", "directory", "empty", "half", "not UTF-8", "pickled objects", "bomb that says so",
            "all claim 10^12", "name for terminals", "name that climbs", "name twice",
            "member not listed", "another name in front", "members miscounted", "wrong checksum",
            "bytes behind deflate"),
    "json": ("pipe", "directory", "link to itself", "empty", "half", "not UTF-8", "key twice",
             "conflict markers", "unclosed lists", "a key for terminals", "another schema"),
}  # fmt: skip
TRIED["journal"] = TRIED["golden json"] = TRIED["json"]
TRIED["registry"] = (*TRIED["json"], "a size of -1", "half a surrogate in a path")
TRIED["base"] = tuple(harm for harm in TRIED["registry"] if harm != "empty")  # git has no base at times
TRIED["golden npz"] = TRIED["npz"]
TRIED["file"] = ("pipe", "endless device")
TRIED["slow"] = ("pipe", "half", "bomb that says so", "name for terminals")  # starts a process with torch
ROWS = {
    "npz": (READERS["archive"], "broken.npz"),
    "slow": (READERS["archive"], "broken.npz"),
    "registry": (READERS["registry"], "registry.json"),
    "base": (READERS["registry"], "registry.json"),
    "journal": (READERS["journal"], JOURNAL),
    "golden npz": (READERS["archive"], ARCHIVE),
    "golden json": (READERS["manifest"], MANIFEST),
    "file": (READERS["digest"], "golden/mask.tif"),
}
CASES = [(call, harm) for call, kind in REFUSED.items() for harm in TRIED[kind]]


def make_project(root: Path) -> Project:
    """Make a repository with a golden fixture and a baseline."""
    root.mkdir(exist_ok=True)
    project, generator = Project(root), Generator("example:lattice", 1, {"seed": 0})
    made = make_fixture("lattice", lattice(), generator=generator, source=Source("simulated", "xxh128:0"))
    npz, manifest = write_fixture(made, root / "staged")
    baseline = root / "staged" / "baseline.json"
    baseline.write_bytes(encode_baseline(provisional_baseline({"mae": 0.25})))
    staged = [
        Staged(ARCHIVE, "fixture", npz),
        Staged(MANIFEST, "manifest", manifest),
        Staged(BASELINE, "baseline", baseline),
    ]
    commit(project, plan(project, staged), reason="first", command="pytest --force-regen")
    npz.replace(root / "sound.npz")
    for name in ("sound.json", "ours.json"):
        (root / name).write_bytes(project.registry.read_bytes())
    return project


@pytest.fixture
def project(tmp_path) -> Project:
    return make_project(tmp_path / "repository")


def contents(root: Path) -> dict[str, bytes]:
    files = [*root.glob("golden/*"), root / "registry.json", *root.glob("sound.*")]
    return {str(file): file.read_bytes() for file in files if file.is_file() and not file.is_symlink()}


def is_one_message(text: str) -> bool:
    return text.startswith("harness: ") and text.count("\n") == 1 and text[:-1].isprintable()


def is_usage_error(text: str, name: str) -> bool:
    """Whether *text* is click's own message about a path that is not there, or is a directory."""
    first, *_, last = text.splitlines()
    about = (
        rf"Error: Invalid value for '.*': (File|Path) '{re.escape(name)}' (does not exist|is a directory)."
    )
    return first.startswith("Usage: harness ") and re.fullmatch(about, last) is not None


@pytest.mark.parametrize(("call", "harm"), CASES)
def test_a_command_refuses_a_broken_file(attempt, project, call, harm):
    row, name = ROWS[REFUSED[call]]
    path = project.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    HARMS[row.kind][harm].do(path, row)
    before = contents(project.root)
    outcome = attempt(task="command", arguments=call.replace("FILE", name).split(), folder=str(project.root))
    assert outcome.ended in {"exit 1", "exit 2"}, outcome
    assert is_one_message(outcome.message) or is_usage_error(outcome.message, name), outcome
    assert Path(name).name in outcome.message
    assert outcome.peak_mb < 512
    assert contents(project.root) == before
    assert not list(project.root.glob("out/*.npz"))


NUMBERS = {
    "infinite": {"xcoords": np.inf},
    "no date": {"xcoords": np.datetime64("NaT", "s")},
    "text": {"ycoords": "a"},
    "far away": {"xcoords": 1e308},
    "lowest integer": {"ycoords": np.int64(-(2**63))},
    "one place": {"xcoords": 80.0, "ycoords": 80.0},
    "negative counts": {"diffraction": np.int64(-(2**63))},
    "most counts": {"diffraction": np.uint64(2**64 - 1)},
    "NaN": {"diffraction": np.float32("nan")},
    "dark": {"diffraction": np.float32(0)},
    "bright": {"diffraction": 1e308},
    "faint": {"diffraction": np.float32(1e-45)},
    "bright probe": {"probeGuess": 1e308 + 1e308j},
    "no probe": {"probeGuess": np.complex64(0)},
    "huge in single precision": {"diffraction": np.float32(3e38), "probeGuess": np.complex64(3e38)},
    "bright object": {"objectGuess": 1e308 + 0j},
}


@pytest.mark.parametrize("numbers", NUMBERS)
@pytest.mark.parametrize("call", ["check odd.npz", "check odd.npz --json", "generate --source odd.npz"])
def test_odd_numbers_in_a_sound_archive_are_refused_without_a_warning(attempt, tmp_path, call, numbers):
    """Findings on standard output, or one message: no traceback, no warning of numpy."""
    (tmp_path / "odd.npz").write_bytes(odd_scan(**NUMBERS[numbers]))
    arguments = [*call.split(), *(["--positions", "16"] if "generate" in call else [])]
    outcome = attempt(task="command", arguments=arguments, folder=str(tmp_path))
    assert outcome.ended in {"exit 1", "exit 2"}, outcome
    assert is_one_message(outcome.message) if outcome.message else outcome.shown
    assert [file.name for file in tmp_path.iterdir()] == ["odd.npz"]


@pytest.mark.parametrize("name", [ARCHIVE, MANIFEST, BASELINE])
@pytest.mark.parametrize("harm", ["pipe", "directory", "empty", "half", "not UTF-8", "zeros", "LFS pointer"])
def test_verify_gives_a_broken_golden_file_its_verdict(attempt, project, name, harm):
    """Exit code 1, verdict, remedy and the next command: a broken golden file does not end verify early."""
    path = project.root / name
    row = READERS["archive" if name == ARCHIVE else "manifest"]
    path.unlink()
    HARMS[row.kind][harm].do(path, row)
    before = contents(project.root)
    outcome = attempt(task="command", arguments=["verify"], folder=str(project.root))
    assert (outcome.ended, outcome.message) == ("exit 1", "")
    verdict, remedy, _, following = outcome.shown.splitlines()
    assert name in verdict
    assert following.startswith("next: ")
    assert "Restore it from a copy" in remedy
    assert contents(project.root) == before


@pytest.mark.parametrize("harm", TRIED["npz"])
def test_textconv_reports_what_it_cannot_read(attempt, project, harm):
    """With exit code 0 for any regular file, because `git diff` would stop at another exit code."""
    path = project.root / "broken.npz"
    HARMS["npz"][harm].do(path, READERS["archive"])
    outcome = attempt(task="command", arguments=["textconv", path.name], folder=str(project.root))
    if harm in {"pipe", "directory"}:
        assert outcome.ended == "exit 2"
        return
    assert (outcome.ended, outcome.message) == ("exit 0", "")
    assert outcome.shown.startswith("unreadable: ")
    assert outcome.shown.count("\n") == 1


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_names_that_a_terminal_cannot_show_are_escaped(attempt, project, as_json):
    """A name in golden/ that is not UTF-8, and one that would clear the screen."""
    for name in (b"golden/\xff.npz", b"golden/\x1b[2J\n.npz"):
        Path(os.fsdecode(os.fsencode(project.root) + b"/" + name)).touch()
    outcome = attempt(task="command", arguments=["verify", *as_json], folder=str(project.root))
    assert (outcome.ended, outcome.message) == ("exit 1", "")
    assert outcome.shown.replace("\n", "").isprintable()
    assert "udcff.npz" in outcome.shown


@pytest.mark.parametrize("settings", ["", '[tool.harness]\nstore = "../store"\n'], ids=["", "with a store"])
def test_verify_does_not_report_files_in_a_closed_directory_as_missing(attempt, settings):
    """It ends with an error. Root may enter any directory, so as root the command runs as another user."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        project = make_project(Path(folder) / "repository")
        (project.root / "pyproject.toml").write_text(settings)
        project.golden.chmod(0)
        as_nobody = os.geteuid() == 0
        outcome = attempt(task="command", arguments=["verify"], folder=str(project.root), as_nobody=as_nobody)
        project.golden.chmod(0o755)  # else an ordinary user could not remove it
    assert outcome.ended == "exit 2"
    assert is_one_message(outcome.message)
    assert "golden/lattice" in outcome.message
    assert "found Permission denied" in outcome.message


def test_a_broken_file_is_refused_in_a_process_of_its_own(project):
    """As typed at a prompt, without the arena."""
    (project.root / "registry.json").write_bytes(READERS["registry"].sound()[:-20])
    call = [sys.executable, "-m", "harness", "verify", "--root", str(project.root)]
    done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    assert is_one_message(done.stderr)
    assert "registry.json" in done.stderr
