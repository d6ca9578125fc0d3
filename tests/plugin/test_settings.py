"""Options and ini keys: an option takes precedence, and a wrong value is an error that names it."""

from __future__ import annotations

import json

import pytest

from harness.core.errors import RefusedError, UsageError
from harness.core.storage.journal_token import work_tree_token
from harness.core.storage.lock import write_lock
from harness.core.storage.project import Project
from harness.plugin.settings import Settings, read_settings, require_permission

INI = """
[pytest]
golden_reason = from the ini file
golden_require_reason = true
golden_unreferenced = warn
golden_max_drift = 2
"""


def read(pytester: pytest.Pytester, *arguments: str, ini: str = "[pytest]") -> Settings:
    pytester.makeini(ini)
    return read_settings(pytester.parseconfig(*arguments), pytester.path)


def test_defaults(pytester: pytest.Pytester):
    """Nothing is written, nothing is required, and there is no limit."""
    settings = read(pytester)
    assert settings == Settings(command=settings.command)
    assert settings.command.startswith("pytest")


def test_ini_keys(pytester: pytest.Pytester):
    """Each key sets the default of its option."""
    settings = read(pytester, ini=INI)
    assert (settings.reason, settings.require_reason) == ("from the ini file", True)
    assert (settings.unreferenced, settings.max_drift, settings.reset_drift) == ("warn", 2.0, False)


def test_options_take_precedence(pytester: pytest.Pytester):
    """Over the ini keys."""
    options = ("--golden-reason=mine", "--golden-unreferenced=reject", "--golden-max-drift=0")
    settings = read(pytester, *options, "--golden-reset-drift", ini=INI)
    assert (settings.reason, settings.unreferenced) == ("mine", "reject")
    assert (settings.max_drift, settings.reset_drift) == (0.0, True)


@pytest.mark.parametrize("flag", ["--force-regen", "--regen-all"])
def test_a_writing_flag(pytester: pytest.Pytester, flag: str):
    """Both of pytest-regressions' options may record golden files."""
    assert read(pytester, flag).writes


@pytest.mark.parametrize("number", ["-1", "-1e-9", "nan", "inf", "two", ""])
def test_a_wrong_limit(pytester: pytest.Pytester, number: str):
    """Not a number, negative, or infinite."""
    with pytest.raises(pytest.UsageError) as caught:
        read(pytester, ini=f"[pytest]\ngolden_max_drift = {number}\n")
    expected = f"golden_max_drift: expected a number of tolerances, 0 or more, found {number!r}."
    assert str(caught.value) == expected


def test_a_wrong_word(pytester: pytest.Pytester):
    """The error lists the words that are accepted."""
    with pytest.raises(pytest.UsageError) as caught:
        read(pytester, ini="[pytest]\ngolden_unreferenced = fail\n")
    assert str(caught.value) == "golden_unreferenced: expected one of ignore, warn, reject, found 'fail'."


@pytest.mark.parametrize("value", ["3", "true", '["a", "b"]'])
def test_a_reason_is_a_text(pytester: pytest.Pytester, value):
    """It goes into the history, where a list would be nonsense."""
    pytester.makepyprojecttoml(f"[tool.pytest.ini_options]\ngolden_reason = {value}\n")
    with pytest.raises(pytest.UsageError, match="golden_reason: expected a text, found "):
        read_settings(pytester.parseconfig(), pytester.path)


def test_a_session_that_does_not_write_needs_no_permission(tmp_path, monkeypatch):
    """In CI as well."""
    monkeypatch.setenv("CI", "true")
    require_permission(Project(tmp_path), Settings(require_reason=True))


def test_ci_does_not_write(tmp_path, monkeypatch):
    """The error names the variable."""
    monkeypatch.setenv("CI", "true")
    with pytest.raises(UsageError, match="CI is set"):
        require_permission(Project(tmp_path), Settings(writes=True))


def test_a_reason_may_be_required(tmp_path):
    """With one, the session may write."""
    with pytest.raises(UsageError) as caught:
        require_permission(Project(tmp_path), Settings(writes=True, require_reason=True))
    assert str(caught.value) == (
        "golden files are not recorded without a reason (golden_require_reason is set). "
        'Give one with --golden-reason "...".'
    )
    require_permission(Project(tmp_path), Settings(writes=True, require_reason=True, reason="new probe"))


def test_an_interrupted_regeneration_comes_first(tmp_path):
    """Nothing is recorded on top of it."""
    journal = tmp_path / ".harness" / "transaction" / "journal.json"
    journal.parent.mkdir(parents=True)
    token = work_tree_token(Project(tmp_path))
    journal.write_text(json.dumps({"schema": 1, "changes": [], "token": token}))
    with pytest.raises(RefusedError, match="harness recover"):
        require_permission(Project(tmp_path), Settings(writes=True))


def test_another_session_that_is_recording_now_is_not_an_obstacle(tmp_path):
    """It has not been interrupted; recording waits for its lock."""
    journal = tmp_path / ".harness" / "transaction" / "journal.json"
    journal.parent.mkdir(parents=True)
    journal.write_text('{"schema": 1, "steps": []}')
    with write_lock(Project(tmp_path)):
        require_permission(Project(tmp_path), Settings(writes=True))
