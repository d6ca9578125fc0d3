"""Generators run again: whether the arrays are the same, and the likely cause if not."""

from __future__ import annotations

import msgspec
import pytest

from harness.core.errors import DependencyError, RemakeError, SourceMissingError, UsageError
from harness.core.fixtures.fixture import write_fixture
from harness.core.fixtures.manifest import Generator, Source
from harness.core.provenance.reproduce import Cause, Farthest, Result, recorded_manifests, reproduce
from harness.core.registry.format import Registry, encode_registry
from harness.core.registry.history import Environment, append, read_history, record_digest
from harness.core.registry.registry import history_path, read_registry
from harness.core.rerun.reproducible import rerun_in_new_process


def again(project, given=None):
    (recorded,) = recorded_manifests(project, "made")
    return reproduce(project, recorded, given)


def causes(made) -> dict[str, Cause]:
    return {item.thing: item.cause for item in made.differing}


def with_environment(project, **changes: str) -> None:
    """Edit the record as if the manifest had been recorded in another environment."""
    entries, history = dict(read_registry(project.registry).entries), read_history(project)
    record = history.records[entries["golden/made.json"].record]
    environment = Environment(history.environments[record.environment].environment | changes)
    edited = msgspec.structs.replace(record, environment=record_digest(environment))
    path = history_path(project)
    path.write_bytes(append(path.read_bytes(), [environment, edited]))
    entries["golden/made.json"] = entries["golden/made.json"]._replace(record=record_digest(edited))
    project.registry.write_bytes(encode_registry(Registry(entries)))


def test_the_same_arrays_are_reproduced(golden):
    made = again(golden("steady"))
    assert (made.result, made.cause, made.differing, made.drift) == (Result.REPRODUCED, None, (), None)


def test_a_change_that_moves_no_array_is_reproduced_and_reported(golden, module):
    """Content digests decide; other differences are listed."""
    project = golden("steady")
    module[1]("VERSION = 1", "VERSION = 2  # more")
    made = again(project)
    assert (made.result, made.cause) == (Result.REPRODUCED, None)
    assert causes(made) == {"generator version": Cause.CODE, "code": Cause.CODE}
    version = next(item for item in made.differing if item.thing == "generator version")
    assert (version.recorded, version.today) == ("1", "2")


def test_a_small_difference_is_within_tolerance_with_its_ulps_and_index(golden, module):
    """The element farthest in ULP is reported, although others differ more in value, in another array too."""
    project = golden("steady", offset=0.0)
    module[1](
        "value = np.arange(size) + offset",
        "value = np.arange(size) + offset\n    for _ in range(3): value[1] = np.nextafter(value[1], 9)\n"
        "    value[3] = np.nextafter(value[3], 9)",
    )
    module[1]('value.astype("c8")', 'np.nextafter(value.astype("f4"), np.float32(9)).astype("c8")')
    made = again(project)
    assert (made.result, made.cause) == (Result.TOLERATED, Cause.CODE)
    assert made.farthest == Farthest("a", (1,), 3)


def test_the_cause_of_drift_with_changed_code_is_code(golden, module):
    project = golden("steady")
    module[1]("np.arange(size) + offset", "np.arange(size) - offset")
    made = again(project)
    assert (made.result, made.cause) == (Result.DRIFTED, Cause.CODE)
    assert causes(made) == {"code": Cause.CODE}
    assert [array.name for array in made.drift.arrays if not array.accepted] == ["a", "z"]


def test_a_different_shape_is_drift_without_a_farthest_element(golden, module):
    project = golden("steady")
    module[1]("np.arange(size)", "np.arange(size + 1)")
    made = again(project)
    assert (made.result, made.cause, made.farthest) == (Result.DRIFTED, Cause.CODE, None)


def test_a_new_parameter_is_listed(golden, module):
    project = golden("steady")
    module[1]("size=size, offset=offset)", "size=size, offset=offset, kind=3)")
    module[1]("arange(size) +", "arange(size) -")
    made = again(project)
    kind = next(item for item in made.differing if item.thing == "parameter kind")
    assert (kind.cause, kind.recorded, kind.today) == (Cause.CODE, "none", "3")


def test_the_cause_of_drift_with_a_changed_environment_is_environment(golden, monkeypatch):
    """The thread count and a library version changed: both are listed, with both values."""
    project = golden("surrounded")
    with_environment(project, torch="2.12.0")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    made = again(project)
    assert (made.result, made.cause) == (Result.DRIFTED, Cause.ENVIRONMENT)
    threads, torch = made.differing
    assert (threads.thing, threads.recorded, threads.today) == ("OMP_NUM_THREADS", "unset", "3")
    assert (torch.thing, torch.recorded) == ("torch", "2.12.0")


def test_code_is_the_cause_if_both_code_and_environment_differ(golden, module):
    project = golden("steady")
    with_environment(project, numpy="1.0")
    module[1]("arange(size) +", "arange(size) -")
    made = again(project)
    assert made.cause is Cause.CODE
    assert set(causes(made).values()) == {Cause.CODE, Cause.ENVIRONMENT}


def test_a_generator_that_makes_different_arrays_each_time_is_nondeterministic(golden, module):
    """Whatever else differs, two runs in a row made different arrays."""
    project = golden("unsteady")
    module[1]("VERSION = 1", "VERSION = 2")
    made = again(project)
    assert (made.result, made.cause) == (Result.DRIFTED, Cause.NONDETERMINISM)
    assert "generator version" in causes(made)


def test_the_cause_of_drift_without_any_recorded_difference_is_data(golden, empty):
    (empty.root / "hidden").write_text("1")
    project = golden("undeclared")
    (empty.root / "hidden").write_text("2")
    made = again(project)
    assert (made.result, made.cause, made.differing) == (Result.DRIFTED, Cause.DATA, ())


def test_source_is_found_where_the_project_lists_it(golden, tmp_path):
    folder = tmp_path / "scans"
    folder.mkdir()
    (folder / "scan.bin").write_bytes(b"scan")
    project = golden("read", source=folder / "scan.bin")
    missing = again(project)
    assert missing.result is Result.SOURCE_MISSING
    assert "[tool.harness] sources" in missing.detail
    assert again(project, folder).result is Result.REPRODUCED
    (project.root / "pyproject.toml").write_text('[tool.harness]\nsources = ["../scans"]')
    assert again(project).result is Result.REPRODUCED


def test_a_different_source_of_the_same_name_has_the_cause_data(golden, module, tmp_path):
    """Data come before code: a different input explains a different output whatever the code is."""
    (tmp_path / "scan.bin").write_bytes(b"scan")
    project = golden("read", source=tmp_path / "scan.bin")
    (tmp_path / "scan.bin").write_bytes(b"scam")
    module[1]("VERSION = 1", "VERSION = 2")
    made = again(project, tmp_path)
    assert (made.result, made.cause) == (Result.DRIFTED, Cause.DATA)
    digests = next(item for item in made.differing if item.thing == "source digest")
    assert digests.recorded != digests.today


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (("size: int = 4, offset", "offset"), "size"),
        (("value = np.arange", "raise ValueError('no more')  #"), "ValueError: no more"),
    ],
)
def test_a_generator_that_fails_has_drifted(golden, module, edit, found):
    project = golden("steady")
    module[1](*edit)
    made = again(project)
    assert (made.result, made.cause, made.digest) == (Result.DRIFTED, Cause.CODE, None)
    assert found in made.detail


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (("def steady", "def gone"), "has no attribute 'steady'"),
        (("VERSION = 1", "import no_such_package_anywhere"), "which is not installed"),
        (("VERSION = 1", "1 / 0"), "ZeroDivisionError"),
        (("VERSION = 1", "VERSION ="), "SyntaxError"),
    ],
)
def test_what_cannot_be_imported_is_not_judged(golden, module, edit, found):
    """Nothing was run, so nothing is known about the arrays: they are not reported as drifted."""
    project = golden("steady")
    module[1](*edit)
    made = again(project)
    assert (made.result, made.cause, made.digest) == (Result.CANNOT_TELL, None, None)
    assert found in made.detail


def test_an_unknown_name_is_refused_and_the_known_ones_are_listed(golden):
    project = golden("steady")
    assert [recorded.path.stem for recorded in recorded_manifests(project)] == ["made"]
    with pytest.raises(UsageError, match="one of made"):
        recorded_manifests(project, "other")


def test_errors_of_a_fresh_process_keep_their_class(empty, module, tmp_path, made):
    """Even if the generator prints: a missing source or package is distinguished from other errors."""
    module[1]("VERSION = 1", "VERSION = 1\nprint('hello')")

    def manifest(function: str):
        call = Generator(f"{module[0]}:{function}", 1, {})
        return write_fixture(made(generator=call, source=Source("scan.bin", "xxh128:0")), tmp_path)[1]

    with pytest.raises(SourceMissingError):
        rerun_in_new_process(manifest("read"), root=empty.root)
    with pytest.raises(RemakeError, match="No module named"):
        rerun_in_new_process(manifest("needy"), root=empty.root)
    module[1]("VERSION = 1", "import no_such_package_anywhere")
    with pytest.raises(DependencyError):
        rerun_in_new_process(manifest("steady"), root=empty.root)
