"""Manifests: deterministic, strict, and compared by what they say."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest

from harness.core.digest import digest_array, digest_arrays
from harness.core.errors import StaleFormatError, UnreadableError
from harness.core.manifest import (
    ArraySpec,
    Generator,
    Source,
    decode_manifest,
    describe_arrays,
    encode_manifest,
    manifest_differences,
    read_manifest,
    set_digest,
)


@pytest.fixture
def manifest(made):
    return made().manifest


def changed(manifest, **parts):
    return msgspec.structs.replace(manifest, **parts)


def test_arrays_are_described_by_shape_dtype_and_digest(arrays):
    specs = describe_arrays(dict(reversed(arrays.items())))
    assert list(specs) == ["image", "index", "phase"]
    assert specs["image"] == ArraySpec((3, 4), "float32", digest_array(arrays["image"]))
    assert set_digest(specs) == digest_arrays(arrays)


def test_byte_order_is_not_in_a_description(arrays):
    swapped = {name: a.byteswap().view(a.dtype.newbyteorder()) for name, a in arrays.items()}
    assert describe_arrays(swapped) == describe_arrays(arrays)


def test_form_of_a_manifest_has_not_changed(made):
    """The whole file as it was written down: no date, host or path is in it."""
    fixture = made("point", {"a": np.array([1.0, 2.0], "f4")})
    assert encode_manifest(fixture.manifest).decode() == POINT


POINT = """\
{
  "arrays": {
    "a": {
      "digest": "xxh128:8e3f8f826f512061cd4ceba696736d3e",
      "dtype": "float32",
      "shape": [
        2
      ]
    }
  },
  "checks": {
    "residual": 1e-7
  },
  "digest": "xxh128:11860be744bc7a4fd06447926bbba10c",
  "generator": {
    "call": "example:lattice",
    "parameters": {
      "seed": 0
    },
    "version": 1
  },
  "name": "point",
  "schema": 1,
  "source": {
    "digest": "xxh128:0",
    "name": "simulated"
  },
  "transformations": [
    "image: float64 -> float32"
  ]
}
"""


def test_a_manifest_is_read_as_it_was_written(tmp_path, manifest):
    path = tmp_path / "lattice.json"
    path.write_bytes(encode_manifest(manifest))
    assert read_manifest(path) == manifest
    assert encode_manifest(read_manifest(path)) == path.read_bytes()


def test_a_manifest_in_memory_is_the_one_on_disk(made):
    """Parameters and checks as a generator has them, tuples and numpy's numbers: equal when read back."""
    parameters = {"shape": (64, 64), "dose": np.float64(1e6), "seed": np.int64(0), "mask": None}
    generator = Generator("example:lattice", 1, parameters)
    manifest = made(generator=generator, checks={"residual": np.float32(0.25), "groups": 61}).manifest
    data = encode_manifest(manifest)
    again = decode_manifest(data, name="lattice")
    assert manifest_differences(again, manifest) == []
    assert encode_manifest(again) == data
    assert json.loads(data)["checks"] == {"groups": 61, "residual": 0.25}


@pytest.mark.parametrize(
    ("place", "value", "found"),
    [
        (("author",), "me", "unknown field `author`"),
        (("arrays", "image", "order"), "C", "unknown field `order` - at `$.arrays[...]`"),
        (("arrays", "image", "shape"), [3, "4"], "at `$.arrays[...].shape[1]`"),
        (("generator", "version"), "1", "Expected `int`, got `str` - at `$.generator.version`"),
        (("checks", "residual"), "small", "at `$.checks[...]`"),
    ],
)
def test_an_edited_manifest_is_refused_with_the_place(manifest, place, value, found):
    told = json.loads(encode_manifest(manifest))
    part = told
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    with pytest.raises(UnreadableError) as caught:
        decode_manifest(json.dumps(told).encode(), name="golden/lattice.json")
    assert found in caught.value.found


def test_a_newer_manifest_is_stale(manifest):
    with pytest.raises(StaleFormatError):
        decode_manifest(encode_manifest(changed(manifest, schema=2)), name="lattice")


def test_a_manifest_does_not_differ_from_itself(manifest):
    assert manifest_differences(manifest, manifest) == []


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        ({"name": "other"}, "manifest name: expected 'lattice', found 'other'"),
        (
            {"transformations": ()},
            "manifest transformations: expected ('image: float64 -> float32',), found ()",
        ),
        (
            {"generator": Generator("example:lattice", 2, {"seed": 0})},
            "manifest generator.version: expected 1, found 2",
        ),
        (
            {"generator": Generator("other:lattice", 1, {"seed": 0})},
            "manifest generator.call: expected 'example:lattice', found 'other:lattice'",
        ),
        (
            {"generator": Generator("example:lattice", 1, {"seed": 1})},
            "manifest generator.parameters: expected {'seed': 0}, found {'seed': 1}",
        ),
        (
            {"source": Source("simulated", "xxh128:1")},
            "manifest source.digest: expected 'xxh128:0', found 'xxh128:1'",
        ),
        (
            {"source": Source("a.npz", "xxh128:0")},
            "manifest source.name: expected 'simulated', found 'a.npz'",
        ),
        ({"checks": {"residual": 1.02e-7}}, "manifest checks.residual: expected 1e-07, found 1.02e-07"),
        ({"checks": {}}, "manifest checks.residual: expected 1e-07, found None"),
        ({"checks": {"residual": 1e-7, "b": 0.0}}, "manifest checks.b: expected None, found 0.0"),
    ],
)
def test_each_thing_a_manifest_says_is_compared(manifest, parts, line):
    assert manifest_differences(manifest, changed(manifest, **parts)) == [line]


@pytest.mark.parametrize(
    ("one", "other", "lines"),
    [
        (0.125, 0.1251, 0),
        (0.125, 0.1252, 1),
        (0.125, 0.1249, 0),
        (0.125, 0.1248, 1),
        (2e-8, 2.09e-8, 0),
        (2e-8, 2.11e-8, 1),
        (61, 61, 0),
        (61, 60, 1),
    ],
)
def test_checks_are_measurements_and_compared_to_three_digits(manifest, one, other, lines):
    """Just inside one part in a thousand, or 1e-9, is the same; just outside is not."""
    expected, found = (changed(manifest, checks={"residual": value}) for value in (one, other))
    assert len(manifest_differences(expected, found)) == lines


def test_all_differences_are_listed(manifest):
    other = changed(manifest, name="other", transformations=(), checks={})
    assert len(manifest_differences(manifest, other)) == 3
