"""Files find their tests by each tool's own rule for names; what could be another's is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.core.exchange.collected_tests import ArrayCompare, CollectedTest
from harness.core.exchange.owners import find_files, find_owners
from harness.core.fixtures.manifest import Generator
from harness.plugin.node_names import golden_name

TEXT_HASH = f"a.txt {'0' * 64}\n"


@pytest.fixture
def files(tmp_path):
    """Make empty files and find them below the project's root."""

    def make(*names, content=""):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content)
        return find_files(tmp_path, tmp_path)

    return make


@pytest.fixture
def collect(tmp_path):
    """Describe a test as pytest would have collected it."""

    def describe(test_id, *fixtures, texts=(), mark=None):
        file, _, rest = test_id.partition("::")
        owner, _, name = rest.rpartition("::")
        return CollectedTest(
            test=test_id,
            golden=golden_name(test_id),
            generator=Generator("module:function", 1),
            file=str(tmp_path / file),
            name=name,
            function=name.partition("[")[0],
            owner=owner,
            fixtures=fixtures,
            texts=texts,
            array_compare=mark,
        )

    return describe


def goldens(found):
    return [(item.path.name, item.golden) for item in found[0]]


def test_each_file_is_of_the_tool_that_keeps_it_there(files):
    found, left = files(
        "tests/test_a.py",
        "tests/test_a/test_x.npz",
        "tests/test_a/sub/test_x.csv",
        "tests/test_a/test_y.txt",
        "tests/reference/test_z.txt",
        "tests/_regtest_outputs/test_a.test_r__0/arrays.npy",
        "tests/_regtest_outputs/test_a.test_r__1/object.pkl",
        "tests/_regtest_outputs/test_a.test_r.out",
        "tests/readme.md",
        "tests/.hidden/test_a.npz",
        "tests/__pycache__/test_a.npz",
    )
    assert {(item.path.name, item.tool) for item in found} == {
        ("test_x.npz", "pytest-regressions"),
        ("test_x.csv", "pytest-regressions"),
        ("test_z.txt", "pytest-arraydiff"),
        ("arrays.npy", "pytest-regtest"),
    }
    assert {item.path.name for item in left} == {"test_y.txt", "object.pkl", "test_a.test_r.out"}


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("tests/reference/test_table.h5", "HDF5, as pytest-arraydiff writes tables of pandas"),
        ("tests/reference/test_table.hdf5", "HDF5"),
        ("tests/_regtest_outputs/test_a.test_r__1/object.pkl", "a pickle, which could run code"),
        ("tests/_regtest_outputs/test_a.test_r.out", "text or an object, not an array"),
    ],
)
def test_what_cannot_be_read_is_left_with_the_reason(files, path, why):
    """And with what can be done instead: one that is only skipped would look imported."""
    found, left = files("tests/test_a.py", path)
    assert found == []
    assert [item.path.name for item in left] == [Path(path).name]
    assert why in left[0].why


def test_data_in_hdf5_that_no_tool_compares_with_is_not_mentioned(files):
    assert files("tests/test_a.py", "tests/data/scan.h5") == ([], [])


def test_a_list_of_hashes_among_them_is_left(files):
    found, left = files("tests/registry.txt", content=TEXT_HASH)
    assert found == []
    assert "by itself" in left[0].why


def test_pytest_regressions_names_are_matched_by_its_own_rule(files, collect):
    found, _ = files(
        "test_a.py",
        "test_a/test_x_1_5_.npz",
        "test_a/TestA_test_y.npz",
        "test_a/test_z.csv",
        "test_a/d/window.yml",
    )
    tests = [
        collect("test_a.py::test_x[1.5]", "ndarrays_regression"),
        collect("test_a.py::TestA::test_y", "arrays_regression"),
        collect("test_a.py::test_z", "num_regression"),
        collect("test_a.py::test_z_named", "data_regression", texts=("d/window",)),
        collect("other/test_a.py::test_z", "num_regression"),
    ]
    assert sorted(goldens(find_owners(found, tests))) == [
        ("TestA_test_y.npz", "test_a/TestA/test_y"),
        ("test_x_1_5_.npz", golden_name("test_a.py::test_x[1.5]")),
        ("test_z.csv", "test_a/test_z"),
        ("window.yml", "test_a/test_z_named/d/window"),
    ]


def test_a_file_that_two_tests_compare_with_becomes_golden_for_both(files, collect):
    found, _ = files("test_a.py", "test_a/test_x_a_b_.npz")
    tests = [collect(f"test_a.py::test_x[{name}]", "ndarrays_regression") for name in ("a-b", "a_b", "ab")]
    assert [golden for _, golden in goldens(find_owners(found, tests))] == [
        "test_a/test_x-a-b",
        "test_a/test_x-a_b",
    ]


def test_what_belongs_to_no_test_is_left_with_the_reason(files, collect):
    found, _ = files("test_a.py", "test_a/test_x.npz", "test_a/test_gone.npz")
    owned, left = find_owners(found, [collect("test_a.py::test_x", "tmp_path")])
    assert owned == []
    assert [item.why for item in left] == [
        "belongs to no test that was collected",
        "belongs to test_a.py::test_x, which uses none of arrays_regression, ndarrays_regression",
    ]


def test_two_files_of_one_golden_name_are_both_left(files, collect):
    found, _ = files("test_a.py", "test_a/test_x.npz", "test_a/test_x.yml")
    owned, left = find_owners(found, [collect("test_a.py::test_x", "ndarrays_regression", "data_regression")])
    assert owned == []
    assert [item.why.partition(",")[0] for item in left] == [
        "has the same golden name as test_x.yml",
        "has the same golden name as test_x.npz",
    ]


def test_a_directory_outside_the_project_finds_its_module_by_name(tmp_path, files, collect):
    outside = tmp_path / "elsewhere" / "test_a"
    outside.mkdir(parents=True)
    (outside / "test_x.npz").touch()
    found, _ = find_files(outside, tmp_path / "project")
    tests = [collect("tests/test_a.py::test_x", "ndarrays_regression"), collect("tests/test_b.py::test_x")]
    assert goldens(find_owners(found, tests)) == [("test_x.npz", "tests/test_a/test_x")]


def test_references_of_pytest_arraydiff_follow_the_mark(files, collect):
    found, _ = files(
        "t/reference/test_x_1.txt", "t/reference/all.txt", "t/own/mine.dat", "t/own/mine.txt", content="1\n"
    )
    tests = [
        collect("t/test_a.py::test_x[1]", mark=ArrayCompare()),
        collect("t/test_a.py::all[1]", mark=ArrayCompare(single_reference=True)),
        collect("t/test_a.py::all[2]", mark=ArrayCompare(single_reference=True)),
        collect("t/test_a.py::test_y", mark=ArrayCompare(filename="mine.txt", reference_dir="own")),
        collect("t/test_b.py::test_x[1]"),
    ]
    assert sorted(goldens(find_owners(found, tests))) == [
        ("all.txt", "t/test_a/all-1"),
        ("all.txt", "t/test_a/all-2"),
        ("mine.txt", "t/test_a/test_y"),
        ("test_x_1.txt", "t/test_a/test_x-1"),
    ]


def test_a_reference_that_two_modules_may_own_is_left(files, collect):
    found, _ = files("refs/test_x.txt", content="1\n")
    tests = [collect(f"{name}/test_a.py::test_x", mark=ArrayCompare()) for name in ("a", "b")]
    owned, (left,) = find_owners(found, tests)
    assert owned == []
    assert left.why == "may belong to a/test_a.py::test_x or b/test_a.py::test_x"


def test_snapshots_of_pytest_regtest_are_named_by_their_version(files, collect):
    names = ("TestA--test_x[a-b]__0", "test_y__0", "test_y__1", "test_y__v2__0", "test_y__more__0")
    found, _ = files(*(f"t/_regtest_outputs/test_a.{name}/arrays.npy" for name in names))
    tests = [
        collect("t/test_a.py::TestA::test_x[a/b]"),
        collect("t/test_a.py::test_y"),
        collect("t/test_a.py::test_y__more"),
    ]
    assert sorted(golden for _, golden in goldens(find_owners(found, tests))) == [
        golden_name("t/test_a.py::TestA::test_x[a/b]"),
        "t/test_a/test_y/0",
        "t/test_a/test_y/1",
        "t/test_a/test_y/v2",
        "t/test_a/test_y__more",
    ]


def test_a_name_chooses_the_test(files, collect):
    found, _ = files("test_a.py", "test_a/window_7.npz")
    tests = [collect("test_a.py::test_x"), collect("test_a.py::test_xy")]
    (item,), _ = find_owners(found, tests, "test_a/test_x/window")
    assert (item.test.test, item.golden) == ("test_a.py::test_x", "test_a/test_x/window")
    for name in ("test_a/test_z", "../test_x", "test_a/test_x/../../y"):
        with pytest.raises(UsageError):
            find_owners(found, tests, name)


def test_golden_files_themselves_and_installed_packages_are_no_sources(tmp_path, files):
    files(
        "tests/golden/tests/test_a/test_x.npz",
        "tests/test_a.py",
        "env/pyvenv.cfg",
        "env/lib/test_a/test_x.npz",
    )
    assert find_files(tmp_path, tmp_path, golden=tmp_path / "tests/golden") == ([], [])


def test_only_test_modules_are_given_to_pytest_by_name(tmp_path, files):
    """Others, such as setup.py, are imported if they are: so pytest's own patterns choose."""
    found, _ = files(
        "setup.py",
        "setup/data.csv",
        "tests/check_a.py",
        "tests/check_a/test_x.npz",
        "tests/test_b.py",
        "tests/test_b/test_x.npz",
    )
    assert {item.path.parent.name: item.places(tmp_path) for item in found} == {
        "setup": tmp_path,
        "check_a": tmp_path / "tests",
        "test_b": tmp_path / "tests/test_b.py",
    }


def test_a_module_above_the_project_is_not_its_own(tmp_path, files):
    (tmp_path / "project").mkdir()
    (tmp_path / "project.py").touch()
    (tmp_path / "project/a.npz").touch()
    (item,) = find_files(tmp_path / "project", tmp_path / "project")[0]
    assert item.tests == tmp_path / "project"
