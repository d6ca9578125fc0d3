"""Tensors of torch: of every layout and dtype, with all that they carry."""

from __future__ import annotations

import re

import numpy as np
import pytest

from harness.core.containers.flatten import flatten
from harness.core.errors import UsageError


def named(value):
    """Name a case by its value, without addresses, which differ between pytest-xdist's workers."""
    return re.sub(" at 0x[0-9a-f]+", "", repr(value))


torch = pytest.importorskip("torch", reason="torch is not installed: the extra `ptycho` brings it")

BASE = torch.arange(6.0).reshape(2, 3)


def stored(data) -> dict[str, object]:
    return {name: array.tolist() for name, array in flatten({"a": data}).arrays.items()}


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        (BASE, [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]),
        (BASE.T, [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]),
        (BASE[:, ::2], [[0.0, 2.0], [3.0, 5.0]]),
        (torch.ones(2, requires_grad=True) * 2, [2.0, 2.0]),
        (torch.nn.Parameter(torch.ones(1)), [1.0]),
        (torch.tensor([1 + 2j]).conj(), [1 - 2j]),
        (torch.tensor([1 + 2j]).conj().imag, [-2.0]),
        (torch.ones(1).expand(3), [1.0, 1.0, 1.0]),
        (torch.tensor(True), True),
        (torch.zeros(0, 2), []),
    ],
    ids=named,
)
def test_the_values_of_a_tensor_are_taken(tensor, expected):
    assert stored(tensor) == {"a": expected}


@pytest.mark.parametrize(
    "dtype",
    sorted(name for name in dir(torch) if name.startswith(("float8", "bfloat16")) and "x2" not in name),
)
def test_small_floats_become_float32_exactly(dtype):
    """All 256 bytes, or as many of bfloat16."""
    bits = torch.arange(256, dtype=torch.uint8)
    bits = (
        bits.view(getattr(torch, dtype)) if dtype != "bfloat16" else (bits.short() << 8).view(torch.bfloat16)
    )
    flat = flatten({"a": bits})
    assert flat.notes == (f"a: {dtype} -> float32",)
    assert flat.arrays["a"].dtype == np.float32
    np.testing.assert_array_equal(flat.arrays["a"], bits.float().numpy())
    assert torch.equal(torch.nan_to_num(torch.from_numpy(flat.arrays["a"])), torch.nan_to_num(bits.float()))


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")
def test_complex_halves_become_complex64():
    flat = flatten({"a": torch.view_as_complex(torch.tensor([[1.0, 2.0]], dtype=torch.half))})
    assert flat.notes == ("a: complex32 -> complex64",)
    assert flat.arrays["a"].tolist() == [1 + 2j]


def test_half_precision_needs_no_conversion():
    flat = flatten({"a": torch.ones(1, dtype=torch.half)})
    assert (flat.arrays["a"].dtype, flat.notes) == (np.float16, ())


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
def test_duplicates_of_a_sparse_tensor_are_summed():
    tensor = torch.sparse_coo_tensor(
        torch.tensor([[1, 0, 1], [0, 1, 0]]), torch.tensor([1.0, 2.0, 3.0]), (2, 2)
    )
    assert stored(tensor) == {
        "a.indices": [[0, 1], [1, 0]],
        "a.values": [2.0, 4.0],
        "a.shape": [2, 2],
        "a.layout": "sparse_coo",
    }


@pytest.mark.filterwarnings("ignore:Sparse")
@pytest.mark.parametrize(
    ("layout", "names"),
    [
        ("csr", ["crow_indices", "col_indices"]),
        ("csc", ["ccol_indices", "row_indices"]),
        ("bsr", ["crow_indices", "col_indices"]),
        ("bsc", ["ccol_indices", "row_indices"]),
    ],
)
def test_compressed_tensors_have_two_arrays_of_indices(layout, names):
    tensor = getattr(torch.eye(4), f"to_sparse_{layout}")(*[(2, 2)] * layout.startswith("b"))
    flat = flatten({"a": tensor})
    assert list(flat.arrays) == [f"a.{name}" for name in (*names, "values", "shape", "layout")]
    assert flat.arrays["a.layout"] == f"sparse_{layout}"


def test_the_values_of_a_sparse_tensor_are_converted_too():
    assert flatten({"a": torch.eye(2).to_sparse().bfloat16()}).notes == ("a.values: bfloat16 -> float32",)


@pytest.mark.filterwarnings("ignore:.*quantiz.*")
def test_quantized_tensors_keep_scale_and_zero_point():
    one = torch.quantize_per_tensor(torch.tensor([0.5, 1.0]), 0.5, 10, torch.quint8)
    assert stored(one) == {"a": [11, 12], "a.scale": 0.5, "a.zero_point": 10, "a.dtype": "quint8"}
    scales, zeros = torch.tensor([0.5, 1.0]), torch.tensor([0, 1])
    each = torch.quantize_per_channel(torch.ones(2, 1), scales, zeros, 0, torch.qint8)
    assert stored(each) == {
        "a": [[2], [2]],
        "a.scale": [0.5, 1.0],
        "a.zero_point": [0, 1],
        "a.axis": 0,
        "a.dtype": "qint8",
    }
    assert "a.scale" in flatten({"a": one}).exact


@pytest.mark.skipif(not hasattr(torch.Tensor, "refine_names"), reason="this version of torch names no axes")
@pytest.mark.filterwarnings("ignore:Named tensors")
def test_names_of_axes_are_kept():
    assert stored(torch.zeros(1, 1).refine_names("x", None)) == {"a": [[0.0]], "a.names": ["x", ""]}


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_nested_tensors_are_taken_by_index():
    nested = torch.nested.nested_tensor([torch.ones(1), torch.zeros(2)])
    assert stored(nested) == {"a.0": [1.0], "a.1": [0.0, 0.0]}


class Labelled(torch.Tensor):
    """A subclass whose attributes nothing would store."""


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (torch.zeros(1).as_subclass(Labelled), "x.as_subclass(torch.Tensor)"),
        (torch.zeros(1, device="meta"), "a device that holds values"),
        (torch.nn.Linear(1, 1), "array 'a'"),
    ],
    ids=["subclass", "meta", "module"],
)
def test_other_tensors_are_refused(tensor, message):
    with pytest.raises(UsageError) as caught:
        flatten({"a": tensor})
    assert message in str(caught.value)


def test_the_state_of_a_module_is_a_mapping():
    model = torch.nn.Sequential(torch.nn.Linear(1, 1, bias=False))
    flat = flatten(model.state_dict())
    assert list(flat.arrays) == ["0%2Eweight"]
    assert flat.tolerance_keys["0.weight"] == "0%2Eweight"


def test_a_list_of_tensors_is_taken_by_index():
    assert stored([torch.zeros(1), torch.ones(1)]) == {"a.0": [0.0], "a.1": [1.0]}
