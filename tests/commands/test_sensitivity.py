"""``harness sensitivity`` as a user types it, in a project of another field."""

from __future__ import annotations

import json
import subprocess

import pytest

from harness.core.fixtures.fixture import make_fixture, write_fixture
from harness.core.fixtures.manifest import Generator, Source
from harness.core.recording.commit import commit
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged
from harness.core.storage.project import Project

FAULTS = '''
from harness import CheckReport, Fault, Finding

def positive(arrays):
    wrong = bool((arrays["image"] <= 0).any())
    return CheckReport("positive", (Finding("positive", "image", "more", "less"),) if wrong else ())

def negative(arrays):
    """X01: a detector counted downwards."""
    return {"image": -arrays["image"]}

def nothing(arrays):
    """X02: a harmless change that is declared as a fault."""
    return dict(arrays)

FAULTS = (Fault("X01", "negative", "fixture", negative), Fault("X02", "nothing", "fixture", nothing))
'''
PYPROJECT = """
[tool.harness]
faults = "mine:FAULTS"
[tool.harness.checks]
positive = "mine:positive"
"""


@pytest.fixture
def project(tmp_path):
    """A repository with one golden fixture, one check and two faults."""
    import numpy as np

    (tmp_path / "mine.py").write_text(FAULTS)
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    fixture = make_fixture(
        "image",
        {"image": np.linspace(1, 2, 8, dtype=np.float32)},
        generator=Generator("mine:image", 1),
        source=Source("simulated", "xxh128:0"),
    )
    made = write_fixture(fixture, tmp_path / "build")
    staged = [Staged(f"golden/{p.name}", k, p) for p, k in zip(made, ("fixture", "manifest"), strict=True)]
    found = Project(tmp_path)
    commit(found, plan(found, staged), reason="first light", command="by hand")
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "First light"]):
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True)
    return found


def test_a_fault_that_is_caught_exits_with_0(project, harness):
    shown = harness("sensitivity", "X01", "R08")
    assert shown.code == 0, shown.out + shown.err
    assert "1 of 1 faults caught" in shown.out
    assert "R08 (harmless): correctly not reported" in shown.out
    assert all(len(line.rstrip()) <= 80 for line in shown.out.splitlines()[:12])


def test_a_fault_that_is_missed_exits_with_1(project, harness):
    shown = harness("sensitivity", "X01", "X02")
    assert shown.code == 1
    assert "1 of 2 faults caught" in shown.out
    assert "not caught: X02, nothing" in shown.out


def test_json_has_faults_moved_values_and_clean_runs(project, harness):
    shown = harness("sensitivity", "--json", "--jobs", "1")
    result = json.loads(shown.out)
    faults = {fault["id"]: fault for fault in result["faults"]}
    assert faults["X01"]["first"].startswith(("contract", "positive"))
    assert faults["R01"]["caught"]
    assert not faults["R08"]["caught"]
    assert {value["correct"] for value in result["moved"]} == {True}
    assert result["clean"] == []
    assert shown.code == 1  # X02


def test_the_page_has_the_command_that_made_it(project, harness, tmp_path):
    """A section of mutants, which another run has made, stays on it."""
    section = "<!-- mutants: begin -->\nof another run\n<!-- mutants: end -->\n"
    (tmp_path / "page.md").write_text(f"# Former page\n\n{section}", "utf-8")
    harness("sensitivity", "X01", "X02", "--page", "page.md")
    page = (tmp_path / "page.md").read_text("utf-8")
    assert page.endswith(section)
    assert "Former page" not in page
    assert "`harness sensitivity X01 X02 --page page.md`" in page
    assert "a detector counted downwards" in page
    assert str(tmp_path) not in page


TESTS = """
import numpy as np
from harness import Generator, Source, make_fixture

def made(name, start):
    arrays = {"image": np.linspace(start, start + 1, 8, dtype=np.float32)}
    call = Generator("mine:image", 1)
    return make_fixture(name, arrays, generator=call, source=Source("simulated", "xxh128:0"))

def test_image(fixture_regression):
    fixture_regression.check(made("image", 1))

def test_second(fixture_regression):
    fixture_regression.check(made("second", 2), {"image": {"atol": 2.5}})
"""


@pytest.fixture
def two(project):
    """The same repository with a second fixture, and tests that compare both; one has a loose tolerance."""
    import numpy as np

    (project.root / "test_mine.py").write_text(TESTS)
    fixture = make_fixture(
        "second",
        {"image": np.linspace(2, 3, 8, dtype=np.float32)},
        generator=Generator("mine:image", 1),
        source=Source("simulated", "xxh128:0"),
    )
    made = write_fixture(fixture, project.root / "build")
    staged = [Staged(f"golden/{p.name}", k, p) for p, k in zip(made, ("fixture", "manifest"), strict=True)]
    commit(project, plan(project, staged), reason="second light", command="by hand")
    return project


def test_generic_faults_are_seen_or_listed_with_the_reason(two, harness):
    shown = harness("sensitivity", "G02", "G05")
    assert shown.code == 1, shown.out + shown.err
    assert "3 of 4 generic faults seen by the tests" in shown.out
    assert (
        "golden/second.npz cannot see G05, rows shuffled, in image: it changes values by at most" in shown.out
    )
    assert "within the tolerance given by the test (atol 2.5, rtol 0, ulp 0)" in shown.out


def test_one_fixture_is_tried_alone(two, harness):
    shown = harness("sensitivity", "G02", "G05", "--fixture", "image", "--json")
    assert shown.code == 0, shown.out + shown.err
    (file,) = json.loads(shown.out)["generic"]
    assert file["path"] == "golden/image.npz"
    assert file["tests"] == ["test_mine.py::test_image"]
    assert (file["moved"], file["seen"], file["correct"], file["blind"]) == (2, 2, True, [])


def test_faults_are_injected_into_every_fixture(two, harness):
    """Each has its own row; faults of the repository are tried once."""
    shown = harness("sensitivity", "X01", "R01", "--json")
    rows = [(row["id"], row["fixture"], row["caught"]) for row in json.loads(shown.out)["faults"]]
    assert rows == [("R01", None, True), ("X01", "image", True), ("X01", "second", True)]


@pytest.mark.parametrize("fixture", ["image", "second"])
def test_faults_of_repositories_are_caught_with_any_fixture(two, harness, fixture):
    shown = harness("sensitivity", "R06", "R03", "--fixture", fixture)
    assert shown.code == 0, shown.out + shown.err
    assert "2 of 2 faults caught" in shown.out


def test_a_fixture_that_no_test_compares_with_exits_with_1(project, harness):
    shown = harness("sensitivity", "G01")
    assert shown.code == 1
    assert "golden/image.npz cannot see any fault: no test compares a fixture with it" in shown.out


def test_an_unknown_fixture_exits_with_2(project, harness):
    shown = harness("sensitivity", "--fixture", "none")
    assert shown.code == 2
    assert "--fixture none: expected one of image, found no such fixture" in shown.err


def test_a_fault_that_applies_to_nothing_exits_with_2(project, harness):
    shown = harness("sensitivity", "F01")
    assert shown.code == 2
    assert "there is nothing to try: F01 applies to no golden file of this project" in shown.err


def test_a_project_without_golden_data_exits_with_2(tmp_path, harness):
    (tmp_path / "registry.json").write_text('{"entries": {}, "schema": 2}')
    shown = harness("sensitivity", "--root", str(tmp_path))
    assert shown.code == 2
    assert "there is nothing to try: no golden fixture and no baseline is registered" in shown.err


def test_clean_runs_without_a_pipeline_exit_with_2(project, harness):
    shown = harness("sensitivity", "R01", "--clean", "2")
    assert shown.code == 2
    assert "--clean: expected a fixture with the baseline of a pipeline" in shown.err


def test_an_unknown_fault_exits_with_2(project, harness):
    shown = harness("sensitivity", "X99")
    assert shown.code == 2
    assert shown.err.startswith("harness: FAULT: expected one of F01")
    assert "found 'X99'. Correct the name" in shown.err


def test_a_run_of_all_faults_is_kept_for_the_page(project, harness):
    """One of some faults would replace what all of them have shown."""
    kept = project.workspace / "sensitivity.json"
    harness("sensitivity", "X01")
    assert not kept.exists()
    harness("sensitivity", "--quick")
    document = json.loads(kept.read_text("utf-8"))
    assert document["quick"] is True
    assert {"X01", "X02"} <= {fault["label"] for fault in document["faults"]}


def test_no_golden_file_is_changed(project, harness):
    before = {p: p.read_bytes() for p in (*project.golden.iterdir(), project.registry)}
    harness("sensitivity", "R01", "R03", "R04", "R07c")
    assert {p: p.read_bytes() for p in (*project.golden.iterdir(), project.registry)} == before


ENGINE = '''

import os
from harness import PipelineResult, RefusedError

def one_sided(arrays):
    """X03: half of the detector was read twice."""
    image = arrays["image"].copy()
    image[len(image) // 2:] = image[:len(image) // 2]
    return {"image": image}

def shifted(arrays):
    """X04: a detector's offset was not subtracted."""
    return {"image": arrays["image"] + 1000}

FAULTS = (*FAULTS, Fault("X03", "one half twice", "fixture", one_sided),
          Fault("X04", "an offset", "fixture", shifted), Fault("P99", "slow", "pipeline", lambda run: run))

def theirs(fixture, output, *, seed=0, threads=None, progress=None):
    image = np.load(fixture)["image"]
    if image.max() > 100:
        raise RefusedError("image", expected="less than 100", found="more", remedy="Subtract the offset.")
    mean, spread = float(image.mean()), float(np.ptp(image[:4]))
    return PipelineResult("theirs", {"mean": mean, "spread": spread}, {"none": {"mean": 0.0}}, (), {},
                          better={"mean": "higher"})
'''


@pytest.fixture
def with_engine(project, harness):
    """The project with an optional pipeline that has a baseline."""
    module = project.root / "mine.py"
    module.write_text("import numpy as np\n" + FAULTS + ENGINE)
    settings = 'optional = ["theirs"]\n[tool.harness.pipelines]\ntheirs = "mine:theirs"\n'
    (project.root / "pyproject.toml").write_text(
        PYPROJECT.replace("[tool.harness.checks]", f"{settings}[tool.harness.checks]")
    )
    done = harness("calibrate", "theirs", "--runs", "3", "--seeds", "0", "--reason", "first baseline")
    assert done.code == 0, done.err
    return project


def test_what_an_engine_does_not_see_is_listed_with_what_sees_it(with_engine, harness):
    """X01 makes it worse than its control, X02 changes nothing, X03 a metric, and X04 ends it."""
    shown = harness("sensitivity", "--engine", "theirs")

    text = " ".join(shown.out.split())
    assert "theirs ends with an error: X04" in text
    assert "theirs ends with status 0, and is not ahead of its controls: X01" in text
    assert "theirs ends with status 0; only its baseline's tolerances see it: X03" in text
    assert "theirs ends with status 0, and its metrics are within their tolerances: X02" in text
    assert "ahead of its controls: X03, one half twice; seen by digest, comparison" in text
    assert "ahead of its controls: X02, nothing; seen by nothing else" in text
    assert "P99" not in text
    assert "R01" not in text
    assert shown.code == 1  # X02 is seen by nothing


def test_json_says_what_an_engine_sees_of_each_fault(with_engine, harness):
    result = json.loads(harness("sensitivity", "X01", "X03", "X04", "--engine", "theirs", "--json").out)

    seen = {"X01": "controls", "X03": "metrics", "X04": "exit status"}
    assert result["engine"] == {"name": "theirs", "faults": seen}


def test_an_optional_pipeline_is_left_out_unless_it_is_asked_for(with_engine, harness):
    result = json.loads(harness("sensitivity", "X01", "--json").out)

    assert "theirs metrics" not in result["checks"]


def test_an_engine_without_a_baseline_or_a_package_exits_with_2(with_engine, harness):
    shown = harness("sensitivity", "--engine", "other")
    assert (shown.code, "pipeline 'other' has no baseline" in shown.err) == (2, True)

    module = with_engine.root / "mine.py"
    module.write_text(
        module.read_text()
        + "\nfrom harness import DependencyError\n"
        + "def _require():\n"
        + "    raise DependencyError('theirs', expected='it', found='none', remedy='Install it.')\n"
        + "theirs.require = _require\n"
    )
    shown = harness("sensitivity", "--engine", "theirs")
    assert (shown.code, shown.err) == (2, "harness: theirs: expected it, found none. Install it.\n")
    shown = harness("calibrate", "--dry-run")
    assert "not measured: theirs (optional): theirs: expected it, found none. Install it." in shown.err
