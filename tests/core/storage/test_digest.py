"""A digest depends on dtype, shape and values, and on nothing else."""

from __future__ import annotations

import hashlib
import itertools
import os

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from harness.core.errors import UnreadableError, UsageError
from harness.core.storage import digest
from harness.core.storage.arrays import flat_blocks
from harness.core.storage.digest import (
    combine_digests,
    digest_array,
    digest_arrays,
    digest_file,
    digest_plain_file,
    digests_of_array,
    is_plain,
    sha256_file,
)

NUMBERS = ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16"]
PLAIN = [*NUMBERS, "S3", "U2", "M8[ns]", "m8[s]"]
FLOATS = {"f2": "u2", "f4": "u4", "f8": "u8"}

# Digests of the canonical form, version 1, printed by digest_array when the form was settled. They agree with
# its definition, which `test_digest_is_that_of_the_bytes_the_documentation_names` spells out apart from the
# code, and must never change: another form has another prefix, `harness-array-2`.
GOLDEN: dict[str, tuple[np.ndarray, str]] = {
    "bool": (np.array([True, False, True]), "xxh128:390d90e82f092fc85fad3586a87d0e7a"),
    "uint8": (np.arange(6, dtype="u1").reshape(2, 3), "xxh128:8173d8391b0d5a79c14d3bd111997741"),
    "int16, extremes": (np.array([-32768, -1, 0, 32767], "i2"), "xxh128:e97155545e50b308aa2175a7ccbb91eb"),
    "int64 scalar": (np.array(-(2**63), "i8"), "xxh128:844c1b6514d271489079bd0efe77c20c"),
    "float16": (np.array([0.5, -2.0, 65504.0], "f2"), "xxh128:501ca0713ef471cd55b1add4a4dbb848"),
    "float32": (np.arange(24, dtype="f4").reshape(2, 3, 4) / 8, "xxh128:f1aabd3c450b9af18be538f459cafb88"),
    "float64, both zeros": (np.array([0.0, -0.0, 1 / 3]), "xxh128:e3c55781453f7a4049b1f475d511e966"),
    "float32, NaN with a payload": (
        np.array([0x7FC00001, 0x7F800000], "u4").view("f4"),
        "xxh128:423d8c30036c193f8a17547dc9348051",
    ),
    "complex64": (np.array([1 + 2j, -0.5j], "c8"), "xxh128:89465a2b57e0882d90d1b53b90833d4e"),
    "complex128, empty": (np.zeros((0, 3), "c16"), "xxh128:1faa37753e6d19002ce8e9d31803f236"),
    "bytes": (np.array([b"probe", b"object"]), "xxh128:917bbb915ebd413d9035d48125241fc8"),
    "text": (np.array(["Å", "nm"]), "xxh128:45231e666eec06dcb37c33382db76353"),
    "date": (np.array(["2020-01-02T03:04:05", "NaT"], "M8[s]"), "xxh128:3fefb911309028d0353a124e76c168d5"),
}


@st.composite
def any_arrays(draw, dtypes=tuple(NUMBERS), **shape):
    """Arrays of any bits: every NaN payload, both zeros, infinities, subnormal numbers."""
    dtype = np.dtype(draw(st.sampled_from(dtypes))).newbyteorder("<")
    sides = draw(array_shapes(**({"min_dims": 0, "max_dims": 3, "min_side": 0, "max_side": 4} | shape)))
    size = int(np.prod(sides, dtype=int)) * dtype.itemsize
    bits = np.frombuffer(draw(st.binary(min_size=size, max_size=size)), np.uint8)
    return (bits % 2 if dtype.kind == "b" else bits).view(dtype).reshape(sides)


def swapped(array: np.ndarray) -> np.ndarray:
    """The same values in the other byte order."""
    return array.byteswap().view(array.dtype.newbyteorder())


@given(any_arrays())
def test_memory_order_has_no_effect(array):
    assert digest_array(np.array(array, order="F")) == digest_array(array)
    assert digest_array(array.T.copy().T) == digest_array(array)


@given(any_arrays(min_dims=1), st.sampled_from([-3, -1, 2, 3]))
def test_strides_have_no_effect(array, step):
    """An array and a view of a larger one, with gaps or backwards, have one digest."""
    wide = np.full((*array.shape[:-1], array.shape[-1] * abs(step)), array.dtype.type(1))
    view = wide[..., ::step]
    view[...] = array
    assert digest_array(view) == digest_array(array.copy())
    assert digest_array(array[::-1].copy()[::-1]) == digest_array(array)


@given(any_arrays(min_dims=1, min_side=1))
def test_broadcasting_has_no_effect(array):
    """A view without memory of its own has the digest of its copy."""
    view = np.broadcast_to(array, (3, *array.shape))
    assert digest_array(view) == digest_array(np.array(view))


@given(any_arrays())
def test_byte_order_has_no_effect(array):
    assert digest_array(swapped(array)) == digest_array(array)


@pytest.mark.parametrize("array", [np.array(["ab", "é€"]), np.array(["NaT", "2020-01-02"], "M8[ns]")])
def test_byte_order_of_text_and_dates_has_no_effect(array):
    assert digest_array(swapped(array)) == digest_array(array)


@given(any_arrays(min_side=1), st.data())
def test_every_bit_of_a_value_counts(array, data):
    """Flipping any one bit gives another digest: the sign of zero and NaN payloads are bits."""
    flat = array.copy().reshape(-1).view(np.uint8)
    bit = 0 if array.dtype.kind == "b" else data.draw(st.integers(0, 7))
    flat[data.draw(st.integers(0, flat.size - 1))] ^= 1 << bit
    assert digest_array(flat.view(array.dtype).reshape(array.shape)) != digest_array(array)


@pytest.mark.parametrize("code", FLOATS)
def test_minus_zero_is_not_zero(code):
    assert digest_array(np.array(-0.0, code)) != digest_array(np.array(0.0, code))


@pytest.mark.parametrize("code", ["c8", "c16"])
def test_minus_zero_is_not_zero_in_either_part(code):
    zeros = [np.array(complex(re, im), code) for re in (0.0, -0.0) for im in (0.0, -0.0)]
    assert len({digest_array(zero) for zero in zeros}) == 4


@pytest.mark.parametrize("code", FLOATS)
def test_nan_payloads_have_different_digests(code):
    """So have NaNs of different sign. Equal payloads have the same digest."""
    bits = np.array(np.nan, code).view(FLOATS[code])
    sign = bits.dtype.type(1 << (8 * bits.itemsize - 1))
    nans = [np.array(b, bits.dtype).view(code) for b in (bits, bits | 1, bits | 2, bits | sign)]
    assert all(np.isnan(nan) for nan in nans)
    assert len({digest_array(nan) for nan in nans}) == 4
    assert digest_array(nans[1].copy()) == digest_array(nans[1])


def test_dtypes_have_different_digests():
    """The same zero bytes under any two dtypes have two digests."""
    digests = [digest_array(np.zeros(16, np.uint8).view(code)) for code in PLAIN if code not in ("S3", "?")]
    digests += [digest_array(np.zeros(16, code)) for code in ("S1", "S3", "S16", "U1", "U4", "?", "M8[s]")]
    assert len(set(digests)) == len(digests)


@given(any_arrays(max_dims=2))
def test_shapes_have_different_digests(array):
    """No two shapes of the same bytes share a digest, a scalar's and an empty array's included."""
    shapes = {array.shape, (array.size,), (1, array.size), (array.size, 1), (1, 1, array.size)}
    shapes |= {array.shape[::-1]} | ({()} if array.size == 1 else set())
    shapes |= {(0,), (0, 3), (3, 0), (0, 0)} if array.size == 0 else set()
    assert len({digest_array(array.reshape(shape)) for shape in shapes}) == len(shapes)


@given(any_arrays())
def test_digest_is_that_of_the_bytes_the_documentation_names(array):
    """The canonical form, written a second time from the documentation."""
    name = {"?": "|b1", "i1": "|i1", "u1": "|u1"}.get(array.dtype.char, array.dtype.str)
    shape = ",".join(str(side) for side in array.shape)
    said = b"harness-array-1\0" + name.encode() + b"\0" + shape.encode() + b"\0" + array.tobytes("C")
    assert digest_array(array) == f"xxh128:{xxhash.xxh3_128_hexdigest(said)}"
    assert digests_of_array(array) == (digest_array(array), f"sha256:{hashlib.sha256(said).hexdigest()}")


@pytest.mark.parametrize("name", GOLDEN)
def test_canonical_form_has_not_changed(name):
    """A dozen arrays have the digests recorded for version 1 of the form."""
    array, expected = GOLDEN[name]
    assert digest_array(array) == expected


@given(any_arrays())
def test_digesting_changes_nothing(array):
    before = array.copy()
    array.flags.writeable = False
    digest_array(array)
    assert array.tobytes() == before.tobytes()


@given(array=any_arrays(), block=st.sampled_from([1, 3, 8, 64]))
def test_block_size_has_no_effect(array, block):
    whole = digest_array(array)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flat_blocks, "BLOCK_BYTES", block)
        assert digest_array(array) == whole
        assert digest_array(np.array(array, order="F")) == whole


def test_python_values_have_the_digest_of_their_array():
    assert digest_array([[1, 2], [3, 4]]) == digest_array(np.array([[1, 2], [3, 4]]))
    assert digest_array(np.float32(1.5)) == digest_array(np.array(1.5, "f4"))


@pytest.mark.parametrize(
    "array",
    [
        np.array([{"seed": 0}], object),
        np.zeros(3, [("x", "f4"), ("y", "f4")]),
        np.zeros(3, np.longdouble),
        np.zeros(3, np.clongdouble),
        np.zeros(3, [("empty", "S0")])["empty"],
        np.zeros(3, "V4"),
    ],
    ids=lambda array: str(array.dtype),
)
def test_dtypes_without_canonical_bytes_are_refused(array):
    """Objects, structures, padded or empty values: their bytes are not defined by their values."""
    assert not is_plain(array.dtype)
    with pytest.raises(UsageError, match="no canonical bytes"):
        digest_array(array)


def test_plain_dtypes_are_named_so():
    assert all(is_plain(np.dtype(code)) for code in PLAIN)


@given(st.dictionaries(st.sampled_from("abcd"), any_arrays(dtypes=("f4", "i2"), max_dims=1), min_size=1))
def test_digest_of_a_set_depends_on_names_and_values_but_not_on_order(named):
    """A renamed, a missing and a changed array each give another digest."""
    whole = digest_arrays(named)
    assert digest_arrays(dict(reversed(named.items()))) == whole
    first, array = next(iter(named.items()))
    rest = {name: array for name, array in named.items() if name != first}
    others = [digest_arrays(rest), digest_arrays(rest | {"z": array})]
    others.append(digest_arrays(named | {first: np.append(array.reshape(-1), array.dtype.type(1))}))
    assert whole not in others


def test_digest_of_a_set_is_that_of_its_members_digests():
    one, two = np.arange(3), np.arange(4.0)
    assert digest_arrays({"b": two, "a": one}) == combine_digests(
        {"a": digest_array(one), "b": digest_array(two)}
    )
    assert digest_arrays({"a": two, "b": one}) != digest_arrays({"a": one, "b": two})


def test_digest_of_a_file_is_that_of_its_bytes(tmp_path, monkeypatch):
    """Both digests are those of xxhash and hashlib, for any block size."""
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 5)
    monkeypatch.setattr(digest, "_buffer", lambda: memoryview(bytearray(100)))
    assert digest_file(path) == f"xxh128:{xxhash.xxh3_128_hexdigest(path.read_bytes())}"
    assert sha256_file(path) == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


@pytest.mark.parametrize("size", [1, 15, 16, 17, 32, 33])
def test_a_plain_file_is_digested_if_it_has_the_expected_size(tmp_path, monkeypatch, size):
    """Shorter than a buffer, as long, and several of them; one byte more or less gives None."""
    monkeypatch.setattr(digest, "_buffer", lambda: memoryview(bytearray(16)))
    path, data = tmp_path / "a.bin", bytes(range(size))
    path.write_bytes(data)
    assert digest_plain_file(str(path), size) == digest_file(path)
    assert digest_plain_file(str(path), size + 1) is None
    for other in (data + b"\0", data[:-1]):
        path.write_bytes(other)
        assert digest_plain_file(str(path), size) is None


def test_what_is_not_a_plain_file_has_no_digest_and_is_not_waited_for(tmp_path):
    """A pipe that no process writes to, a link, a directory, nothing, and a device without end."""
    (tmp_path / "file").write_bytes(b"a")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "endless").symlink_to("/dev/zero")
    for name in ("pipe", "link", ".", "none", "endless", "file/below"):
        assert digest_plain_file(str(tmp_path / name), 0) is None
        assert digest_plain_file(str(tmp_path / name), 1) is None
    assert digest_plain_file("/dev/zero", 1 << 20) is None


@pytest.mark.parametrize("hash_file", [digest_file, sha256_file])
def test_unreadable_files_are_refused_by_name(tmp_path, hash_file):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(UnreadableError, match="expected a readable file") as caught:
            hash_file(path)
        assert caught.value.thing == str(path)


# torch is no dependency of the core; where it is there, its tensors are taken.


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="tensors are digested where torch is installed")


def test_tensors_have_their_arrays_digests(torch):
    """Every dtype that torch and numpy share, scalars and empty tensors included."""
    for code, shape in itertools.product(NUMBERS, [(), (0,), (2, 3)]):
        array = np.arange(np.prod(shape, dtype=int)).astype(code).reshape(shape)
        tensor = torch.from_numpy(array.copy())
        assert digest_array(tensor) == digest_array(array), code


def test_strides_and_views_of_tensors_have_no_effect(torch):
    array = np.arange(24, dtype="f4").reshape(4, 6)
    tensor = torch.from_numpy(array)
    assert digest_array(tensor.T) == digest_array(array.T)
    assert digest_array(tensor[1::2, ::3]) == digest_array(array[1::2, ::3])
    assert digest_array(tensor.clone().requires_grad_()) == digest_array(array)
    assert digest_array(torch.nn.Parameter(tensor.clone())) == digest_array(array)


def test_lazy_conjugates_and_negatives_are_resolved(torch):
    """Torch marks a conjugate without computing it; the digest is of the values."""
    array = np.array([1 + 2j, 3 - 4j], "c8")
    tensor = torch.from_numpy(array)
    assert digest_array(tensor.conj()) == digest_array(array.conj())
    assert digest_array(tensor.conj().imag) == digest_array(array.conj().imag)


def test_bfloat16_has_its_own_canonical_form(torch):
    """Its 16 bits, under a dtype name that numpy lacks, so that float16 and int16 differ from it."""
    values = torch.tensor([[1.0, -0.0, float("nan")], [3.5, float("inf"), 2.0]])
    short = values.to(torch.bfloat16)
    bits = short.view(torch.int16).numpy()
    said = b"harness-array-1\0<bf2\0" + b"2,3\0" + bits.astype("<i2").tobytes()
    assert digest_array(short) == f"xxh128:{xxhash.xxh3_128_hexdigest(said)}"
    assert digest_array(short.T) == digest_array(short.T.contiguous())
    others = [digest_array(bits), digest_array(values.to(torch.float16)), digest_array(values)]
    assert digest_array(short) not in others


def test_tensors_without_canonical_bytes_are_refused(torch):
    for tensor in (torch.zeros(3, dtype=torch.float8_e4m3fn), torch.zeros(3).to_sparse()):
        with pytest.raises(UsageError, match="no canonical bytes"):
            digest_array(tensor)


def test_a_masked_array_has_no_digest():
    """Two that differ only by their masks would have the same one."""
    masked = np.ma.masked_array([1.0, 2.0], [True, False])
    for digest_of in (digest_array, digests_of_array):
        with pytest.raises(UsageError, match="getmaskarray"):
            digest_of(masked)


def test_threads_that_nobody_waits_for_stop(tmp_path, monkeypatch):
    """At their next block; what they have read is counted until then."""
    path = tmp_path / "large"
    path.write_bytes(bytes(3 << 19))
    before = digest.hashing.bytes
    assert digest_file(path).startswith("xxh128:")
    assert digest.hashing.bytes == before + (3 << 19)
    monkeypatch.setattr(digest.hashing, "stopped", True)
    with pytest.raises(UnreadableError):
        digest_file(path)
    assert digest.digest_plain_file(path, 3 << 19) is None
