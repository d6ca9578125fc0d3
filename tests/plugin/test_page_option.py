"""``pytest --golden-report FILE``: the page of what the session found."""

from __future__ import annotations

import sys

import pytest

from harness.core.errors import DependencyError, UsageError
from harness.core.storage.project import Project
from harness.plugin.page_option import page_file

SUITE = """
import os
def test_number(metrics_regression):
    metrics_regression.check({"energy": 31.5 + float(os.environ.get("SHIFT", "0"))})
"""


@pytest.fixture(autouse=True)
def packages():
    pytest.importorskip("jinja2", reason="Jinja2 is not installed: the extra `report` brings it")
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra `report` brings it")


@pytest.fixture
def suite(pytester, monkeypatch):
    monkeypatch.delenv("SHIFT", raising=False)
    pytester.makeini("[pytest]")
    pytester.makepyfile(test_suite=SUITE)
    recorded = pytester.runpytest_subprocess("--regen-all", "-q")
    assert recorded.ret == 0, recorded.stdout.str()
    return pytester


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_a_failing_session_ends_with_its_page(suite, monkeypatch, workers):
    monkeypatch.setenv("SHIFT", "1")
    result = suite.runpytest_subprocess("--golden-report", "out/page.html", "-q", *workers)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["note: *out/page.html: page of * bytes"])
    page = (suite.path / "out" / "page.html").read_text("utf-8")
    assert "1 of 1 golden files does not match." in page
    assert "test_suite.py::test_number" in page


def test_recording_writes_one_page_and_its_reruns_none(suite, monkeypatch):
    monkeypatch.setenv("SHIFT", "1")
    result = suite.runpytest_subprocess("--golden-report", "page.html", "--regen-all", "-q")
    assert result.ret == 0
    assert "The golden file matches." in (suite.path / "page.html").read_text("utf-8")


def test_a_session_without_golden_files_has_a_page_too(pytester):
    pytester.makeini("[pytest]")
    pytester.makepyfile("def test_nothing(): pass")
    result = pytester.runpytest_subprocess("--golden-report", "page.html", "-q")
    assert result.ret == 0
    assert "There are no golden files yet." in (pytester.path / "page.html").read_text("utf-8")


def test_a_page_that_cannot_be_made_fails_the_session(suite):
    (suite.path / "registry.json").write_text("{]\n")
    result = suite.runpytest_subprocess("--golden-report", "page.html", "-q")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["note: no page: *registry.json*"])
    assert not (suite.path / "page.html").exists()


@pytest.mark.parametrize("word", ["golden/page.html", "golden", "."])
def test_a_place_where_it_must_not_be_is_refused_before_any_test(tmp_path, monkeypatch, word):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "golden").mkdir()
    with pytest.raises(UsageError, match="golden-report"):
        page_file(word, Project(tmp_path))


def test_a_missing_package_is_refused_before_any_test(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(DependencyError, match=r"golden-harness\[report\]"):
        page_file("page.html", Project(tmp_path))


def test_without_the_option_there_is_no_page(tmp_path):
    assert page_file(None, Project(tmp_path)) is None
