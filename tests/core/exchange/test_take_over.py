"""Sources become golden files all together, or one error says which of them is damaged."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from harness.core.errors import RefusedError, UnreadableError
from harness.core.exchange.collected_tests import ArrayCompare, CollectedTest
from harness.core.exchange.owners import Owned
from harness.core.exchange.take_over import label, prepare, record
from harness.core.fixtures.fixture import read_fixture
from harness.core.fixtures.manifest import Generator
from harness.core.registry.registry import read_registry
from harness.core.storage.project import Project


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    return Project(root)


@pytest.fixture
def owned(project):
    """A file of a test, with what it holds."""

    def make(name, *fixtures, mark=None, tool="pytest-regressions"):
        path = project.root / name
        test = CollectedTest(
            test=f"test_a.py::{path.stem}",
            golden=f"test_a/{path.stem}",
            generator=Generator(f"test_a:{path.stem}", 1, test=f"test_a.py::{path.stem}"),
            file=str(project.root / "test_a.py"),
            name=path.stem,
            function=path.stem,
            owner="",
            fixtures=fixtures,
            texts=(),
            array_compare=mark,
        )
        return Owned(path, tool, test, test.golden)

    return make


@pytest.fixture
def sound(project, owned):
    """A file that could be taken over."""
    np.savez(project.root / "test_fine.npz", **{"a/b": np.arange(3.0)})
    return owned("test_fine.npz", "ndarrays_regression")


def npy(array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def claiming() -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**11,)})
    return header.getvalue() + bytes(64)


def zipped(*members) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return stream.getvalue()


ARRAY = npy(np.arange(3.0))


@pytest.mark.parametrize(
    "damaged",
    [
        ("test_x.npz", zipped(("a.npy", ARRAY))[:-30]),
        ("test_x.npz", zipped(("../a.npy", ARRAY))),
        ("test_x.npz", zipped(("/a.npy", ARRAY))),
        ("test_x.npz", zipped(("a.npy", ARRAY), ("a.txt", b"more"))),
        ("test_x.npz", zipped(("a.npy", npy(np.array([{}], dtype=object))))),
        ("test_x.npz", zipped(("a.npy", claiming()))),
        ("test_x.npz", zipped(("a.npy", bytes(1 << 29)))),
        ("test_x.npz", b""),
        ("test_x.npy", npy(np.array([{}], dtype=object))),
        ("test_x.npy", claiming()),
        ("test_x.csv", b",a\n0,1\n1,2,3\n"),
        ("test_x.csv", b",\xe9\n0,1\n"),
        ("test_x.csv", b""),
        ("test_x.yml", b"a: &b [1]\nc: *b\n"),
        ("test_x.yml", b"a: !!python/object/apply:os.getcwd []\n"),
        ("test_x.yml", b"a: 1\na: 2\n"),
        ("test_x.yml", b"\xff\xfe"),
        ("test_x.txt", b"one\n"),
    ],
)
def test_one_damaged_source_is_one_error(project, tmp_path, sound, owned, damaged):
    name, content = damaged
    if name.endswith(".yml"):
        pytest.importorskip("yaml")
    (project.root / name).write_bytes(content)
    with pytest.raises(UnreadableError, match=name):
        prepare(project, [sound, owned(name, "num_regression")], tmp_path / "new")
    assert sorted(path.name for path in project.root.iterdir()) == ["test_fine.npz", name]


def test_what_is_recorded_is_what_the_file_has(project, tmp_path, sound):
    takeover = prepare(project, [sound], tmp_path / "new")
    record(project, takeover, reason="moved", command="harness import", say=print)
    assert set(read_registry(project.registry).entries) == {
        "golden/test_a/test_fine.json",
        "golden/test_a/test_fine.npz",
    }
    fixture = read_fixture(project.golden / "test_a/test_fine.npz")
    assert fixture.arrays["a%2Fb"].tolist() == [0.0, 1.0, 2.0]
    assert fixture.manifest.generator.test == "test_a.py::test_fine"
    assert prepare(project, [sound], tmp_path / "again").changes == ()


def test_other_golden_files_are_not_replaced(project, tmp_path, sound):
    record(project, prepare(project, [sound], tmp_path / "new"), reason="moved", command="c", say=print)
    np.savez(sound.path, a=np.arange(4))
    with pytest.raises(RefusedError, match=r"test_fine.json and 1 more. Nothing was imported"):
        prepare(project, [sound], tmp_path / "again")


def test_what_cannot_be_compared_as_arrays_is_left(project, tmp_path, sound, owned):
    pytest.importorskip("yaml")
    (project.root / "test_none.yml").write_text("a: null\n")
    takeover = prepare(project, [sound, owned("test_none.yml", "data_regression")], tmp_path / "new")
    assert [item.golden for item in takeover.taken] == ["test_a/test_fine"]
    assert [item.path.name for item in takeover.left] == ["test_none.yml"]


@pytest.mark.parametrize(
    ("fixture", "names"),
    [
        ("num_regression", {"x", "n"}),
        ("arrays_regression", {"x", "n"}),
        ("dataframe_regression", {"x", "n", "index", "columns", "dtypes"}),
    ],
)
def test_a_table_is_what_the_test_hands_over(project, tmp_path, owned, fixture, names):
    pytest.importorskip("pandas")
    (project.root / "test_table.csv").write_text(",x,n\n0,0.5,1\n1,1.5,2\n")
    (taken,) = prepare(project, [owned("test_table.csv", fixture)], tmp_path / "new").taken
    assert {array.name for array in taken.arrays} == names
    noted = any("import before you rename" in note for note in taken.notes)
    assert noted == (fixture == "arrays_regression")


def test_a_table_with_text_is_a_frame_whatever_the_fixture(project, tmp_path, owned):
    pytest.importorskip("pandas")
    (project.root / "test_table.csv").write_text(",x,s\n0,0.5,a\n1,1.5,b\n")
    (taken,) = prepare(project, [owned("test_table.csv", "arrays_regression")], tmp_path / "new").taken
    assert "columns" in {array.name for array in taken.arrays}


def test_tolerances_of_a_mark_are_reported(project, tmp_path, owned):
    np.savetxt(project.root / "test_t.txt", np.arange(3) / 7)
    item = owned("test_t.txt", mark=ArrayCompare(rtol=1e-3, atol=1e-8), tool="pytest-arraydiff")
    (taken,) = prepare(project, [item], tmp_path / "new").taken
    assert taken.arrays[0].before == "text"
    (note,) = taken.notes
    assert note.endswith("as pytest-arraydiff's: default_tolerance={'rtol': 0.001, 'atol': 1e-08}")


def test_a_source_elsewhere_is_named_without_its_directory(project, tmp_path):
    assert label(project, project.root / "tests/a.npz") == "tests/a.npz"
    assert label(project, tmp_path / "a.npz") == "a.npz"


def test_a_name_that_is_not_utf8_is_shown_as_far_as_it_is(project):
    assert label(project, project.root / "a\udcff.npz") == "a\ufffd.npz"
