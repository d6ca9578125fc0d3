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
    harness("sensitivity", "X01", "X02", "--page", "page.md")
    page = (tmp_path / "page.md").read_text("utf-8")
    assert "`harness sensitivity X01 X02 --page page.md`" in page
    assert "a detector counted downwards" in page
    assert str(tmp_path) not in page


def test_an_unknown_fault_exits_with_2(project, harness):
    shown = harness("sensitivity", "X99")
    assert shown.code == 2
    assert shown.err.startswith("harness: FAULT: expected one of F01")
    assert "found 'X99'. Correct the name" in shown.err


def test_no_golden_file_is_changed(project, harness):
    before = {p: p.read_bytes() for p in (*project.golden.iterdir(), project.registry)}
    harness("sensitivity", "R01", "R03", "R04", "R07c")
    assert {p: p.read_bytes() for p in (*project.golden.iterdir(), project.registry)} == before
