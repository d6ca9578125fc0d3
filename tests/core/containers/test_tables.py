"""Tables of pandas and polars: columns, index, labels and dtypes."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import pytest

from harness.core.containers.flatten import flatten
from harness.core.containers.tolerances import tolerances_by_array
from harness.core.errors import UsageError


def named(value):
    """Name a case by its value, without addresses, which differ between pytest-xdist's workers."""
    return re.sub(" at 0x[0-9a-f]+", "", repr(value))


def stored(data, **options) -> dict[str, object]:
    return {name: array.tolist() for name, array in flatten(data, **options).arrays.items()}


def column(data) -> dict[str, object]:
    """What there is of a column `a`."""
    return {name: value for name, value in stored(data).items() if name[0] == "a"}


@pytest.fixture
def pd():
    return pytest.importorskip("pandas", reason="pandas is not installed")


@pytest.fixture
def pl():
    return pytest.importorskip("polars", reason="polars is not installed")


class Index:
    """As an index of pandas."""

    __module__ = "pandas.core.indexes.base"
    nlevels, name = 1, None
    isna = to_numpy = None

    def __init__(self, values):
        self.values = np.asarray(values)
        self.dtype = self.values.dtype

    def __iter__(self):
        return iter(self.values.tolist())

    def __array__(self, dtype=None, copy=None):
        return self.values


class Series(Index):
    """As a column of pandas."""

    __module__ = "pandas.core.series"
    iloc = None
    index = Index([0, 1])


class DataFrame:
    """As a table of pandas."""

    __module__ = "pandas.core.frame"
    isna = to_numpy = None

    def __init__(self, **columns):
        self.series = [Series(values) for values in columns.values()]
        self.columns, self.index = Index(list(columns)), Index([0.5, 1.5])
        self.dtypes = [each.dtype for each in self.series]

    @property
    def iloc(self):
        series = self.series

        class Located:
            def __getitem__(self, place):
                return series[place[1]]

        return Located()


def test_a_table_has_columns_index_labels_and_dtypes():
    """By a class with the attributes of pandas', so that this needs no pandas."""
    table = DataFrame(x=[1.0, 2.0], index=[1, 2])
    expected = {
        "x": [1.0, 2.0],
        "%69ndex": [1, 2],
        "index": [0.5, 1.5],
        "columns": ["x", "index"],
        "dtypes": ["float64", "int64"],
    }
    assert stored(table) == expected
    assert list(stored({"run": table})) == [f"run.{name}" for name in expected]
    assert tolerances_by_array({"run": 1}, flatten({"run": table})) == {"run.x": 1}
    assert list(stored(Series([1.0, 2.0]))) == ["data", "data.index", "data.dtype"]


def test_tables_of_pandas(pd):
    table = pd.DataFrame({"gas [m/s]": [1.0, np.nan], "T": [1, 2], "t": [True, False]}, index=["r", "s"])
    found = flatten(table)
    assert found.arrays.keys() == {"gas [m%2Fs]", "%54", "t", "index", "columns", "dtypes"}
    assert found.arrays["columns"].tolist() == ["gas [m/s]", "T", "t"]
    assert found.arrays["dtypes"].tolist() == ["float64", "int64", "bool"]
    assert np.isnan(found.arrays["gas [m%2Fs]"][1])
    assert tolerances_by_array({"gas [m/s]": 1, "T": 2}, found) == {"gas [m%2Fs]": 1, "%54": 2}


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda _: ["x", None], {"a": ["x", ""], "a.mask": [False, True]}),
        (lambda pd: pd.Series(["x", None], dtype=object), {"a": ["x", ""], "a.mask": [False, True]}),
        (lambda pd: pd.array(["x", None], dtype="string"), {"a": ["x", ""], "a.mask": [False, True]}),
        (lambda _: ["x", "y"], {"a": ["x", "y"]}),
        (lambda pd: pd.array([1, None], dtype="Int64"), {"a": [1, 0], "a.mask": [False, True]}),
        (lambda pd: pd.array([1, 2], dtype="Int8"), {"a": [1, 2]}),
        (lambda pd: pd.array([1.5, None], dtype="Float64"), {"a": [1.5, 0.0], "a.mask": [False, True]}),
        (lambda pd: pd.array([True, None], dtype="boolean"), {"a": [True, False], "a.mask": [False, True]}),
        (
            lambda pd: pd.Categorical(["lo", None], categories=["lo", "hi"], ordered=True),
            {"a": ["lo", ""], "a.mask": [False, True], "a.categories": ["lo", "hi"], "a.ordered": True},
        ),
        (
            lambda pd: pd.cut([1.0, 9.0], [0, 2, 4]),
            {
                "a": [0, -1],
                "a.categories.left": [0, 2],
                "a.categories.right": [2, 4],
                "a.categories.closed": "right",
                "a.categories.dtype": "interval[int64, right]",
                "a.ordered": True,
            },
        ),
        (lambda pd: pd.arrays.SparseArray([0.0, 1.0]), {"a": [0.0, 1.0]}),
        (lambda pd: pd.period_range("1970-02", periods=2, freq="M"), {"a": [1, 2]}),
        (lambda pd: pd.interval_range(0, 2), {"a.left": [0, 1], "a.right": [1, 2], "a.closed": "right"}),
        (lambda _: [dt.date(2020, 1, 1)] * 2, {"a": [dt.date(2020, 1, 1)] * 2}),
    ],
    ids=[
        "text", "object", "string", "no missing", "Int64", "Int8", "Float64", "boolean", "categorical",
        "cut", "sparse", "period", "interval", "date",
    ],
)  # fmt: skip
def test_every_dtype_of_pandas_keeps_its_values(pd, make, expected):
    assert column(pd.DataFrame({"a": make(pd)})) == expected


def test_arrays_of_arrow(pd):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    table = pd.DataFrame({"a": pd.array([1, None], dtype="int64[pyarrow]")})
    assert column(table) == {"a": [1, 0], "a.mask": [False, True]}
    table = pd.DataFrame({"a": pd.array(["x", None], dtype="string[pyarrow]")})
    assert column(table) == {"a": ["x", ""], "a.mask": [False, True]}


def test_times_are_in_utc_and_the_dtype_names_the_zone(pd):
    times = pd.date_range("2020-01-01", periods=2, tz="Europe/Berlin")
    found = flatten(pd.DataFrame({"a": times, "n": times.tz_localize(None), "d": times - times[0]}))
    assert str(found.arrays["a"][0]).startswith("2019-12-31T23:00:00")
    assert str(found.arrays["n"][0]).startswith("2020-01-01T00:00:00")
    assert found.arrays["d"].dtype.kind == "m"
    assert "Europe/Berlin" in str(found.arrays["dtypes"][0])
    index = flatten(pd.Series([1, 2], index=times)).arrays
    assert "Europe/Berlin" in str(index["data.index.dtype"])


def test_single_times_keep_nanoseconds_and_zone(pd):
    stamp = pd.Timestamp("2020-01-01T00:00:00.123456789")
    found = flatten({"a": stamp, "b": stamp.tz_localize("UTC"), "d": pd.Timedelta("1ns"), "n": pd.NaT}).arrays
    assert str(found["a"]) == str(found["b"]) == "2020-01-01T00:00:00.123456789"
    assert found["b.timezone"] == "UTC"
    assert found["d"] == np.timedelta64(1, "ns")
    assert np.isnat(found["n"])


def test_levels_are_nested_and_named(pd):
    rows = pd.MultiIndex.from_tuples([("r", 1), ("s", 2)], names=["k", None])
    columns = pd.MultiIndex.from_product([["u"], ["v", "w"]])
    found = stored(pd.DataFrame([[1.0, 2.0], [3.0, 4.0]], index=rows, columns=columns))
    assert found == {
        "u.v": [1.0, 3.0],
        "u.w": [2.0, 4.0],
        "index.0": ["r", "s"],
        "index.0.name": ["k"],
        "index.1": [1, 2],
        "columns.0": ["u", "u"],
        "columns.1": ["v", "w"],
        "dtypes": ["float64", "float64"],
    }


def test_equal_labels_are_numbered(pd):
    found = stored(pd.DataFrame([[1, 2, 3]], columns=["a", "a", "b"]))
    assert [found["a.0"], found["a.1"], found["b"]] == [[1], [2], [3]]
    assert found["columns"] == ["a", "a", "b"]


def test_labels_of_any_type_are_kept(pd):
    found = stored(pd.DataFrame([[1, 2, 3, 4]], columns=[0, "0", 1.5, None]))
    assert list(found)[:4] == ["0", "%30", "1%2E5", "None"]
    assert found["columns.types"] == ["int", "str", "float", "NoneType"]


def test_columns_and_parts_have_distinct_names(pd):
    found = stored(pd.DataFrame([[1, 2, 3]], columns=["index", "Columns", "dtypes"]))
    assert list(found) == ["%69ndex", "%43olumns", "%64types", "index", "columns", "dtypes"]


def test_a_series_keeps_its_index_dtype_and_name(pd):
    series = pd.Series([1.0, 2.0], index=pd.Index(["r", "s"], name="rows"), name="v")
    assert stored({"a": series}) == {
        "a": [1.0, 2.0],
        "a.index": ["r", "s"],
        "a.index.name": ["rows"],
        "a.dtype": "float64",
        "a.name": ["v"],
    }


def test_an_index_and_an_array_alone_are_taken(pd):
    assert stored(pd.Index([1, 2])) == {"data": [1, 2]}
    nullable = {"data": [1, 0], "data.mask": [False, True], "data.dtype": "Int64"}
    assert stored(pd.array([1, None])) == nullable
    assert stored(pd.Categorical([1.5]))["data.categories"] == [1.5]


def test_the_zone_and_the_frequency_of_an_array_alone_are_kept(pd):
    zoned = pd.date_range("2020", periods=1, tz="UTC")
    assert "UTC" in stored({"a": zoned.array})["a.dtype"]
    assert "UTC" in stored({"a": zoned})["a.dtype"]
    assert stored(pd.period_range("1970-02", periods=1, freq="M").array)["data.dtype"] == "period[M]"


def test_an_empty_table_is_taken(pd):
    assert stored(pd.DataFrame()) == {"index": [], "columns": [], "dtypes": []}


@pytest.mark.parametrize("values", [["x", 1], [object(), 1], [{"a": 1}, {}]], ids=named)
def test_a_column_of_several_types_is_refused_by_name(pd, values):
    with pytest.raises(UsageError, match=r"array 'run\.a'"):
        flatten({"run": pd.DataFrame({"a": values})})


def test_what_belongs_to_a_table_is_compared(pd):
    table = pd.DataFrame({"a": [1, 2]})
    others = [
        table.astype("int32"),
        table.rename(columns={"a": "b"}),
        table.rename(index={0: 5}),
        table.rename_axis("rows"),
        table.rename_axis("columns", axis=1),
        table.astype("Int64"),
    ]
    assert [other.dtypes.tolist() for other in others if stored(other) == stored(table)] == []


def test_tables_of_polars(pl):
    table = pl.DataFrame(
        {
            "a": [1, None],
            "s": ["x", None],
            "f": [1.5, 2.5],
            "b": [True, None],
            "t": [dt.datetime(2020, 1, 1), None],  # noqa: DTZ001
            "columns": [1, 2],
        }
    )
    found = stored(table)
    assert (found["a"], found["a.mask"]) == ([1, 0], [False, True])
    assert (found["s"], found["b"], found["f"]) == (["x", ""], [True, False], [1.5, 2.5])
    assert found["t.mask"] == [False, True]
    assert found["columns"] == ["a", "s", "f", "b", "t", "columns"]
    assert found["%63olumns"] == [1, 2]
    assert found["dtypes"][:2] == ["Int64", "String"]
    assert stored(pl.Series("z", [1, 2])) == {"data": [1, 2], "data.dtype": "Int64", "data.name": "z"}


def test_a_table_that_is_not_computed_yet_is_refused(pl):
    with pytest.raises(UsageError, match="array 'a'"):
        flatten({"a": pl.LazyFrame({"x": [1]})})
