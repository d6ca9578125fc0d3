"""Generators are called with parameters as a user types them, and as a manifest records them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from harness.core.domain.generators import is_simulated, needs_source, parameters_of, read_parameters, rerun
from harness.core.errors import SourceMissingError, UsageError
from harness.core.fixtures.fixture import Fixture, make_fixture
from harness.core.fixtures.manifest import Generator, Source

LATTICES = """
from __future__ import annotations
from pathlib import Path
from typing import TYPE_CHECKING
import numpy as np
from harness.core.fixtures.fixture import make_fixture
from harness.core.fixtures.manifest import Generator, Source
if TYPE_CHECKING:
    from harness.core.fixtures.fixture import Fixture

def lattice(*, size: int = 3, scale: float | None = 1.0, shape: tuple[int, ...] = (1,)) -> Fixture:
    arrays = {"image": np.arange(size) * (scale or 0.0)}
    call = Generator("lattices:lattice", 1, {"size": size, "scale": scale, "shape": shape})
    return make_fixture("lattice", arrays, generator=call, source=Source("simulated", "xxh128:0"))

def sampled(*, source: Path, size: int = 3) -> Fixture:
    arrays = {"image": np.frombuffer(source.read_bytes(), np.uint8)[:size]}
    call = Generator("lattices:sampled", 1, {"source": source.name, "size": size})
    return make_fixture("sampled", arrays, generator=call, source=Source(source.name, "xxh128:0"))

def misty(*, size: Fixture = 3): ...
"""


@pytest.fixture
def lattices(module):
    """A user's module of generators, annotated for type checkers."""
    module("lattices", LATTICES)
    import lattices

    return lattices


def anything(  # noqa: PLR0913 - one parameter of each type
    *, number: int, ratio: float, limit: float | None, flag: bool, text: str, path: Path, free
) -> Fixture:
    """A signature, to convert parameters for."""


def test_text_is_converted_to_the_annotated_types():
    typed = {
        "number": "3",
        "ratio": "1e6",
        "limit": "none",
        "flag": "true",
        "text": "3",
        "path": "a/b",
        "free": "3",
    }
    assert read_parameters(anything, typed) == {
        "number": 3,
        "ratio": 1e6,
        "limit": None,
        "flag": True,
        "text": "3",
        "path": Path("a/b"),
        "free": "3",
    }
    assert read_parameters(anything, {"limit": "0.5", "flag": "false"}) == {"limit": 0.5, "flag": False}


def test_recorded_values_are_kept():
    """As JSON returns them: whole floats, None, lists."""
    recorded = {"number": 3, "ratio": 1000000.0, "limit": None, "path": "a"}
    assert read_parameters(anything, recorded) == recorded | {"path": Path("a")}


@pytest.mark.parametrize(
    ("name", "value"),
    [("number", "3.5"), ("number", "many"), ("ratio", "none"), ("flag", "perhaps"), ("number", None)],
)
def test_a_value_of_another_type_is_refused_with_the_name_of_the_parameter(name, value):
    with pytest.raises(UsageError, match="Correct the value") as caught:
        read_parameters(anything, {name: value})
    assert caught.value.thing == f"parameter {name!r}"
    assert repr(value) in caught.value.found or value is None


def test_an_unknown_parameter_is_refused_and_the_known_ones_are_listed():
    with pytest.raises(
        UsageError, match="no parameter 'nmuber'; it has number, ratio, limit, flag, text, path, free"
    ):
        read_parameters(anything, {"nmuber": "3"})


def test_the_return_annotation_may_exist_for_type_checkers_only(lattices):
    parameters = parameters_of(lattices.lattice)
    assert list(parameters) == ["size", "scale", "shape"]
    assert parameters["size"].annotation is int
    assert parameters["scale"].default == 1.0


def test_a_parameter_whose_annotation_cannot_be_evaluated_is_refused(lattices):
    with pytest.raises(UsageError, match="Import the name at run time") as caught:
        parameters_of(lattices.misty)
    assert caught.value.thing == "generator lattices:misty"


def test_a_generator_with_a_parameter_named_source_reads_a_file(lattices):
    assert needs_source(lattices.sampled)
    assert not needs_source(lattices.lattice)


def test_a_manifest_is_simulated_if_its_generator_needs_no_source(lattices, tmp_path):
    source = tmp_path / "scan.bin"
    source.write_bytes(b"abc")
    assert is_simulated(lattices.lattice().manifest)
    assert not is_simulated(lattices.sampled(source=source).manifest)
    gone = msgspec.structs.replace(lattices.lattice().manifest, generator=Generator("lattices:gone", 1, {}))
    with pytest.raises(UsageError):
        is_simulated(gone)


@pytest.mark.parametrize("parameters", [{}, {"size": 5, "scale": None}, {"scale": 1e6, "shape": (4, 4)}])
def test_a_fixture_is_generated_again_from_its_manifest(lattices, parameters):
    """With the same manifest in every key, although its parameters were converted to JSON and back."""
    fixture = lattices.lattice(**parameters)
    again = rerun(fixture.manifest)
    assert again.manifest == fixture.manifest
    assert np.array_equal(again.arrays["image"], fixture.arrays["image"])


def test_the_source_file_is_a_parameter(lattices, tmp_path):
    """A manifest has only the file's name, so the caller gives the path."""
    source = tmp_path / "scan.bin"
    source.write_bytes(b"abcdef")
    fixture = lattices.sampled(source=source, size=4)
    assert rerun(fixture.manifest, source).manifest == fixture.manifest
    with pytest.raises(SourceMissingError, match=r"no file is named scan\.bin") as caught:
        rerun(fixture.manifest)
    assert "harness generate --source PATH/scan.bin" in caught.value.remedy


@pytest.mark.parametrize(
    "call",
    [
        Generator("lattices:gone", 1, {}),
        Generator("no_such_module:lattice", 1, {}),
        Generator("lattices:lattice", 1, {"sides": 4}),
        Generator("lattices:lattice", 1, {"size": "many"}),
    ],
)
def test_a_generator_that_no_longer_exists_or_has_other_parameters_is_refused(lattices, call):
    manifest = msgspec.structs.replace(lattices.lattice().manifest, generator=call)
    with pytest.raises(UsageError):
        rerun(manifest)


def test_the_example_makes_the_same_manifest_as_make_fixture(lattices):
    made = make_fixture(
        "lattice",
        {"image": np.arange(3) * 1.0},
        generator=Generator("lattices:lattice", 1, {"size": 3, "scale": 1.0, "shape": [1]}),
        source=Source("simulated", "xxh128:0"),
    )
    assert made.manifest == lattices.lattice().manifest
