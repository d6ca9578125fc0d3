"""The tables of a calibration: what is not exact, and a line for what does not gate."""

from __future__ import annotations

from harness.core.baselines.array_tolerances import merged, row_of, with_class
from harness.core.baselines.platforms import Platform
from harness.core.baselines.samples import Deviation, Spread
from harness.report.tolerance_tables import array_table, tolerance_lines

LINUX = Platform("Linux", "x86_64", "avx2", {})
ARRAYS = {
    "power": Deviation("float64", (4,), 1.0, Spread(1, 1e-12, None, 3, (0,), 1e-12, amplification=20.0)),
    "orbit": Deviation("float64", (4,), 1.0, Spread(1, 0.5, None, 3, (0,), 0.5)),
    "count": Deviation("int64", (4,), 1.0),
}
DOCUMENTS = {"waves": merged("xxh128:0", ARRAYS, [row_of(LINUX, [{}], [ARRAYS])])}


def cells(documents) -> list[list[str]]:
    columns = [list(column.cells) for column in array_table(documents).columns]
    return [list(map(str, row)) for row in zip(*columns, strict=True)]


def test_arrays_that_are_not_exact_have_a_row():
    assert cells(DOCUMENTS) == [
        ["waves: power", "atol 1.0e-11", "1.0e-12", "2.0e+01"],
        ["waves: orbit", "report-only", "5.0e-01", ""],
    ]


def test_a_chosen_class_has_a_star():
    chosen = {"waves": with_class(DOCUMENTS["waves"], ["count"], "report-only", "why")}
    assert ["waves: count", "report-only*", "0.0e+00", ""] in cells(chosen)


def test_lines_count_what_is_exact_and_what_is_only_reported():
    lines = tolerance_lines(DOCUMENTS)
    assert lines[0].startswith("1 array is exact")
    assert lines[1].startswith("1 array is not converged")
    assert lines[2:] == ["platform: Linux x86_64 avx2 (1 run)"]
