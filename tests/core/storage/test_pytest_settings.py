"""The keys ``golden_*`` are found where pytest finds its own configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import UnreadableError, UsageError
from harness.core.storage.project import find_project, project_at, require_golden_directory
from harness.core.storage.pytest_settings import (
    find_pytest_settings,
    read_pytest_settings,
    wants_compression,
    with_required_reason,
)

INI = "[pytest]\ngolden_dir = {}\n"
FILES = {
    "pytest.toml": '[pytest]\ngolden_dir = "{}"\n',
    ".pytest.toml": '[pytest]\ngolden_dir = "{}"\n',
    "pytest.ini": INI,
    ".pytest.ini": INI,
    "pyproject.toml": '[tool.pytest.ini_options]\ngolden_dir = "{}"\n',
    "tox.ini": INI,
    "setup.cfg": "[tool:pytest]\ngolden_dir = {}\n",
}


@pytest.mark.parametrize("name", FILES)
def test_every_file_that_pytest_reads(tmp_path, name):
    """The key is found from a directory below, and the file is named."""
    (tmp_path / name).write_text(FILES[name].format("reference"))
    below = tmp_path / "below"
    below.mkdir()
    assert find_pytest_settings(below) == (tmp_path / name, {"golden_dir": "reference"})
    assert read_pytest_settings(tmp_path / name).values == {"golden_dir": "reference"}


def test_order_of_precedence_is_that_of_pytest(tmp_path):
    """The first file of a directory wins, as if the others did not exist."""
    for number, (name, text) in enumerate(FILES.items()):
        (tmp_path / name).write_text(text.format(f"d{number}"))
    for number, name in enumerate(FILES):
        assert find_pytest_settings(tmp_path).values == {"golden_dir": f"d{number}"}
        (tmp_path / name).unlink()


@pytest.mark.parametrize("name", FILES)
def test_pytest_agrees(pytester: pytest.Pytester, name: str):
    """Pytest itself reads the same value from the same file."""
    (pytester.path / name).write_text(FILES[name].format("reference"))
    if name.endswith("pytest.toml") and int(pytest.__version__.partition(".")[0]) < 9:
        pytest.skip("this version of pytest does not read pytest.toml")
    config = pytester.parseconfig()
    assert config.getini("golden_dir") == "reference"
    assert config.inipath == find_pytest_settings(pytester.path).file


def test_native_toml_types(tmp_path):
    """Table [tool.pytest] has types of its own."""
    (tmp_path / "pyproject.toml").write_text(
        "[tool.pytest]\ngolden_require_reason = true\ngolden_max_drift = 2"
    )
    assert find_pytest_settings(tmp_path).values == {"golden_require_reason": True, "golden_max_drift": 2}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", ""),
        (".pytest.ini", "[other]\n"),
        ("tox.ini", "[pytest]\n"),
        ("setup.cfg", "[tool:pytest]\n"),
    ],
)
def test_a_configuration_without_keys_hides_those_above(tmp_path, name, text):
    """Pytest stops at the nearest configuration, too."""
    (tmp_path / "pytest.ini").write_text(INI.format("above"))
    below = tmp_path / "below"
    below.mkdir()
    (below / name).write_text(text)
    assert find_pytest_settings(below) == (below / name, {})


@pytest.mark.parametrize(
    ("name", "text"),
    [("tox.ini", "[tox]\n"), ("setup.cfg", "[metadata]\n[pytest]\n"), ("pyproject.toml", "[project]\n")],
)
def test_a_file_that_does_not_configure_pytest_is_passed_over(tmp_path, name, text):
    """Pytest goes on to the directory above."""
    (tmp_path / "pytest.ini").write_text(INI.format("above"))
    below = tmp_path / "below"
    below.mkdir()
    (below / name).write_text(text)
    assert find_pytest_settings(below).values == {"golden_dir": "above"}


def test_nothing_is_decoded_unless_a_file_has_the_key(tmp_path):
    """A damaged file that cannot have it is pytest's concern."""
    (tmp_path / "pyproject.toml").write_text("[tool.pytest\n")
    assert find_pytest_settings(tmp_path) == (None, {})
    (tmp_path / "pyproject.toml").write_text("[tool.pytest\ngolden_dir = 1\n")
    with pytest.raises(UnreadableError, match=r"pyproject\.toml: expected pytest's configuration in TOML"):
        find_pytest_settings(tmp_path)


def test_project_has_the_golden_directory_of_its_configuration(tmp_path):
    """From any directory of the project."""
    (tmp_path / "registry.json").write_text("{}")
    (tmp_path / "setup.cfg").write_text("[tool:pytest]\ngolden_dir = tests/golden/\n")
    below = tmp_path / "tests"
    below.mkdir()
    assert find_project(below).golden == tmp_path / "tests" / "golden"
    assert project_at(tmp_path).golden_name == "tests/golden"


@pytest.mark.parametrize("name", ["../golden", "/golden", ".", "", "a//b", "a\\b", ".git/x", ".harness", 3])
def test_a_golden_directory_outside_the_project_is_refused(name):
    """The error names the file and the key."""
    with pytest.raises(UsageError, match=r"golden_dir in .*setup\.cfg: expected the path of a dir"):
        require_golden_directory(name, Path("setup.cfg"))


@pytest.mark.parametrize(
    ("ini", "shown"),
    [
        ("golden_require_reason = true", '`pytest --force-regen --golden-reason "..."`'),
        ("golden_require_reason = false", "`pytest --force-regen`"),
        ("golden_require_reason = true\ngolden_reason = always", "`pytest --force-regen`"),
        ("", "`pytest --force-regen`"),
    ],
)
def test_advice_has_a_reason_where_one_is_required(tmp_path, ini, shown):
    """So that the command works as it is printed; giving the advice again changes nothing."""
    (tmp_path / "pytest.ini").write_text(f"[pytest]\n{ini}\n")
    advice = with_required_reason("Record it with `pytest --force-regen`.", tmp_path)
    assert advice == f"Record it with {shown}."
    assert with_required_reason(advice, tmp_path) == advice


@pytest.mark.parametrize(("ini", "expected"), [("true", True), ("no", False), ("", False)])
def test_compression_is_asked_for(tmp_path, ini, expected):
    (tmp_path / "pytest.ini").write_text(f"[pytest]\ngolden_compress = {ini}\n")
    assert wants_compression(tmp_path) is expected


def test_without_a_configuration_nothing_is_compressed(tmp_path):
    assert wants_compression(tmp_path) is False
