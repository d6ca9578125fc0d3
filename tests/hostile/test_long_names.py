"""A name that file systems may not take is refused by every command, before a journal is written.

With its suffix, a part of a name has at most 200 bytes of UTF-8.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from harness.core.system.ci import VARIABLES

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = """
[tool.harness.generators]
ramp = "ramp:ramp"

[tool.harness.pipelines]
"{pipeline}" = "ramp:pipeline"
"""
MODULE = """
import numpy as np
from harness import Generator, PipelineResult, Source, Stage, make_fixture

def ramp(*, name: str = "ramp"):
    call, source = Generator("ramp:ramp", 1, {"name": name}), Source("simulated", "xxh128:0")
    return make_fixture(name, {"image": np.arange(3.0)}, generator=call, source=source)

def pipeline(fixture, output, *, seed=0, threads=None, progress=None):
    raise AssertionError("a pipeline whose baseline cannot have its name is not run")
"""
SUITE = """
import os
import numpy as np
from ramp import ramp

NAME = os.environ["GIVEN_NAME"]

def test_fixture(fixture_regression):
    fixture_regression.check(ramp(name=NAME))

def test_metrics(metrics_regression):
    metrics_regression.check({"mae": 0.5}, NAME)

def test_arrays(arrays_regression):
    arrays_regression.check({"image": np.arange(3.0)}, name=NAME)
"""
FITS, LONGER, LONGEST = 195, 196, 251
"""Bytes of a name without .json: the most, one more, and more than file systems take."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(PROJECT.format(pipeline="p" * LONGER))
    (tmp_path / "ramp.py").write_text(MODULE)
    (tmp_path / "test_ramp.py").write_text(SUITE)
    return tmp_path


def run(folder: Path, module: str, *words: str, name: str = "ramp") -> tuple[int, str]:
    """Return exit code and output of a command in *folder*, outside of CI."""
    env = {key: value for key, value in os.environ.items() if key not in VARIABLES} | {"GIVEN_NAME": name}
    call = [sys.executable, "-m", module, *words]
    done = subprocess.run(call, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def kept(folder: Path) -> set[str]:
    """Return what a project keeps: golden files, the registry, and what a transaction leaves."""
    kept = {"golden", "registry.json"}
    files = {file.relative_to(folder) for file in folder.rglob("*") if file.is_file()}
    return {file.as_posix() for file in files if file.parts[0] in kept or "transaction" in file.parts}


NAMES = {
    "one byte too many": "n" * LONGER,
    "two bytes a letter": "é" * (LONGER // 2),
    "more than any file system": "n" * LONGEST,
    "a directory": f"{'n' * 201}/ramp",
    "below a directory": f"sub/{'n' * LONGER}",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_generate_refuses_it(folder, name):
    code, shown = run(folder, "harness", "generate", "ramp", "--name", name, "--output", "golden")
    assert (code, "more than 200" in shown, shown.count("\n")) == (2, True, 1)
    assert kept(folder) == set()


@pytest.mark.parametrize("test", ["test_fixture", "test_metrics", "test_arrays"])
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_check_refuses_it(folder, test, name):
    words = ("-q", "-p", "no:cacheprovider", "--regen-all", f"test_ramp.py::{test}")
    code, shown = run(folder, "pytest", *words, name=name)
    assert (code, "more than 200" in shown) == (1, True), shown
    assert kept(folder) == set()


def test_calibrate_refuses_it_before_it_measures(folder):
    """The fixture's name fits, the baseline's with the name of the pipeline does not."""
    assert run(folder, "harness", "generate", "ramp", "--output", "golden")[0] == 0
    words = ("golden/ramp.npz", "golden/ramp.json", "--reason", "why")
    assert run(folder, "harness", "add", *words)[0] == 0
    before = kept(folder)
    code, shown = run(folder, "harness", "calibrate", "p" * LONGER, "--reason", "why")
    assert (code, "more than 200" in shown, shown.count("\n")) == (2, True, 1), shown
    assert kept(folder) == before


def test_the_longest_name_is_recorded_by_every_command(folder):
    """Its drafts and copies fit too."""
    name = "n" * FITS
    words = ("-q", "-p", "no:cacheprovider", "--regen-all", "test_ramp.py::test_fixture")
    assert run(folder, "pytest", *words, name=name)[0] == 0
    assert run(folder, "pytest", *words[:3], words[-1], name=name)[0] == 0
    assert run(folder, "harness", "generate", "ramp", "--name", name, "--output", "out")[0] == 0
    assert run(folder, "harness", "verify")[0] == 0
