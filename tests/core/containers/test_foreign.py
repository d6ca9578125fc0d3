"""Arrays of other packages: real ones where they are installed, else classes with the same attributes."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.containers.flatten import flatten
from harness.core.errors import UsageError
from harness.core.storage.arrays.stored import ChunkedArray


def stored(data) -> dict[str, object]:
    return {name: array.tolist() for name, array in flatten({"a": data}).arrays.items()}


class JaxArray:
    """As jax's arrays and h5py's datasets."""

    shape = (2,)
    dtype = np.dtype("f4")

    def __init__(self, values=(1.0, 2.0)):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


class Interface:
    """An array by the older protocol."""

    def __init__(self):
        self.array = np.arange(2.0)
        self.__array_interface__ = self.array.__array_interface__


class NetcdfVariable:
    """As a variable of a file, which gives masked arrays."""

    def __array__(self, dtype=None, copy=None):
        return np.ma.masked_array([1.0, 2.0], [False, True])


class Broken:
    """As a key of jax, of which numpy makes nothing."""

    def __array__(self, dtype=None, copy=None):
        message = "no dtype"
        raise TypeError(message)


class Table:
    """As a table of astropy or pyarrow: numpy would get its values without the columns' names or units."""

    column_names = ("x",)

    def __array__(self, dtype=None, copy=None):
        return np.zeros(1)


class DeviceArray:
    """As an array of cupy."""

    __module__ = "cupy"

    def get(self):
        return np.array([1.0])

    def __array__(self, dtype=None, copy=None):
        message = "implicit conversion is not allowed"
        raise TypeError(message)


class PintQuantity:
    """As a quantity of pint."""

    __module__ = "pint"
    units = "meter / second"
    magnitude = np.array([1.0, 2.0])

    def __array__(self, dtype=None, copy=None):
        return self.magnitude


class AstropyQuantity(np.ndarray):
    """As a quantity of astropy."""

    __module__ = "astropy.units.quantity"
    unit = "m / s"

    @property
    def value(self):
        return self.view(np.ndarray)


class Reading:
    """A class of a user that has a value and a unit, and more."""

    value, unit, place = 1.0, "m", "north"


@pytest.mark.parametrize("make", [JaxArray, Interface, DeviceArray])
def test_what_numpy_makes_an_array_of_is_taken(make):
    (values,) = stored(make()).values()
    assert values in ([1.0, 2.0], [0.0, 1.0], [1.0])


def test_a_mask_that_a_protocol_gives_is_kept():
    assert stored(NetcdfVariable()) == {"a": [1.0, 0.0], "a.mask": [False, True]}


def test_text_of_any_length_is_taken_from_files():
    assert stored(JaxArray(np.array([b"text", b"x"], dtype=object))) == {"a": [b"text", b"x"]}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Broken(), "which raised TypeError: no dtype"),
        (Table(), "x.to_pandas(), or a mapping of its columns"),
        (JaxArray, "found a type"),
        (Reading(), "array 'a'"),
        (JaxArray(np.array([object()])), "array 'a'"),
    ],
    ids=["broken", "table", "class", "reading", "objects"],
)
def test_the_rest_is_refused(value, message):
    with pytest.raises(UsageError) as caught:
        flatten({"a": value})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("quantity", "unit"),
    [
        (PintQuantity(), "meter / second"),
        (np.array([1.0, 2.0]).view(AstropyQuantity), "m / s"),
    ],
    ids=["pint", "astropy"],
)
def test_a_unit_is_kept(quantity, unit):
    assert stored(quantity) == {"a": [1.0, 2.0], "a.unit": unit}


def test_units_of_astropy():
    units = pytest.importorskip("astropy.units", reason="astropy is not installed")
    assert stored(np.array([1.0, 2.0]) * units.m / units.s) == {"a": [1.0, 2.0], "a.unit": "m / s"}
    assert stored(3.0 * units.K) == {"a": 3.0, "a.unit": "K"}


def test_units_of_pint():
    pint = pytest.importorskip("pint", reason="pint is not installed")
    registry = pint.UnitRegistry()
    assert stored(3.0 * registry.meter) == {"a": 3.0, "a.unit": "meter"}
    assert stored(registry.Quantity(np.ones(1), "m/s")) == {"a": [1.0], "a.unit": "meter / second"}


def test_datasets_of_h5py(tmp_path):
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["g/y"], file["s"] = np.arange(2), 1.5, "text"
        assert stored(file["x"]) == {"a": [0, 1]}
        assert stored(file) == {"a.g.y": 1.5, "a.s": b"text", "a.x": [0, 1]}


def test_arrays_of_jax():
    jnp = pytest.importorskip("jax.numpy", reason="jax is not installed")
    flat = flatten({"a": jnp.arange(2.0), "b": jnp.ones(1, jnp.bfloat16)})
    assert flat.notes == ("b: bfloat16 -> float32",)


def test_a_group_of_a_store_is_its_members(tmp_path):
    """Also those of its groups. Its attributes are not compared."""
    zarr = pytest.importorskip("zarr", reason="zarr is not installed")
    group = zarr.open_group(str(tmp_path / "s.zarr"), mode="w")
    group.attrs["note"] = "left out"
    for name, place in (("b", group), ("x", group.create_group("deep"))):
        make = getattr(place, "create_array", None) or place.create_dataset
        make(name, shape=(3,), chunks=(2,), dtype="i4")[:] = [1, 2, 3]
    assert {name: array.tolist() for name, array in flatten(group).arrays.items()} == {
        "b": [1, 2, 3],
        "deep.x": [1, 2, 3],
    }
    assert flatten({"a": group["b"]}).arrays["a"].tolist() == [1, 2, 3]


def test_a_large_array_of_a_store_is_not_read(tmp_path, monkeypatch):
    """It is read block by block, where it is needed."""
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    monkeypatch.setattr("harness.core.containers.foreign.LARGE", 16)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["large"], file["small"] = np.arange(10.0), np.arange(2.0)
        arrays = flatten(file).arrays
        assert isinstance(arrays["large"], ChunkedArray)
        assert isinstance(arrays["small"], np.ndarray)
        assert np.array_equal(arrays["large"].part((), 2, 9), np.arange(2.0, 9.0))
