"""What a session on another machine obtained becomes golden, or one error says why not."""

from __future__ import annotations

import shutil

import msgspec
import numpy as np
import pytest

from harness.core.baselines.baseline import encode_baseline
from harness.core.baselines.calibrate import provisional_baseline
from harness.core.errors import HarnessError, RefusedError, UnreadableError, UsageError
from harness.core.exchange.take_obtained import prepare_taking, record_taking
from harness.core.fixtures.fixture import make_fixture, read_fixture, write_fixture
from harness.core.fixtures.manifest import Generator, Source
from harness.core.obtained.results import CheckResult, SessionResults
from harness.core.recording.commit import commit
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged
from harness.core.registry.history import Environment, read_history, record_digest
from harness.core.registry.registry import read_registry
from harness.core.storage.digest import sha256_file
from harness.core.storage.project import Project
from harness.core.verdict import Outcome

STEM, METRICS = "test_waves/test_spectrum", "test_waves/test_energy.metrics"
ENVIRONMENT = {"numpy": "2.9.0", "platform": "Elsewhere"}


def fixture(shift: float, name: str = STEM):
    generator = Generator("test_waves:test_spectrum", 1, {}, test="test_waves.py::test_spectrum")
    arrays = {"power": np.arange(4.0) + shift}
    return make_fixture(name, arrays, generator=generator, source=Source("simulated", "none"))


def write(folder, shift: float) -> dict[str, dict[str, str]]:
    """Write a fixture and a baseline below a directory; return their digests, by golden name."""
    files = write_fixture(fixture(shift), folder)
    baseline = folder / f"{METRICS}.json"
    baseline.write_bytes(encode_baseline(provisional_baseline({"energy": 1.0 + shift})))
    digests = {path.relative_to(folder).as_posix(): sha256_file(path) for path in (*files, baseline)}
    metrics = f"{METRICS}.json"
    return {
        STEM: {key: value for key, value in digests.items() if key != metrics},
        METRICS: {metrics: digests[metrics]},
    }


@pytest.fixture
def project(tmp_path) -> Project:
    """A project with golden arrays and metrics."""
    root = tmp_path / "project"
    root.mkdir()
    made = Project(root)
    write(tmp_path / "first", 0.0)
    kinds = {f"{STEM}.npz": "fixture", f"{STEM}.json": "manifest", f"{METRICS}.json": "baseline"}
    staged = [Staged(f"golden/{name}", kind, tmp_path / "first" / name) for name, kind in kinds.items()]
    commit(made, plan(made, staged), reason="first", command="pytest --force-regen")
    return made


class Download:
    """A directory as CI keeps it, in which both checks drifted."""

    def __init__(self, path, project):
        self.path = path
        path.mkdir()
        known = {
            stem: {name: sha256_file(project.golden / name) for name in names}
            for stem, names in (
                (STEM, (f"{STEM}.npz", f"{STEM}.json")),
                (METRICS, (f"{METRICS}.json",)),
            )
        }
        files = write(path, 0.5)
        drifted = (Outcome.DRIFTED, "drifted")
        self.checks = [
            CheckResult("test_spectrum", STEM, "fixture", *drifted, golden=known[STEM], files=files[STEM]),
            CheckResult(
                "test_energy", METRICS, "baseline", *drifted, golden=known[METRICS], files=files[METRICS]
            ),
        ]
        self.more = {}

    def change(self, number: int, **changes) -> None:
        self.checks[number] = msgspec.structs.replace(self.checks[number], **changes)

    def save(self):
        """Write the results, and return the directory."""
        session = {
            "at": "2026-01-31T12:00:00Z",
            "seconds": 1.0,
            "environment": ENVIRONMENT,
            "environment_digest": record_digest(Environment(ENVIRONMENT)),
            "checks": tuple(self.checks),
            **self.more,
        }
        (self.path / "results.json").write_bytes(msgspec.json.encode(SessionResults(**session)))
        return self.path


@pytest.fixture
def download(tmp_path, project) -> Download:
    return Download(tmp_path / "download", project)


@pytest.fixture
def take(tmp_path, project, download):
    """Take the download, or some of it."""

    def run(*names, restart=False):
        folder = tmp_path / "new"
        shutil.rmtree(folder, ignore_errors=True)
        taking = prepare_taking(project, download.save(), names, folder, restart=restart)
        record_taking(project, taking, reason="numpy 2.9", command="harness take", say=print)
        return taking

    return run


def golden_bytes(project) -> dict[str, bytes]:
    files = [file for file in project.golden.rglob("*") if file.is_file()]
    return {file.name: file.read_bytes() for file in (*files, project.registry)}


def test_everything_that_failed_becomes_golden(project, take):
    taking = take()
    assert [change.path for change in taking.changes] == [
        f"golden/{METRICS}.json",
        f"golden/{STEM}.json",
        f"golden/{STEM}.npz",
    ]
    assert read_fixture(project.golden / f"{STEM}.npz").arrays["power"].tolist() == [0.5, 1.5, 2.5, 3.5]
    assert taking.left == ()


def test_records_say_where_it_was_made_and_that_nothing_made_it_again(project, take):
    take()
    history = read_history(project)
    entries = read_registry(project.registry).entries
    for path, entry in entries.items():
        record = history.records[entry.record]
        assert record.reason == "numpy 2.9 (taken from a pytest session on another machine, not made again)"
        assert record.imported_from == "download (pytest on another machine, 2026-01-31T12:00:00Z)"
        assert history.environments[record.environment].environment == ENVIRONMENT
        assert record.path == path


def test_one_name_can_be_taken_alone(project, take):
    before = golden_bytes(project)
    taking = take(METRICS)
    assert [change.path for change in taking.changes] == [f"golden/{METRICS}.json"]
    assert golden_bytes(project)["test_spectrum.npz"] == before["test_spectrum.npz"]


def test_what_is_golden_already_is_left(project, take):
    """After a first take, and after one that was asked for one name alone."""
    take(METRICS)
    assert {change.path for change in take().changes} == {f"golden/{STEM}.npz", f"golden/{STEM}.json"}
    before = golden_bytes(project)
    assert take().changes == ()
    assert golden_bytes(project) == before


def test_a_new_golden_file_can_be_taken(project, take, download):
    """One that only the other machine can make: it has a graphics card."""
    name = "test_waves/test_spectrum/variant-cuda"
    files = write_fixture(fixture(0.25, name), download.path)
    digests = {path.relative_to(download.path).as_posix(): sha256_file(path) for path in files}
    download.checks.append(
        CheckResult("test_spectrum", name, "fixture", Outcome.MISSING, "missing", files=digests)
    )
    take(name)
    assert f"golden/{name}.npz" in read_registry(project.registry).entries


def test_checks_that_passed_are_not_taken(project, take, download):
    """Also if the session kept what they obtained."""
    download.change(0, outcome=Outcome.TOLERATED, word="within tolerance")
    assert [check.stem for check in take().taken] == [METRICS]


def test_what_cannot_be_taken_is_left_with_the_reason(take, download):
    download.change(0, unfit="test_spectrum is expected to fail")
    download.checks.append(CheckResult("test_x", "test_x/test_x", "fixture", Outcome.DRIFTED, "drifted"))
    assert [(one.stem, one.why) for one in take().left] == [
        (STEM, "test_spectrum is expected to fail"),
        ("test_x/test_x", "the session could not save its data"),
    ]


REFUSED = {
    "it did not end": (
        lambda d: d.more.update(complete=False),
        RefusedError,
        "did not run to its end. Run it again in CI",
    ),
    "another environment's digest": (
        lambda d: d.more.update(environment={"numpy": "1.0"}),
        UnreadableError,
        "environment of a pytest session",
    ),
    "a huge environment": (
        lambda d: d.more.update(environment={"a": "b" * 2000}),
        UnreadableError,
        "environment of a pytest session",
    ),
    "another golden version": (
        lambda d: d.change(0, golden={f"{STEM}.npz": "sha256:" + "1" * 64}),
        RefusedError,
        f"golden/{STEM}.npz is not the one that the session compared with: 111111111111 there",
    ),
    "no golden file there": (
        lambda d: d.change(1, golden={}),
        RefusedError,
        "none there, .* Check out the commit that CI tested",
    ),
    "a file that is missing": (
        lambda d: (d.path / f"{STEM}.npz").unlink(),
        UnreadableError,
        "beside the results, found none",
    ),
    "a file that was changed": (
        lambda d: (d.path / f"{STEM}.npz").write_bytes(b"PK"),
        UnreadableError,
        "expected the file that the session saved",
    ),
    "a link": (
        lambda d: (
            (d.path / f"{STEM}.npz").rename(d.path / "real.npz"),
            (d.path / f"{STEM}.npz").symlink_to(d.path / "real.npz"),
        ),
        UnreadableError,
        "symbolic link",
    ),
    "two contents": (
        lambda d: d.checks.append(
            msgspec.structs.replace(d.checks[0], test="test_b", files={f"{STEM}.npz": "sha256:" + "1" * 64})
        ),
        RefusedError,
        "test_spectrum and test_b found different content under the name",
    ),
    "a test that accepts the golden file": (
        lambda d: d.checks.append(
            msgspec.structs.replace(
                d.checks[0], test="test_b", outcome=Outcome.SAME, word="identical", files={}
            )
        ),
        RefusedError,
        "found different content",
    ),
    "only the archive": (
        lambda d: d.change(0, files={f"{STEM}.npz": d.checks[0].files[f"{STEM}.npz"]}),
        UnreadableError,
        "an archive with the manifest of this name, found one of them",
    ),
    "nothing that failed": (
        lambda d: [d.change(n, outcome=Outcome.SAME, word="identical") for n in (0, 1)],
        UsageError,
        r"nothing to take: no check of the session failed \(2 passed\)",
    ),
    "nothing that was saved": (
        lambda d: [d.change(n, files={}) for n in (0, 1)],
        UsageError,
        "nothing to take: .* the session could not save its data",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_must_not_be_taken_changes_nothing(project, take, download, case):
    change, kind, match = REFUSED[case]
    before = golden_bytes(project)
    change(download)
    with pytest.raises(kind, match=match):
        take()
    assert golden_bytes(project) == before


def replaced(download, stem: str, write) -> None:
    """Have another file in the download, with its own digest in the results."""
    write()
    number = 0 if stem == STEM else 1
    download.change(
        number, files={name: sha256_file(download.path / name) for name in download.checks[number].files}
    )


def test_arrays_that_the_manifest_does_not_describe_are_refused(take, download, tmp_path):
    replaced(
        download, STEM, lambda: shutil.copy(tmp_path / "first" / f"{STEM}.npz", download.path / f"{STEM}.npz")
    )
    with pytest.raises(UnreadableError, match="expected the arrays that its manifest describes"):
        take()


def test_a_manifest_of_another_name_is_refused(take, download, tmp_path):
    def write_other():
        archive, manifest = write_fixture(fixture(0.5, "other"), tmp_path / "other")
        shutil.copy(archive, download.path / f"{STEM}.npz")
        shutil.copy(manifest, download.path / f"{STEM}.json")

    replaced(download, STEM, write_other)
    with pytest.raises(UnreadableError, match="found another manifest"):
        take()


def test_pickled_arrays_are_refused(take, download):
    def write_pickled():
        np.savez(download.path / f"{STEM}.npz", power=np.array([{}], dtype=object))

    replaced(download, STEM, write_pickled)
    with pytest.raises(HarnessError):
        take()


def test_a_baseline_that_names_code_is_refused(project, take, download):
    """`harness audit --remeasure` would call it."""
    named = msgspec.structs.replace(provisional_baseline({"energy": 2.0}), measure="os:system")
    replaced(
        download, METRICS, lambda: (download.path / f"{METRICS}.json").write_bytes(encode_baseline(named))
    )
    before = golden_bytes(project)
    with pytest.raises(UnreadableError, match="a reference to code"):
        take()
    assert golden_bytes(project) == before


def test_a_name_that_is_not_there_is_refused(take, download):
    download.change(1, unfit="all zero")
    with pytest.raises(UsageError, match=r"no failing check of .* has the golden name 'test_x'"):
        take("test_x")
    with pytest.raises(RefusedError, match="all zero"):
        take(METRICS)


def test_the_limit_of_cumulative_drift_applies(project, take):
    """As to what pytest records; it can be started again."""
    (project.root / "pytest.ini").write_text("[pytest]\ngolden_max_drift = 2\n")
    with pytest.raises(RefusedError, match="expected at most 2 tolerances from its first version"):
        take()
    assert take(restart=True).changes
    (project.root / "pytest.ini").write_text("[pytest]\ngolden_max_drift = many\n")
    with pytest.raises(UsageError, match=r"golden_max_drift in .*expected a number of tolerances"):
        take()
