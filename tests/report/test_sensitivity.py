"""A sensitivity run as text: the table, the lines after it, and the Markdown page."""

from __future__ import annotations

from harness.core.sensitivity.clean_runs import Repetition
from harness.core.sensitivity.generic_faults import GENERIC_FAULTS, GoldenMove
from harness.core.sensitivity.golden_tests import GoldenFile
from harness.core.sensitivity.matrix import Detection, Matrix, Row
from harness.core.sensitivity.moved_values import MovedValue
from harness.report.sensitivity import (
    false_alarm_lines,
    generic_lines,
    generic_table,
    matrix_lines,
    matrix_table,
    moved_value_lines,
    next_line,
    page,
)
from harness.report.terminal.table import table_lines

MATRIX = Matrix(
    (
        Row(
            id="F01",
            title="x and y swapped",
            kind="fixture",
            detections=(
                Detection("contract", caught=False),
                Detection("consistency", caught=True, margin="2 findings", detail="y: swapped."),
                Detection("comparison", caught=True, margin="another shape"),
            ),
            description="Issue 12: x was stored as y.",
        ),
        Row(
            id="P01",
            title="weights never loaded",
            kind="pipeline",
            detections=(
                Detection("network metrics", caught=False, figures={"ssim": 0.5, "mae": 0.0}),
                Detection("comparison", caught=False),
            ),
            description="The weights were random.",
            unseen="the arrays are valid",
        ),
        Row(
            id="R08",
            title="archive compressed",
            kind="repository",
            detections=(Detection("comparison", caught=False),),
            harmless=True,
        ),
    )
)
MOVED = (MovedValue("ssim", 0.5, accepted=True), MovedValue("mae", 2.0, accepted=True))
FILES = (
    GoldenFile(
        "golden/a.npz",
        ("test_a",),
        (
            GoldenMove("golden/a.npz", "wave", "G01", "", seen=True),
            GoldenMove("golden/a.npz", "wave", "G06", "axis 1", seen=False, why="atol 9"),
            GoldenMove("golden/a.npz", "time", "G06", "axis 0", seen=False, why="rtol 1e-07", explained=True),
        ),
    ),
    GoldenFile("golden/b.npz", (), (), "no test compares a fixture with it"),
)
REPETITIONS = (
    Repetition("minimal, seed 1", (Detection("contract", caught=False),)),
    Repetition("minimal, seed 2", (Detection("contract", caught=True, margin="1 finding", detail="y: far"),)),
)


def test_the_table_fits_80_columns():
    """A row for each fault: which checks caught it, and which passed it. No name is cut."""
    assert table_lines(matrix_table(MATRIX), 80) == [
        "fault  first caught by  by how much  also caught by  passed by",
        "F01    consistency      2 findings   comparison      contract",
        "P01                                                  network metrics, comparison",
        "R08                                                  comparison",
    ]


def test_a_missed_fault_is_tried_again():
    """The command names the faults that nothing explains."""
    assert list(next_line(MATRIX, FILES)) == ["next: harness sensitivity P01 G06"]
    assert list(next_line(Matrix(()), ())) == []


def test_lines_count_the_faults_and_name_what_is_wrong():
    """Harmless changes are not counted among the faults."""
    assert list(matrix_lines(MATRIX)) == [
        "1 of 2 faults caught",
        "0 of 1 pipeline faults caught by metrics alone, not P01",
        "R08 (harmless): correctly not reported",
        "not caught: P01, weights never loaded",
        "P01 cannot be seen in the data alone: the arrays are valid",
        "metrics of network that no fault changed: ssim, mae",
    ]


def test_a_harmless_change_that_was_reported():
    """The check that reported it is named."""
    row = Row("R08", "archive compressed", "repository", (Detection("audit", caught=True),), harmless=True)
    assert list(matrix_lines(Matrix((row,)))) == [
        "0 of 0 faults caught",
        "R08 (harmless): wrongly reported by audit",
    ]


def test_moved_values():
    """Counts of what passed inside and failed outside the tolerance, and each wrong one."""
    assert list(moved_value_lines(MOVED)) == [
        "moved by 0.5 tolerances: 1 of 1 accepted",
        "moved by 2 tolerances: 0 of 1 refused",
        "wrong: mae moved by 2 tolerances was accepted",
    ]
    assert list(moved_value_lines(())) == []


def test_false_alarms():
    """Their number, and what each check reported."""
    assert list(false_alarm_lines(REPETITIONS)) == [
        "false alarms: 1 in 2 clean repetitions",
        "false alarm: minimal, seed 2: contract: 1 finding y: far",
    ]
    assert list(false_alarm_lines(())) == []


def test_the_page_has_the_lines_the_matrix_and_the_faults():
    """And the command that makes it."""
    text = page(MATRIX, MOVED, REPETITIONS, command="harness sensitivity")
    assert text.startswith("# What the harness catches\n\nThis page is generated: `harness sensitivity`. ")
    for line in (*matrix_lines(MATRIX), *moved_value_lines(MOVED), *false_alarm_lines(REPETITIONS)):
        assert f"\n- {line}\n" in text
    assert (
        "\n| fault | contract | consistency | comparison | network metrics |\n|---|---|---|---|---|\n" in text
    )
    assert "\n| F01 x and y swapped | - | **2 findings** | another shape |  |\n" in text
    faults = text.partition("## The faults\n\n")[2]
    assert faults.startswith(
        "**F01 x and y swapped.** x was stored as y.\nFirst caught by consistency: y: swapped.\n\n"
        "**P01 weights never loaded.** The weights were random.\n"
        "Cannot be seen in the data alone: the arrays are valid.\n\n"
    )


def test_a_long_detail_is_cut():
    """After 300 characters."""

    def detail(length: int) -> str:
        row = Row("F01", "t", "fixture", (Detection("audit", caught=True, detail="x" * length),))
        return page(Matrix((row,)), (), (), command="c")

    assert f"audit: {'x' * 300}.\n" in detail(300)
    assert f"audit: {'x' * 300} ...\n" in detail(301)


def test_two_fixtures_have_their_own_rows():
    """The fixture's name is beside the fault's id, in the table and in every line."""
    row = Row("F01", "x and y swapped", "fixture", (Detection("digest", caught=False),), fixture="a" * 20)
    assert matrix_table(Matrix((row,))).rows[0][0] == f"F01 in {'a' * 20}"
    assert list(matrix_lines(Matrix((row,))))[1] == f"not caught: F01 in {'a' * 20}, x and y swapped"
    assert f"| F01 in {'a' * 20} x and y swapped |" in page(Matrix((row,)), (), (), command="c")


def test_generic_faults_that_were_tried_are_counted():
    """In a table that has a row for each of them."""
    lines = table_lines(generic_table(GENERIC_FAULTS, FILES), 80)
    assert [line.split() for line in lines if line.startswith("G0")] == [
        ["G01", "every", "value", "doubled", "1", "1"],
        ["G06", "rolled", "by", "one", "along", "an", "axis", "0", "2"],
    ]


def test_what_a_golden_file_cannot_see_is_listed():
    """With the array, the fault and the reason; what is explained is marked."""
    assert list(generic_lines(GENERIC_FAULTS, FILES)) == [
        "1 of 3 generic faults seen by the tests",
        "golden/a.npz cannot see G06, rolled by one along an axis (axis 1), in wave: atol 9",
        "explained: golden/a.npz cannot see G06, rolled by one along an axis (axis 0), in time: rtol 1e-07",
        "golden/b.npz cannot see any fault: no test compares a fixture with it",
    ]
    assert list(generic_lines(GENERIC_FAULTS, ())) == []


def test_many_arrays_that_cannot_see_a_rounding_are_one_line():
    """Those that nothing explains have a line each: each is something to do."""
    blind = [
        GoldenMove("golden/a.npz", name, "G09", "", seen=False, why=f"{name} is small", explained=name != "d")
        for name in "abcd"
    ]
    rounding = [fault for fault in GENERIC_FAULTS if fault.id == "G09"]
    lines = list(generic_lines(rounding, [GoldenFile("golden/a.npz", ("test_a",), tuple(blind))]))
    blind_to = "golden/a.npz cannot see G09, values rounded to half the precision, in"
    assert lines[1:] == [
        f"explained: {blind_to} 3 arrays, such as a: a is small",
        f"{blind_to} d: d is small",
    ]


def test_the_page_has_generic_faults():
    """A section of their own, if there are any."""
    text = page(MATRIX, MOVED, REPETITIONS, command="c", generic=GENERIC_FAULTS, files=FILES)
    assert "\n| fault | seen | moved |\n|---|---|---|\n| G01 every value doubled | 1 | 1 |\n" in text
    assert "\n- golden/b.npz cannot see any fault: no test" in text
    assert "Faults of any array" not in page(MATRIX, MOVED, REPETITIONS, command="c")
    assert "## The" not in page(Matrix(()), (), (), command="c", generic=GENERIC_FAULTS, files=FILES)
