"""Any array is shown: as curve, pictures, table or number, beside what was obtained."""

from __future__ import annotations

import io

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra `report` brings it")

from harness.report.page.array_views import views


def moved(values: np.ndarray, index: tuple[int, ...], by: float = 1) -> np.ndarray:
    other = values.copy()
    other[index] += np.asarray(by).astype(values.dtype)
    return other


def test_a_curve_has_all_figures():
    golden = np.sin(np.arange(100) / 9)
    view = views(golden, moved(golden, (7,)), "wave")
    (only,) = view.slices
    assert (only.label, view.name) == ("[:]", "wave")
    assert only.golden
    assert only.obtained
    assert only.difference
    assert only.overlay
    assert len(view.histograms) == 2
    assert len(view.where) == 1
    assert len(view.figures) == 7
    assert view.summary.startswith("golden float64 (100,), -1 to ")


def test_pictures_share_size_and_scale():
    golden = np.zeros((20, 30))
    (only,) = views(golden, moved(golden, (3, 4), 9), "image").slices
    assert (only.golden.width, only.golden.height) == (only.obtained.width, only.obtained.height)
    assert only.overlay is None
    alone = views(golden, None, "image").slices[0].golden
    assert alone.data != only.golden.data  # its scale does not reach up to 9


def test_what_is_equal_looks_equal_in_both_pictures():
    """On a scale of its own, each picture would use all colours."""
    from PIL import Image

    obtained = np.linspace(0, 1, 64).reshape(8, 8)
    golden = obtained.copy()
    golden[0, 0], obtained[0, 1] = -9, 9
    (only,) = views(golden, obtained, "image").slices
    files = (io.BytesIO(figure.data) for figure in (only.golden, only.obtained))
    one, other = (np.asarray(Image.open(file).convert("RGB")) for file in files)
    assert (one[200:560, 84:600] == other[200:560, 84:600]).all()
    assert (one[44:100, 84:220] != other[44:100, 84:220]).any()


def test_slices_of_many_are_said_and_the_worst_is_among_them():
    golden = np.random.default_rng(0).normal(size=(40, 16, 16))
    view = views(golden, moved(golden, (13, 2, 3)), "stack")
    labels = [one.label for one in view.slices]
    assert "[13, :, :]" in labels
    assert "[0, :, :], the same" in labels
    assert view.notes == (
        "9 of 40 slices are shown: evenly spaced, and that with the largest difference if any.",
    )
    differing = view.slices[labels.index("[13, :, :]")]
    assert differing.difference
    assert view.slices[0].difference is None
    assert len(views(golden, None, "stack", most_slices=3).slices) == 3


def test_what_is_the_same_is_shown_once():
    golden = np.arange(12.0).reshape(3, 4)
    view = views(golden, golden.copy(), "image")
    assert view.slices[0].obtained is None
    assert view.notes == ("What was obtained is the same bit by bit.",)
    assert not view.histograms


def test_shapes_that_differ_are_both_shown_without_a_difference():
    view = views(np.zeros((4, 5)), np.zeros(6), "image")
    (only,) = view.slices
    assert only.golden.suffix == ".png"
    assert only.obtained.suffix == ".svg"
    assert only.difference is None
    assert view.notes == ("Shapes differ, (4, 5) and (6,): there is no difference to show.",)
    assert view.summary == "golden float64 (4, 5), 0; obtained float64 (6,), 0"
    sizes = [
        len(views(np.zeros(a), np.zeros(b), "x").slices) for a, b in (((9, 4, 4), (3, 4, 4)), ((4,), (5,)))
    ]
    assert sizes == [8, 1]


def test_dtypes_that_differ_are_compared_in_one_that_holds_both():
    view = views(np.arange(3), np.arange(3) + 0.5, "x")
    assert view.notes == ("Dtypes differ, int64 and float64: shown as float64.",)
    assert "by 0 to 0.5" in view.slices[0].difference.alt


def test_a_missing_side_is_not_drawn():
    assert views(None, np.arange(3.0), "x").slices[0].golden is None
    assert views(np.arange(3.0), None, "x").slices[0].obtained is None


@pytest.mark.parametrize(
    ("golden", "obtained", "row"),
    [
        (np.array(3.0), np.array(3.5), ("3.0", "3.5", "0.5", "1.667e+06")),
        (np.array([[7]]), np.array([[9]]), ("7", "9", "2", "inf")),
        (np.array(3.0), np.array(3.0), ("3.0", "3.0", "none", "0")),
        (np.array(1.0), np.array(np.nan), ("1.0", "nan", "one side is not finite", "")),
        (np.array(2**63 - 1), np.array(2**63 - 2), (str(2**63 - 1), str(2**63 - 2), "1", "inf")),
        (np.array(True), np.array(False), ("True", "False", "1", "inf")),
    ],
)
def test_a_number_is_a_row(golden, obtained, row):
    assert views(golden, obtained, "x").table.rows == (row,)


@pytest.mark.parametrize(
    ("golden", "obtained", "rows"),
    [
        (np.array(["a", "b"]), np.array(["a", "cc"]), (("[0]", "a", "a"), ("[1]", "b", "cc"))),
        (
            np.array(["2020-01-01"], "M8[D]"),
            np.array(["NaT"], "M8[D]"),
            (("[0]", "2020-01-01", "NaT"),),
        ),
        (np.array(b"\x00\x1b"), np.array(b"a"), (("[]", "b'\\x00\\x1b'", "b'a'"),)),
        (
            np.array([(1, "a")], [("n", "i4"), ("t", "U3")]),
            np.array([(1, "b")], [("n", "i4"), ("t", "U3")]),
            (("[0]", "(1, 'a')", "(1, 'b')"),),
        ),
    ],
)
def test_text_dates_and_records_are_tables(golden, obtained, rows):
    table = views(golden, obtained, "x").table
    assert table.head == ("index", "golden", "obtained")
    assert table.rows == rows


def test_a_long_table_shows_what_differs_and_says_what_it_leaves_out():
    golden = np.array([f"row {n}" for n in range(1000)])
    obtained = golden.copy()
    obtained[777] = "moved"
    table = views(golden, obtained, "x").table
    assert ("[777]", "row 777", "moved") in table.rows
    assert len(table.rows) == 20
    assert (
        table.note
        == "1 of 1000 elements differ. 20 of 1000 elements are shown, those that differ before others."
    )


def test_hostile_text_is_escaped_and_shortened():
    (row,) = views(np.array(["\x1b[31m\u202e" + "x" * 10_000]), None, "x").table.rows
    assert row[1].startswith("\\x1b[31m")
    assert "\u202e" not in row[1]
    assert len(row[1]) < 250


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 3)),
        np.full((3, 3), np.nan),
        np.full(5, np.inf),
        np.full((4, 4), 7, np.int64),
        np.array([2**63 - 1, -(2**63)]),
        np.linspace(0, 6e4, 50).astype("f2"),
        np.array([5e-324, 0.0]),
        np.array([1.7e308, -1.7e308]),
        np.array([True, False]),
        np.zeros((3, 3), ">f4"),
        np.zeros((1, 1, 4)),
        np.array([1 + 1j, np.nan + 0j]),
        np.zeros((2, 2, 2, 2, 2), "complex64"),
        np.array([[0.0, -0.0]]),
        np.arange(6, dtype="u1").reshape(2, 3)[:, ::-1],
    ],
    ids=str,
)
def test_any_array_is_shown_alone_and_beside_another(array):
    other = array.copy()
    if other.size:
        other.flat[0] = other.flat[-1] if other.dtype.kind == "b" else 1
    with np.errstate(all="raise"):
        assert views(array, other, "x", most_slices=2).summary
        assert views(None, array, "x", most_slices=2).summary


def test_only_one_side_is_empty():
    view = views(np.zeros(0), np.zeros(3), "x")
    assert "The golden array is empty." in view.notes
    assert view.slices[0].obtained


def test_the_same_arrays_make_the_same_bytes():
    golden = np.random.default_rng(0).normal(size=(5, 40, 40)) + 0j
    pair = golden, moved(golden, (1, 2, 3))
    one, other = (views(*pair, "x") for _ in range(2))
    assert one == other


def test_mapped_arrays_are_shown(tmp_path):
    golden = np.lib.format.open_memmap(tmp_path / "a.npy", "w+", "f4", (30, 20, 20))
    golden[:] = 1
    view = views(golden, moved(np.asarray(golden), (29, 0, 0)), "x", most_slices=2)
    assert [one.label for one in view.slices] == ["[0, :, :], the same", "[29, :, :]"]
