"""Tables of pytest-regressions: values come back exactly, and what text cannot say is noted."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.errors import UnreadableError
from harness.core.exchange.csv_tables import as_columns, as_frame, read_table, typed

pandas = pytest.importorskip("pandas")


@pytest.fixture
def stored(tmp_path):
    """The table that pytest-regressions writes for columns."""

    def store(columns, index=None):
        path = tmp_path / "table.csv"
        pandas.DataFrame(columns, index=index).to_csv(path, float_format="%.17g")
        return read_table(path)

    return store


def test_columns_come_back_with_the_dtypes_that_text_has(stored):
    columns = {
        "x": np.array([1 / 3, np.nan, np.inf]),
        "n": np.array([1, -2, 3], dtype="i2"),
        "big": np.array([2**63, 1, 2], dtype="u8"),
        "z": np.array([1 + 2j, 3, 4]),
        "ok": np.array([True, False, True]),
    }
    read = as_columns(stored(columns))
    assert {name: array.dtype.name for name, array in read.data.items()} == {
        "x": "float64",
        "n": "int64",
        "big": "uint64",
        "z": "complex128",
        "ok": "bool",
    }
    assert all(np.array_equal(read.data[name], columns[name], equal_nan=name == "x") for name in columns)
    assert read.dtypes == dict.fromkeys(columns, "text")


def test_filling_of_shorter_columns_is_left_out_and_noted(stored):
    read = as_columns(stored({"long": [1.0, 2.0, 3.0], "short": [1.0, 2.0, np.nan]}))
    assert read.data["short"].tolist() == [1.0, 2.0]
    assert read.notes[0] == "short: 2 values; the empty cells after them are taken for filling"
    assert read.notes[1] == "long, short: whole numbers, taken for integers; a test may have floats"


def test_missing_values_at_the_end_of_every_column_stay(stored):
    read = as_columns(stored({"a": [1.0, np.nan], "b": [2.0, np.nan]}))
    assert np.array_equal(read.data["a"], [1.0, np.nan], equal_nan=True)


def test_an_index_that_does_more_than_count_is_kept(stored):
    assert "index" not in as_columns(stored({"a": [1.0, 2.0]})).data
    assert as_columns(stored({"a": [1.0, 2.0]}, [0.5, 1.5])).data["index"].tolist() == [0.5, 1.5]


def test_a_frame_comes_back_as_a_frame(stored):
    frame = pandas.DataFrame({"a": [1.5, 2.0], "name": ["x", "y"]}, index=pandas.Index([3, 4], name="step"))
    read = as_frame(stored(frame))
    pandas.testing.assert_frame_equal(read.data, frame)
    plain = pandas.DataFrame({"a": [1.5, 2.0]})
    pandas.testing.assert_frame_equal(as_frame(stored(plain)).data, plain)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "an empty file"),
        (b"alone\n", "a header without columns"),
        (b",a,a\n0,1,2\n", "two columns named 'a'"),
        (b",a,b\n0,1\n", "2 cells in row 2, not 3"),
        (b",\xff\n", "not UTF-8"),
        (b',a\n0,"1', "unexpected end"),
    ],
)
def test_a_damaged_table_is_refused(tmp_path, text, problem):
    (tmp_path / "a.csv").write_bytes(text)
    with pytest.raises(UnreadableError, match=problem):
        read_table(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("cells", "dtype"), [(["1_000"], "str"), ([" 1"], "float64"), (["x", ""], "str"), ([], "int64")]
)
def test_text_that_only_looks_like_numbers(cells, dtype):
    assert typed(cells).dtype.name.startswith(dtype)


def test_a_column_of_one_value_is_taken_for_a_plain_number(stored):
    read = as_columns(stored({"x": [1.5], "n": [2]}))
    assert {name: (values.shape, values.item()) for name, values in read.data.items()} == {
        "x": ((), 1.5),
        "n": ((), 2),
    }
    assert read.notes[-1].startswith("x, n: one value, taken for a plain number")
    assert as_columns(stored({"x": [1.5, np.nan], "y": [1.0, 2.0]})).data["x"].shape == ()
