"""Tensors of torch: strided, sparse, quantized, named, nested, and of dtypes that numpy lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.core.containers.nodes import Node, integers, text, texts
from harness.core.fixtures.plain_arrays import is_tensor, plain_array

if TYPE_CHECKING:
    from harness.core.containers.nodes import Place

__all__ = ["from_tensor", "is_tensor"]

_PLAIN = frozenset({"Tensor", "Parameter", "Buffer"})
_WIDER = {"bfloat16": "float", "complex32": "cfloat"}
_COMPRESSED = {
    "sparse_csr": ("crow_indices", "col_indices"),
    "sparse_bsr": ("crow_indices", "col_indices"),
    "sparse_csc": ("ccol_indices", "row_indices"),
    "sparse_bsc": ("ccol_indices", "row_indices"),
}


def from_tensor(value: Any, place: Place) -> Node:
    """Return a tensor's values on the CPU, without its gradient, and what it has beside them."""
    if type(value).__name__ not in _PLAIN or not type(value).__module__.startswith("torch"):
        return Node(plain_array(place.name, value))  # refuses
    tensor = value.detach()
    if tensor.is_nested:
        parts = dict(enumerate(tensor.unbind()))
        return Node(children={key: place.read(part, key, value) for key, part in parts.items()}, bare=True)
    names = getattr(tensor, "names", ())  # newer releases of torch have no named tensors
    if any(axis is not None for axis in names):
        node = place.reader(tensor.rename(None), place)
        axes = ["" if axis is None else axis for axis in names]
        return node.having(names=texts(axes))
    layout = str(tensor.layout).removeprefix("torch.")
    if layout != "strided":
        return _from_sparse(tensor, layout, place)
    return _from_quantized(tensor, place) if tensor.is_quantized else _from_strided(tensor, place)


def _from_strided(tensor: Any, place: Place) -> Node:
    dtype = str(tensor.dtype).removeprefix("torch.")
    if dtype in _WIDER or dtype.startswith("float8"):
        wider = getattr(tensor.cpu().resolve_conj().resolve_neg(), _WIDER.get(dtype, "float"))()
        array = plain_array(place.name, wider)
        return Node(array, note=f"{dtype} -> {array.dtype.name}")
    return Node(plain_array(place.name, tensor))


def _from_sparse(tensor: Any, layout: str, place: Place) -> Node:
    """Indices, values and shape; duplicates are summed."""
    if layout == "sparse_coo":
        tensor = tensor.coalesce()
        indices = {"indices": tensor.indices()}
    elif layout in _COMPRESSED:
        indices = {name: getattr(tensor, name)() for name in _COMPRESSED[layout]}
    else:
        return Node(plain_array(place.name, tensor))  # refuses
    return Node().having(
        **{name: integers(each.cpu().numpy()) for name, each in indices.items()},
        values=place.read(tensor.values(), "values", tensor),
        shape=integers(list(tensor.shape)),
        layout=text(layout),
    )


def _from_quantized(tensor: Any, place: Place) -> Node:
    """The integers that a quantized tensor holds, with their scale and zero point."""
    if "per_channel" in str(tensor.qscheme()):
        scale, zero = tensor.q_per_channel_scales(), tensor.q_per_channel_zero_points()
        axis = integers(tensor.q_per_channel_axis())
    else:
        scale, zero, axis = tensor.q_scale(), tensor.q_zero_point(), None
    return Node(plain_array(place.name, tensor.int_repr())).having(
        scale=Node(plain_array(place.name, scale), exact=True),
        zero_point=Node(plain_array(place.name, zero)),
        axis=axis,
        dtype=text(str(tensor.dtype).removeprefix("torch.")),
    )
