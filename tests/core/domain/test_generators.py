"""Generators run again as their manifests record them."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from harness.core.domain.generators import is_simulated, reads_source, rerun
from harness.core.errors import HarnessError, NotImportableError, RemakeError, SourceMissingError
from harness.core.fixtures.fixture import make_fixture
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


def test_a_generator_with_a_parameter_named_source_reads_a_file(lattices):
    assert reads_source(lattices.sampled)
    assert not reads_source(lattices.lattice)


def test_a_manifest_is_simulated_if_its_generator_needs_no_source(lattices, empty, tmp_path):
    source = tmp_path / "scan.bin"
    source.write_bytes(b"abc")
    assert is_simulated(lattices.lattice().manifest, empty.root)
    assert not is_simulated(lattices.sampled(source=source).manifest, empty.root)
    gone = msgspec.structs.replace(lattices.lattice().manifest, generator=Generator("lattices:gone", 1, {}))
    with pytest.raises(NotImportableError):
        is_simulated(gone, empty.root)


@pytest.mark.parametrize("parameters", [{}, {"size": 5, "scale": None}, {"scale": 1e6, "shape": (4, 4)}])
def test_a_fixture_is_generated_again_from_its_manifest(lattices, empty, parameters):
    """With the same manifest in every key, although its parameters were converted to JSON and back."""
    fixture = lattices.lattice(**parameters)
    again = rerun(fixture.manifest, empty.root)
    assert again.manifest == fixture.manifest
    assert np.array_equal(again.arrays["image"], fixture.arrays["image"])


def test_the_source_file_is_a_parameter(lattices, empty, tmp_path):
    """A manifest has only the file's name, so the caller gives the path."""
    source = tmp_path / "scan.bin"
    source.write_bytes(b"abcdef")
    fixture = lattices.sampled(source=source, size=4)
    assert rerun(fixture.manifest, empty.root, source).manifest == fixture.manifest
    with pytest.raises(SourceMissingError, match=r"no file is named scan\.bin") as caught:
        rerun(fixture.manifest, empty.root)
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
def test_a_generator_that_no_longer_exists_or_has_other_parameters_is_refused(lattices, empty, call):
    manifest = msgspec.structs.replace(lattices.lattice().manifest, generator=call)
    with pytest.raises(HarnessError):
        rerun(manifest, empty.root)


def test_the_example_makes_the_same_manifest_as_make_fixture(lattices):
    made = make_fixture(
        "lattice",
        {"image": np.arange(3) * 1.0},
        generator=Generator("lattices:lattice", 1, {"size": 3, "scale": 1.0, "shape": [1]}),
        source=Source("simulated", "xxh128:0"),
    )
    assert made.manifest == lattices.lattice().manifest


LAMPS = """
from harness.core.fixtures.fixture import make_fixture
from harness.core.fixtures.manifest import Generator, Source
import numpy as np

def lamp(*, source: str = "mercury", count: int):
    call = Generator("lamps:lamp", 1, {"source": source, "count": count})
    return make_fixture("lamp", {"a": np.arange(count)}, generator=call, source=Source("simulated", "none"))

def placed(size, /, *, count: int = 2):
    call = Generator("lamps:placed", 1, {"size": size, "count": count})
    return make_fixture("lamp", {"a": np.arange(size * count)}, generator=call,
                        source=Source("simulated", "none"))
"""


@pytest.fixture
def lamps(module):
    """Generators whose parameters have unusual names and kinds."""
    module("lamps", LAMPS)
    import lamps

    return lamps


def test_an_ordinary_parameter_may_be_called_source(lamps, empty):
    """It is a text, so it is not the path of a file, and it is recorded like any other."""
    fixture = lamps.lamp(source="neon", count=3)
    assert not reads_source(lamps.lamp)
    assert is_simulated(fixture.manifest, empty.root)
    assert rerun(fixture.manifest, empty.root).manifest == fixture.manifest


def test_a_parameter_by_position_only_is_passed(lamps, empty):
    fixture = lamps.placed(3)
    assert rerun(fixture.manifest, empty.root).manifest == fixture.manifest


def test_a_parameter_without_default_that_is_not_recorded_is_named(lamps, empty):
    manifest = lamps.lamp(count=3).manifest
    short = msgspec.structs.replace(manifest, generator=Generator("lamps:lamp", 1, {"source": "neon"}))
    with pytest.raises(RemakeError, match="does not record the parameter count of lamps:lamp"):
        rerun(short, empty.root)
