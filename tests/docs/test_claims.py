"""Each number with a unit on a page is in claims.toml, with its source; tables are made again."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.core.baselines.baseline import read_baseline
from harness.core.fixtures.tolerance import default_tolerance

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REPOSITORY = Path(__file__).parents[2]
PAGES = {path.name: path for path in (*sorted((REPOSITORY / "docs").glob("*.md")), REPOSITORY / "README.md")}
CLAIMS = tomllib.loads(Path(__file__).with_name("claims.toml").read_text("utf-8"))["claim"]
GENERATED = {"sensitivity.md"}
"""Pages that a command writes as a whole."""

NOT_PROSE = re.compile(
    r"^```.*?^```$|<!-- (\S+): begin -->.*?<!-- \1: end -->|`[^`\n]*`", re.MULTILINE | re.DOTALL
)
UNITS = r"%|[µmn]?s|seconds?|minutes?|[kKMG]i?B|times|percent"
NUMBER = re.compile(
    rf"(?<![\w.^-])(?:\d[\d,]*(?:\.\d+)?(?:e-?\d+)?|two|three|five|ten) ?(?:(?:{UNITS})(?!\w)|of \d+)"
)


def numbers(text: str) -> list[tuple[int, str]]:
    """Place and text of each number with a unit in the prose of a page, without code and generated tables."""
    prose = NOT_PROSE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    return [(found.start(), found[0]) for found in NUMBER.finditer(prose)]


def spans(page: str, text: str) -> list[range]:
    """Places of a page's claims. Lines may be wrapped anywhere in them."""
    words = [claim["words"] for claim in CLAIMS if claim["page"] == page]
    patterns = [re.compile(r"\s+".join(map(re.escape, each.split()))) for each in words]
    return [range(*found.span()) for pattern in patterns for found in pattern.finditer(text)]


@pytest.mark.parametrize("page", sorted(PAGES.keys() - GENERATED))
def test_every_number_has_a_source(page):
    text = PAGES[page].read_text("utf-8")
    known = spans(page, text)
    assert [number for start, number in numbers(text) if not any(start in span for span in known)] == []


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"{claim['page']}: {claim['words'][:40]}")
def test_every_claim_is_on_its_page_and_in_its_source(claim):
    """What others measured, or what is only an example, says so."""
    page = " ".join(PAGES[claim["page"]].read_text("utf-8").split())
    assert claim["words"] in page
    if "source" in claim:
        assert claim["find"] in (REPOSITORY / claim["source"]).read_text("utf-8")
    else:
        assert claim.get("quoted") or claim.get("example")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It takes 5 s.", ["5 s"]),
        ("up to four times, 20 % of 1.4 MB", ["20 %", "1.4 MB"]),
        ("48 of 48 faults in two minutes", ["48 of 48", "two minutes"]),
        ("schema 2, 64 positions, Python 3.10, `45 s`, 2 steps", []),
        ("```\n45 s\n```\n", []),
    ],
)
def test_numbers_are_found(text, found):
    assert [number for _, number in numbers(text)] == found


def test_the_metrics_on_the_page_on_calibration_are_those_of_the_baseline():
    """As the command prints them."""
    from harness.report.metric_tables import calibration_table
    from harness.report.terminal.table import table_lines

    printed = table_lines(calibration_table(read_baseline(REPOSITORY / "golden/minimal_v1.network.json")))
    (shown,) = re.findall("```output\n(.*?)```", PAGES["calibration.md"].read_text("utf-8"), re.DOTALL)
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert len(lines) > 2
    assert [line for line in lines if line not in {" ".join(each.split()) for each in printed}] == []


def test_the_runtime_profile_is_the_measured_one(monkeypatch):
    """The page has the table of the data that the same run wrote."""
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    import runtime_profile

    page = runtime_profile.PAGE.read_text("utf-8")
    data = json.loads(runtime_profile.DATA.read_text("utf-8"))
    assert runtime_profile.page_with(page, runtime_profile.table(data)) == page


def test_the_runtime_profile_has_medians_and_largest_peaks(monkeypatch):
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    import runtime_profile

    def run(train: float, peak: float, size: int) -> dict[str, object]:
        stages = [{"name": "train", "seconds": train, "peak_mb": peak}]
        return {"seconds": 2 * train, "pipelines": {"network": {"stages": stages, "bytes": size}}}

    network, whole = runtime_profile.summary([run(1.0, 400, 5), run(3.0, 420, 7), run(2.0, 410, 6)])
    assert network["parts"] == {"train": 2.0}
    assert (network["seconds"], network["spread"], network["peak_mb"], network["bytes"]) == (2.0, 1.0, 420, 7)
    assert (whole["work"], whole["seconds"]) == ("harness run", 4.0)


@pytest.mark.parametrize("name", ["ptychopinn_example", "ptychopinn_itself"])
def test_the_figures_of_a_program_are_the_measured_ones(monkeypatch, name):
    """The page has the tables of the data that the same run wrote."""
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    script = importlib.import_module(name)
    page = script.PAGE.read_text("utf-8")
    assert script.page_with(page, json.loads(script.DATA.read_text("utf-8"))) == page


def test_the_peaks_in_the_quickstart_are_those_of_its_code():
    """Before and after the regression that the reader causes."""
    text = PAGES["quickstart.md"].read_text("utf-8")
    (code,) = re.findall(r"```python\n# optics.py\n(.*?)```", text, re.DOTALL)
    peaks = []
    for version in (code, code.replace("< radius", "<= radius")):
        module: dict[str, object] = {}
        exec(version, module)  # noqa: S102 - the page's own code
        peaks.append(module["diffraction"]()[32].max())
    assert f"peak was {peaks[0]:.1f} and is {peaks[1]:.1f} now" in text
    assert f"{(317 / 305) ** 2:.2f}" == f"{peaks[1] / peaks[0]:.2f}" == "1.08"


def test_the_default_tolerances_on_the_page_are_the_code_s():
    text = PAGES["tolerances.md"].read_text("utf-8")
    rows = re.findall(r"^\| ((?:float|complex)[\w, ]+) \| ([\d.e-]+) \|", text, re.MULTILINE)
    shown = {dtype: float(rtol) for dtypes, rtol in rows for dtype in dtypes.split(", ")}
    assert len(shown) == 5
    for dtype, rtol in shown.items():
        assert default_tolerance(np.ones(1, dtype)).rtol == rtol


def test_the_contract_on_the_page_is_the_code_s():
    """A row for each rule, in the same order."""
    from harness.ptycho.scan.rules import RULES

    rows = re.findall(
        r"^\| `(\w+)` \| (\(.*?\)) \| (\w+) \|", PAGES["ptychography.md"].read_text("utf-8"), re.MULTILINE
    )
    assert rows == [(rule.key, rule.shapes_text, rule.dtype) for rule in RULES.values()]
