"""docs/scale.md: the tables are those of benchmarks/scale.json, and the plan's arithmetic is right."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def page():
    """The module that writes the tables."""
    sys.path.insert(0, str(REPOSITORY / "benchmarks"))
    try:
        import scale_page
    finally:
        sys.path.pop(0)
    return scale_page


def point(work: str, count: int, cpu: float, mebibytes: float = 10.0, size: int = 0) -> dict[str, object]:
    return {"work": work, "count": count, "cpu": cpu, "mebibytes": mebibytes, "size": size}


MADE_UP = {
    "points": [
        point("read registry.json", 10, 0.2, size=3_000),
        point("read registry.json", 100, 2.0, mebibytes=50.0, size=32_000),
        point("verify", 100, 1.0, size=40_000),
        point("audit", 100, 36.0, mebibytes=20.0),
        point("store: list", 100, 0.5),
        point("store: verify, bytes only there", 1_000, 4.0, size=1_000),
        point("tests: arrays_regression", 100, 1.2),
        point("tests: np.load, assert_allclose", 100, 0.2),
    ]
}


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("registry as one file", 20_000 * 320 / 1e6),
        ("reading it", 20_000 * 0.02),
        ("memory for it", 20_000 * 0.5),
        ("shards", 2),
        ("a shard", 10_000 * 320 / 1e6),
        ("list of shards below one root", 0.2),
        ("history", 20_000 * 400 / 1e6),
        ("audit", 20_000 * 0.36 / 3600),
        ("memory of an audit", 20_000 * 0.2),
        ("checks of a full test run", 10_000 * 0.01 / 3600),
        ("is everything there: requests", 20),
        ("is everything there: time", 20_000 * 0.005),
        ("read everything: requests", 20_000),
        ("read everything: bytes", 9_000_000 / 1e12),
        ("read everything: time", 9_000_000 / 250 / 3600),
        ("a 30th each night: requests", 667),
        ("a 30th each night: bytes", 300_000 / 1e9),
        ("a 30th each night: time", 9_000_000 / 250 / 3600 / 30),
    ],
)
def test_each_figure_of_the_plan_follows_from_what_was_measured(page, what, value):
    """With made-up figures for 20,000 files of 9 MB: the largest measured size of each work counts."""
    found = {one.what: one.value for one in page.plan(MADE_UP, files=20_000, size=9_000_000)}
    assert found[what] == pytest.approx(value)


def test_the_plan_has_no_other_figures(page):
    assert len(page.plan(MADE_UP)) == 18


def test_growth_is_the_exponent_between_the_two_largest_sizes(page):
    assert page.exponent(MADE_UP, "read registry.json") == pytest.approx(1.0)


FIGURES = [(20_000.4, "20,000"), (667, "667"), (1.23456, "1.23"), (0.0004567, "0.000457")]


@pytest.mark.parametrize(("value", "text"), FIGURES)
def test_figures_have_three_digits(page, value, text):
    assert page._number(value) == text


def test_the_tables_of_the_page_are_those_of_the_results(page):
    """``python benchmarks/scale.py --page`` writes them."""
    known = json.loads((REPOSITORY / "benchmarks" / "scale.json").read_text())
    text = page.PAGE.read_text("utf-8")
    for name, block in page.blocks(known).items():
        begin, end = (f"<!-- benchmarks/scale.py:{name}: {word} -->" for word in ("begin", "end"))
        assert text.partition(f"{begin}\n")[2].partition(end)[0] == block
