"""Results of a session are read back as they were written, and nothing else is."""

from __future__ import annotations

import json
import sys

import msgspec
import pytest

from harness.core.errors import RefusedError, StaleFormatError, UnreadableError
from harness.core.obtained.results import (
    RESULTS,
    ArrayResult,
    CheckResult,
    SessionResults,
    finite,
    finite_share,
    read_results,
    results_of,
    sorted_checks,
    whole,
    write_results,
)
from harness.core.storage.project import Project
from harness.core.verdict import Outcome

DIGEST = "sha256:" + "0" * 64


@pytest.fixture
def results() -> SessionResults:
    """A session with a check that drifted and one of metrics that is the same."""
    array = ArrayResult(
        "power",
        Outcome.DRIFTED,
        atol=7.35e-14,
        rtol=1e-7,
        share=3630.0,
        max_absolute=0.001,
        max_relative=0.000363,
        max_ulp=2_251_799_813_685,
        worst=(5,),
        drifted=1,
        size=33,
        text="power: 1 of 33 elements differ (3.03 %)",
    )
    stem = "tests/test_waves/test_spectrum"
    drifted = CheckResult(
        "tests/test_waves.py::test_spectrum",
        stem,
        "fixture",
        Outcome.DRIFTED,
        "drifted",
        (array,),
        ("power: 1 of 33 elements differ (3.03 %)",),
        {f"{stem}.npz": DIGEST, f"{stem}.json": DIGEST},
        {f"{stem}.npz": DIGEST, f"{stem}.json": DIGEST},
        seconds=0.25,
    )
    same = CheckResult("tests/test_waves.py::test_energy", "waves.net", "baseline", Outcome.SAME, "identical")
    return SessionResults(
        at="2026-01-31T12:00:00Z",
        seconds=1.5,
        environment={"numpy": "2.2.0"},
        environment_digest=DIGEST,
        checks=(drifted, same),
    )


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path)


def test_what_is_written_is_read(project, results):
    write_results(project, results)
    found = results_of(project)
    assert found == results
    assert found is not None
    assert found.checks[0].obtained == (
        "tests/test_waves/test_spectrum.npz",
        "tests/test_waves/test_spectrum.json",
    )
    assert [check.path for check in found.checks] == ["tests/test_waves/test_spectrum.npz", "waves.net.json"]


def test_without_results_there_are_none(project):
    assert results_of(project) is None


def test_git_ignores_them(project, results):
    write_results(project, results)
    assert (project.workspace / ".gitignore").read_text() == "*\n"


def test_later_results_replace_earlier_ones(project, results):
    write_results(project, results)
    later = msgspec.structs.replace(results, checks=(), complete=False)
    write_results(project, later)
    assert results_of(project) == later


def test_a_read_only_checkout_has_no_results(project, results):
    """And no error: what a session found is on the terminal."""
    project.workspace.write_text("a file where the directory would be")
    write_results(project, results)
    assert project.workspace.read_text() == "a file where the directory would be"


def test_nothing_is_written_through_a_link(project, results, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    project.workspace.mkdir()
    (project.workspace / "obtained").symlink_to(elsewhere)
    with pytest.raises(RefusedError, match="symbolic link"):
        write_results(project, results)
    assert list(elsewhere.iterdir()) == []


def write(folder, document) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    (folder / RESULTS).write_text(text)


def edited(results, **changes) -> dict:
    """The document of *results* with other values in its first check."""
    document = msgspec.to_builtins(results)
    document["checks"][0].update(changes)
    return document


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"stem": "../../home/me"}, r"a part that is '\.\.'.*at `\$.checks\[0\]`"),
        ({"stem": "/etc/passwd"}, "an empty part"),
        ({"stem": "C:/windows"}, "character :"),
        ({"stem": "aux"}, "Windows reserves"),
        ({"stem": "a\x1b[31m"}, "cannot be printed"),
        ({"files": {"../x.npz": DIGEST}}, "is not a file of fixture"),
        ({"files": {"/etc/passwd": DIGEST}}, "is not a file of fixture"),
        ({"files": {"other.npz": DIGEST}}, "is not a file of fixture"),
        ({"golden": {"history.jsonl": DIGEST}}, "is not a file of fixture"),
        ({"files": {"tests/test_waves/test_spectrum.npz": "md5:0"}}, "regex"),
        ({"kind": "hook"}, "Invalid enum value 'hook'"),
        ({"kind": "baseline"}, "is not a file of baseline"),
        ({"word": "fine"}, "Invalid enum value 'fine'"),
        ({"outcome": "fine"}, "Invalid enum value 'fine'"),
        ({"more": 1}, "unknown field `more`"),
        ({"seconds": -1}, ">= 0"),
        ({"seconds": None}, "Expected `float`, got `null`"),
        ({"test": 1}, "Expected `str`, got `int`"),
        ({"arrays": [{"name": "a", "outcome": "same", "share": "all"}]}, "arrays"),
    ],
)
def test_another_content_is_refused_with_its_place(tmp_path, results, changes, found):
    write(tmp_path, edited(results, **changes))
    with pytest.raises(UnreadableError, match=found) as caught:
        read_results(tmp_path)
    assert caught.value.thing == str(tmp_path / RESULTS)


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ("", "an empty file"),
        ("[]", "Expected `object`, got `array`"),
        ("{", "truncated"),
        ("[" * 100_000, "nested"),
        ('{"schema": 1, "schema": 1}', "missing required field|twice"),
    ],
)
def test_damaged_results_are_refused(tmp_path, document, found):
    write(tmp_path, document)
    with pytest.raises(UnreadableError, match=found):
        read_results(tmp_path)


def test_another_date_is_refused(tmp_path, results):
    write(tmp_path, {**msgspec.to_builtins(results), "at": "yesterday"})
    with pytest.raises(UnreadableError, match=r"\$.at"):
        read_results(tmp_path)


def test_a_key_given_twice_is_refused(tmp_path, results):
    text = json.dumps(msgspec.to_builtins(results))
    write(tmp_path, text[:-1] + ', "complete": true}')
    with pytest.raises(UnreadableError, match="twice"):
        read_results(tmp_path)


def test_results_of_a_newer_version_are_named(tmp_path, results):
    write(tmp_path, {**msgspec.to_builtins(results), "schema": 2, "verdict": "good"})
    with pytest.raises(StaleFormatError, match=r"expected schema 1, found schema 2\. Run pytest again"):
        read_results(tmp_path)


def test_a_link_is_not_followed(tmp_path, results):
    write(tmp_path, msgspec.to_builtins(results))
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / RESULTS).symlink_to(tmp_path / RESULTS)
    with pytest.raises(UnreadableError, match="symbolic link"):
        read_results(tmp_path / "there")


def test_numbers_that_json_lacks():
    assert [finite(10**400), finite(float("-inf"))] == [sys.float_info.max] * 2
    assert finite(float("nan")) == 0
    assert [finite_share(value) for value in (0.5, float("inf"), float("nan"), 10**400)] == [
        0.5,
        None,
        None,
        None,
    ]
    assert whole(10**30) == (1 << 63) - 1
    assert msgspec.json.encode(whole(10**30))


def test_checks_are_sorted_by_name(results):
    assert sorted_checks(reversed(results.checks)) == results.checks
