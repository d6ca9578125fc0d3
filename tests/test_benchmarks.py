"""The committed results: page and data agree, and a later run is compared with them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"
PAGE, DATA = (FOLDER / "RESULTS.md").read_text("utf-8"), json.loads((FOLDER / "results.json").read_bytes())


@pytest.fixture
def moved(monkeypatch):
    """Lists ratios that changed between two runs, each given as ratios by task."""
    monkeypatch.syspath_prepend(FOLDER)
    from results import moved

    def compare(before: dict[str, float], now: dict[str, float]) -> list[str]:
        runs = [
            {"rows": [{"work": work, "peer": "peer", "ratio": ratio} for work, ratio in run.items()]}
            for run in (before, now)
        ]
        return moved(*runs)

    return compare


def test_every_row_is_on_the_page_with_its_ratio_and_its_limit():
    rows = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| ") and "±" in line]
    assert len(rows) == len(DATA["rows"]) > 20
    for cells, row in zip(rows, DATA["rows"], strict=True):
        assert cells[0].removeprefix("| ") == row["work"]
        assert cells[4] == f"{row['ratio']:.3g}x"
        assert row["ratio"] == pytest.approx(row["theirs"]["median"] / row["ours"]["median"])
        assert row["limit"] in cells[6]


def test_every_row_that_misses_its_bound_says_why():
    missed = [row for row in DATA["rows"] if row["least"] and row["ratio"] < row["least"]]
    missed += [row for row in DATA["ceilings"] if row["value"] > row["most"]]
    assert len(re.findall(r"^- \*\*missed\*\*: ", PAGE, re.MULTILINE)) == len(missed)
    assert all(row["why"] and row["why"] in PAGE for row in missed)


@pytest.mark.parametrize(("now", "shown"), [(2.38, False), (2.42, True), (1.62, False), (1.58, True)])
def test_a_ratio_that_changed_by_more_than_a_fifth_is_shown(moved, now, shown):
    assert bool(moved({"check": 2.0}, {"check": now})) is shown


def test_new_and_removed_rows_are_shown(moved):
    assert moved({"old": 1.0}, {"new": 1.0}) == ["new / peer: new", "old / peer: gone"]


def test_the_table_of_tolerances_replaces_what_is_between_its_markers(monkeypatch):
    """A line for each operation, with its spread relative to the array; the page around it stays."""
    monkeypatch.syspath_prepend(FOLDER)
    import tolerances

    array = {"class": "measured", "dtype": "float64", "scale": 2.0, "atol": 0.0, "rtol": 1e-15}
    line = tolerances.row("exp", {**array, "spread": {"absolute": 1e-15, "ulp": 4, "amplification": 2.0}})
    assert line == "| exp | float64 | 5.0e-16 | 4 | 2.0e+00 | rtol 1.0e-15 |"
    page = f"before\n{tolerances.BEGIN}\nold\n{tolerances.END}\nafter"
    again = tolerances.page_with(page, line)
    assert again.splitlines() == ["before", tolerances.BEGIN, line, tolerances.END, "after"]
    assert tolerances.page_with(again, line) == again
