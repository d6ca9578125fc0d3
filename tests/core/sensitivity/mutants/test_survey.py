"""What golden tests do without a mutant, and what is refused because nothing could be learnt."""

from __future__ import annotations

import pytest
from golden_field import make_project

from harness.core.errors import UsageError
from harness.core.sensitivity.mutants.source import mutable_lines
from harness.core.sensitivity.mutants.survey import Value, survey

pytest.importorskip("cosmic_ray", reason="mutants need the extra `mutants`")
pytest.importorskip("coverage", reason="mutants need the extra `mutants`")

TESTS = [f"tests/test_field.py::test_{name}" for name in ("spectrum", "score", "child", "count")]


def line_of(source, text: str) -> int:
    return source.text.partition(text)[0].count("\n") + 1


def test_golden_tests_are_those_that_hand_something_over(known):
    assert list(known.survey.seconds) == TESTS
    assert all(seconds > 0 for seconds in known.survey.seconds.values())


def test_every_line_has_the_tests_that_execute_it(known):
    field, inner = known.survey.sources
    assert field.tests[line_of(field, "0.75 + 0")] == {TESTS[1]}
    assert field.tests[line_of(field, "found += 1")] == {TESTS[3]}
    assert inner.tests[line_of(inner, "value * 2")] == {TESTS[2]}


def test_what_runs_at_import_may_change_every_test(known):
    """It ran once, for the first test that imported the module; a child process imports for its own test."""
    field, inner = known.survey.sources
    assert field.tests[line_of(field, "LEVEL = 2.0")] == set(TESTS)
    assert inner.tests[line_of(inner, "def doubled")] == {TESTS[2]}


def test_a_line_that_only_other_tests_execute_is_left_alone(known):
    field = known.survey.sources[0]
    line = line_of(field, "1 + 1")
    assert line not in field.tests
    assert line not in mutable_lines(field)


def test_what_differs_between_two_clean_runs_is_noise(known):
    assert known.survey.noise == {Value(TESTS[2], "golden/child.json", "process")}


@pytest.fixture
def refusal(tmp_path):
    """Return the text of the error that a survey of a changed project ends with."""

    def ask(name: str, old: str, new: str, mutated: str = "field.py") -> str:
        project = make_project(tmp_path / "project")
        file = project.root / name
        file.write_text(file.read_text().replace(old, new))
        folder = tmp_path / "survey"
        folder.mkdir()
        with pytest.raises(UsageError) as caught:
            survey(project, [mutated], folder, lambda *_: None)
        return str(caught.value)

    return ask


def test_a_golden_test_that_fails_without_a_mutant_is_named(refusal):
    shown = refusal("field.py", "LEVEL = 2.0", "LEVEL = 4.0")
    assert shown.startswith(f"{TESTS[0]} fails in a copy of the project without any mutant: ")


def test_a_project_without_golden_tests_has_nothing_to_try(refusal):
    shown = refusal(
        "tests/test_field.py", "import pytest", "import pytest\n\npytest.skip(allow_module_level=True)"
    )
    assert shown.startswith("there is nothing to try: no test compares with a golden file")


def test_tests_that_cannot_be_collected_are_the_reason(refusal):
    shown = refusal("tests/test_field.py", "import field", "import fields")
    assert "No module named 'fields'" in shown


def test_files_that_no_golden_test_executes_have_nothing_to_try(refusal):
    shown = refusal("tests/test_field.py", "", "", mutated="other.py")
    assert shown.startswith("there is nothing to try: no golden test executes a line of these files")


def test_a_test_that_fails_before_its_check_is_named_too(refusal):
    """It cannot be left out: what it would have caught is not known."""
    shown = refusal("field.py", "found += 1", "found += 1 // 0")
    assert f"{TESTS[3]} fails in a copy of the project without any mutant: ZeroDivisionError" in shown
