"""Arrays and datasets of xarray: values, dimensions, coordinates and names."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from harness.core.containers.flatten import flatten
from harness.core.errors import UsageError


def stored(data, **options) -> dict[str, object]:
    return {name: array.tolist() for name, array in flatten(data, **options).arrays.items()}


@pytest.fixture
def xr():
    return pytest.importorskip("xarray", reason="xarray is not installed")


@pytest.fixture
def field(xr):
    return xr.DataArray(
        np.arange(4.0).reshape(2, 2),
        dims=("y", "x"),
        coords={"x": [1.0, 2.0], "place": ("y", ["p", "q"])},
        name="temperature",
        attrs={"source": "not compared"},
    )


class Variable:
    """As a variable of xarray."""

    __module__ = "xarray.core.variable"

    def __init__(self, dims, data):
        self.dims, self.data, self.values = dims, np.asarray(data), None
        self.variable, self.dtype, self.ndim = self, self.data.dtype, self.data.ndim


class DataArray(Variable):
    """As an array of xarray."""

    __module__ = "xarray.core.dataarray"
    name = "v"

    def __init__(self, dims, data, coords):
        super().__init__(dims, data)
        self.coords = coords


class Dataset:
    """As a dataset of xarray."""

    __module__ = "xarray.core.dataset"

    def __init__(self, data_vars, coords):
        self.data_vars, self.coords = data_vars, coords


X = Variable(("x",), [1.0, 2.0])


def test_an_array_has_dimensions_coordinates_and_a_name():
    flat = flatten({"a": DataArray(("x",), [3.0, 4.0], {"x": X})})
    assert {name: array.tolist() for name, array in flat.arrays.items()} == {
        "a": [3.0, 4.0],
        "a.dims": ["x"],
        "a.coords.x": [1.0, 2.0],
        "a.coords.x.dims": ["x"],
        "a.name": "v",
    }
    assert {"a.coords", "a.coords.x"} < flat.exact
    assert "a" not in flat.exact


def test_a_dataset_has_no_prefix_and_a_variable_no_name_of_a_part():
    data = Dataset({"v": Variable((), 1.0), "coords": X}, {"x": X})
    assert stored(data) == {
        "v": 1.0,
        "v.dims": [],
        "%63oords": [1.0, 2.0],
        "%63oords.dims": ["x"],
        "coords.x": [1.0, 2.0],
        "coords.x.dims": ["x"],
    }


def test_what_only_looks_like_xarray_is_refused():
    with pytest.raises(UsageError, match="array 'a'"):
        flatten({"a": SimpleNamespace(dims=(), data=1, values=1)})


def test_arrays_of_xarray(field):
    assert stored(field) == {
        "data": [[0.0, 1.0], [2.0, 3.0]],
        "data.dims": ["y", "x"],
        "data.coords.x": [1.0, 2.0],
        "data.coords.x.dims": ["x"],
        "data.coords.place": ["p", "q"],
        "data.coords.place.dims": ["y"],
        "data.name": "temperature",
    }


def test_a_variable_and_coordinates_alone_are_taken(field):
    assert list(stored(field.variable)) == ["data", "data.dims"]
    assert list(stored(field.coords)) == [
        "coords.x",
        "coords.x.dims",
        "coords.place",
        "coords.place.dims",
    ]


def test_datasets_of_xarray(xr, field):
    found = stored(xr.Dataset({"t": field, 1: ("z", [1, 2])}))
    assert list(found) == ["t", "t.dims", "1", "1.dims", *(f"coords.{name}" for name in COORDINATES)]


def test_names_that_are_the_same_text_are_refused():
    with pytest.raises(UsageError, match="differ as text"):
        flatten(Dataset({1.5: X, "1.5": X}, {}))
    assert list(stored(Dataset({1: X, "1": X}, {}))) == ["1", "1.dims", "%31", "%31.dims"]


COORDINATES = ("x", "x.dims", "place", "place.dims")


def test_the_levels_of_a_coordinate_are_kept(field):
    pytest.importorskip("pandas", reason="pandas is not installed")
    found = stored(field.stack(p=("y", "x")))
    assert found["data.coords.p.0"] == [0, 0, 1, 1]
    assert found["data.coords.p.1"] == [1.0, 2.0, 1.0, 2.0]
    assert found["data.coords.p.1.name"] == ["x"]


def test_text_with_missing_values_keeps_its_shape(xr):
    found = stored(xr.DataArray(np.array([["a", None], ["bc", "d"]], dtype=object)))
    assert found["data"] == [["a", ""], ["bc", "d"]]
    assert found["data.mask"] == [[False, True], [False, False]]


def test_trees_of_datasets_are_nested(xr):
    tree = xr.DataTree.from_dict({"/": xr.Dataset({"a": 1.0}), "/below": xr.Dataset({"b": ("t", [1, 2])})})
    assert list(stored(tree)) == ["a", "a.dims", "below.b", "below.b.dims"]


def test_an_empty_dataset_is_refused(xr):
    with pytest.raises(UsageError, match="without arrays"):
        flatten(xr.Dataset())


def test_other_coordinates_are_other_data(field):
    moved = field.assign_coords(x=[1.0, 2.5])
    assert stored(moved) != stored(field)
    assert stored(field.assign_attrs(source="other")) == stored(field)
