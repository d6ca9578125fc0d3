"""The [tool.harness] table of pyproject.toml is read strictly; errors give the place of the mistake."""

from __future__ import annotations

import pytest

from harness.core.domain.interface import Domain
from harness.core.domain.settings import project_domain, source_places
from harness.core.errors import UsageError


@pytest.fixture
def pyproject(tmp_path):
    """Write the project's pyproject.toml."""

    def write(text: str) -> None:
        (tmp_path / "pyproject.toml").write_text(text, "utf-8")

    return write


def test_a_project_without_a_table_declares_nothing(tmp_path, pyproject):
    assert project_domain(tmp_path) is None
    assert source_places(tmp_path) == ()
    for text in ("", "[project]\nname = 'a'\n", "[tool.ruff]\nline-length = 3\n", "[tool.harness]\n"):
        pyproject(text)
        assert project_domain(tmp_path) is None


def test_every_key_of_the_table_is_read(tmp_path, pyproject):
    pyproject(
        '[tool.harness]\nfaults = "m:FAULTS"\nspecimens = ["m:A", "m:B"]\nsources = ["data"]\n'
        'measures = "m:f"\npanels = "m:figures"\n'
        '[tool.harness.generators]\ng = "m:g"\n[tool.harness.pipelines]\np = "m:p"\n'
        '[tool.harness.checks]\nc = "m:c"\n'
    )
    assert project_domain(tmp_path) == Domain(
        "project",
        generators={"g": "m:g"},
        pipelines={"p": "m:p"},
        checks={"c": "m:c"},
        faults=("m:FAULTS",),
        specimens=("m:A", "m:B"),
        measures=("m:f",),
        panels=("m:figures",),
    )


def test_settings_of_an_engine_are_handed_on_as_they_are(tmp_path, pyproject):
    """Only the domain that runs the program knows what they mean."""
    pyproject('[tool.harness.engines.theirs]\ntrain = "theirs {fixture}"\ntime_limit = 3.5\nlist = [1]\n')
    found = project_domain(tmp_path)
    assert found.engines == {"theirs": {"train": "theirs {fixture}", "time_limit": 3.5, "list": [1]}}


def test_one_name_for_a_pipeline_and_an_engine_is_refused(tmp_path, pyproject):
    pyproject('[tool.harness.pipelines]\none = "m:p"\n[tool.harness.engines.one]\ntrain = "theirs"\n')
    with pytest.raises(UsageError, match=r"pyproject.toml: \[tool.harness\] one: .*found both"):
        project_domain(tmp_path)


def test_an_engine_that_is_not_a_table_is_refused_with_the_place(tmp_path, pyproject):
    pyproject('[tool.harness.engines]\ntheirs = "theirs {fixture}"\n')
    with pytest.raises(UsageError, match="engines"):
        project_domain(tmp_path)


def test_no_project_can_say_how_engines_are_run(tmp_path, pyproject):
    pyproject('[tool.harness]\nengine = "m:run"\n')
    with pytest.raises(UsageError, match="unknown field `engine`"):
        project_domain(tmp_path)


def test_source_places_are_relative_to_the_project(tmp_path, pyproject):
    pyproject('[tool.harness]\nsources = ["data", "../scan.npz"]\n')
    assert source_places(tmp_path) == (tmp_path / "data", tmp_path / "../scan.npz")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[tool.harness", "Expected ']'"),
        ('[tool.harness]\ngenerator = {a = "b:c"}\n', "unknown field `generator` - at `$.tool.harness`"),
        ('[tool.harness]\ngenerators = "a:b"\n', "at `$.tool.harness.generators`"),
        ("[tool.harness.generators]\na = 3\n", "at `$.tool.harness.generators[...]`"),
        ("[tool.harness]\nsources = 3\n", "at `$.tool.harness.sources`"),
        ("[tool]\nharness = 3\n", "at `$.tool.harness`"),
        ("tool = 3\n", "at `$.tool`"),
    ],
)
def test_a_wrong_table_is_refused_with_the_place(tmp_path, pyproject, text, found):
    pyproject(text)
    for read in (project_domain, source_places):
        with pytest.raises(UsageError) as caught:
            read(tmp_path)
        assert "pyproject.toml" in caught.value.thing
        assert found in caught.value.found


def test_a_file_of_more_than_a_mebibyte_is_refused_and_one_of_exactly_that_is_read(tmp_path, pyproject):
    pyproject("#" * (1 << 20))
    assert project_domain(tmp_path) is None
    pyproject("#" * ((1 << 20) + 1))
    with pytest.raises(UsageError, match="more than 1048576 bytes"):
        project_domain(tmp_path)


def test_text_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "pyproject.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(UsageError, match="expected a TOML document"):
        project_domain(tmp_path)
