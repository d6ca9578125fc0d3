"""Golden files follow their tests, and tests their golden files."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.baselines.baseline import encode_baseline
from harness.core.baselines.calibrate import provisional_baseline
from harness.core.fixtures.manifest import Generator
from harness.core.recording.renamed_test import Renaming, find_renaming, renamed_test
from harness.core.recording.staged import Staged
from harness.core.registry.registry import read_registry

OLD = Generator("test_a:test_old", 1, path="tests", test="tests/test_a.py::test_old")


@pytest.fixture
def root(tmp_path):
    (tmp_path / "tests" / "deep").mkdir(parents=True)
    (tmp_path / "tests" / "deep" / "__init__.py").touch()
    text = "def test_new(x):\n    pass\n\nclass TestB:\n    def test_method(self): pass\n"
    for name in ("tests/test_a.py", "tests/deep/test_b.py"):
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("test", "old", "new", "expected"),
    [
        ("test_old", "test_a/test_old", "test_a/test_new", "tests/test_a.py::test_new"),
        ("test_old", "test_a/test_old", "deep/test_b/test_new", "tests/deep/test_b.py::test_new"),
        ("test_old", "test_a/test_old", "test_a/TestB/test_method", "tests/test_a.py::TestB::test_method"),
        ("test_old", "test_a/test_old/far", "test_a/test_new/far", "tests/test_a.py::test_new"),
        ("test_old", "test_a/test_old/far", "test_a/test_new/near", "tests/test_a.py::test_new"),
        ("test_old[6-x]", "test_a/test_old-6-x", "test_a/test_new-6-x", "tests/test_a.py::test_new[6-x]"),
    ],
)
def test_the_new_id_is_found(root, test, old, new, expected):
    generator = Generator("test_a:test_old", 1, path="tests", test=f"tests/test_a.py::{test}")
    assert renamed_test(root, generator, f"tests/{old}", f"tests/{new}").test == expected


def test_the_call_is_that_of_the_new_test(root):
    found = renamed_test(root, OLD, "tests/test_a/test_old", "tests/deep/test_b/test_new")
    assert (found.call, found.path) == ("deep.test_b:test_new", "tests")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tests/test_a/test_old", "tests/test_a/test_missing"),
        ("tests/test_a/test_old", "tests/test_c/test_new"),
        ("tests/test_a/test_old", "spectrum"),
        ("spectrum", "tests/test_a/test_new"),
        ("tests/test_a/test_old/far", "test_new"),
    ],
)
def test_without_such_a_test_nothing_changes(root, old, new):
    assert renamed_test(root, OLD, old, new) is OLD


def test_another_generator_stays(root):
    generator = Generator("test_a:test_old", 1)
    assert renamed_test(root, generator, "tests/test_a/test_old", "tests/test_a/test_new") is generator


MODULE = "def test_power(): ...\ndef test_phase(): ...\n"


@pytest.fixture
def tested(project, record, staged):
    """Golden files of two tests of one module, one of them with parameters, and a fixture of its own."""
    (project.root / "tests").mkdir()
    (project.root / "tests" / "test_waves.py").write_text(MODULE)
    other = {"image": np.arange(3.0)}
    record(
        [
            *staged("tests/test_waves/test_power-64-hann"),
            *staged("tests/test_waves/test_phase", arrays=other),
        ]
    )
    return project


def found(project, missing: str, **more) -> Renaming | None:
    entries = read_registry(project.registry).entries
    return find_renaming(project, entries, f"golden/{missing}", **more)


def test_a_renamed_module_is_one_renaming_for_all_its_tests(tested):
    (tested.root / "tests" / "test_waves.py").rename(tested.root / "tests" / "test_light.py")
    for test in ("test_power-64-hann", "test_phase"):
        expected = Renaming("tests/test_waves.py", "tests/test_light.py")
        assert found(tested, f"tests/test_light/{test}.npz") == expected


def test_a_test_with_a_similar_name(tested):
    (tested.root / "tests" / "test_waves.py").write_text(MODULE.replace("test_phase", "test_phases"))
    expected = Renaming("tests/test_waves/test_phase", "tests/test_waves/test_phases")
    assert found(tested, "tests/test_waves/test_phases.npz") == expected


def test_a_test_with_equal_content_under_any_name(tested, made):
    (tested.root / "tests" / "test_waves.py").write_text(MODULE.replace("test_power", "test_of_light"))
    new = "tests/test_waves/test_of_light-64-hann"
    assert found(tested, f"{new}.npz") is None
    expected = Renaming("tests/test_waves/test_power-64-hann", new)
    assert found(tested, f"{new}.npz", digest=made().manifest.digest) == expected


def test_a_fixture_with_equal_content_that_nothing_has_used(tested, made):
    digest = made().manifest.digest
    assert found(tested, "grid.npz", digest=digest) == Renaming("lattice", "grid")
    assert found(tested, "grid.npz", digest=digest, used={"golden/lattice.npz"}) is None
    assert found(tested, "grid.npz", digest="xxh128:0") is None
    assert found(tested, "grid.npz") is None


def test_metrics_of_a_renamed_test(tested, record, tmp_path):
    file = tmp_path / "metrics.json"
    file.write_bytes(encode_baseline(provisional_baseline({"energy": 1.5})))
    record([Staged("golden/tests/test_waves/test_old.metrics.json", "baseline", file, "test_old")])
    expected = Renaming("tests/test_waves/test_old.metrics", "tests/test_waves/test_cold.metrics")
    assert found(tested, "tests/test_waves/test_cold.metrics.json") == expected


def test_golden_files_whose_test_is_there_are_never_meant(tested, made):
    """Also if they have the same content: two tests may compute the same."""
    with (tested.root / "tests" / "test_waves.py").open("a") as file:
        file.write("def test_powers(): ...\n")
    digest = made().manifest.digest
    assert found(tested, "tests/test_waves/test_powers.npz", digest=digest) is None
    assert found(tested, "tests/test_waves/test_power-32-hann.npz") is None


def test_two_modules_that_are_gone_are_a_riddle(tested, record, staged):
    record(staged("tests/test_sound/test_phase"))
    (tested.root / "tests" / "test_waves.py").rename(tested.root / "tests" / "test_light.py")
    assert found(tested, "tests/test_light/test_phase.npz") is None
