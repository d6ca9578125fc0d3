"""Each format is exchanged with the program that it comes from, run by its own interpreter.

`make counterparts` makes the environments and sets the variables; without them the tests are skipped.
"""

import functools

import exchange
import numpy as np
import pytest

PIXELS = 1e-6
"""Largest error of a coordinate. Programs that compute in double precision leave 1e-14."""

SINGLE = 2.0**-23
"""Largest relative error of single precision, in which cdtools keeps translations and patterns."""

BY_TITLE = {one.title: one for one in exchange.EXCHANGES}
WITH_TITLES = pytest.mark.parametrize("title", BY_TITLE)


@functools.cache
def found(program: str, content: str) -> dict[exchange.Exchange, exchange.Found]:
    """Exchange all files with one program, once."""
    if exchange.interpreter(program) is None:
        pytest.skip(f"{exchange.PROGRAMS[program]} is not set: `make counterparts` runs these tests")
    wanted = tuple(one for one in exchange.EXCHANGES if one.program == program)
    return exchange.exchanged(getattr(exchange, content)(), wanted)


def largest_error(one: exchange.Exchange, content: str) -> float:
    """Return the error that a coordinate may have; in single precision, it depends on how large they are."""
    if one.program != "cdtools":
        return PIXELS
    made = getattr(exchange, content)()
    return 4 * SINGLE * max(float(np.abs(axis).max()) for axis in (made.x, made.y))


@WITH_TITLES
@pytest.mark.parametrize("content", ["various", "minimal"])
def test_arrays_arrive_as_they_left(title, content):
    """Coordinates to a millionth of a pixel; object, probe, patterns, masks and indexes equal."""
    one = BY_TITLE[title]
    result = found(one.program, content)[one]
    assert np.isnan(result.pixels) or result.pixels <= largest_error(one, content)
    assert all(share <= (SINGLE if one.program == "cdtools" else 0) for share in result.arrays.values())
    assert result.are_masks_equal
    assert result.are_indexes_equal


@WITH_TITLES
def test_physics_explains_what_arrives(title):
    """The forward residual is that of the golden file: axes, units, half pixels and signs are right."""
    one = BY_TITLE[title]
    result = found(one.program, "minimal")[one]
    assert np.isnan(result.residual) or round(result.residual, 4) == 0.0265


def test_every_format_with_a_counterpart_is_exchanged_in_both_directions():
    """What harness writes for a program, the program reads; what it writes, harness reads."""
    directions = {(one.program, one.format, one.direction) for one in exchange.EXCHANGES}
    for program, name in {(program, name) for program, name, _ in directions} - {
        ("ptychodus", "slac-npz"),  # only read there
        ("ptychodus", "ptychopinn"),  # only written there
    }:
        if " and " not in name:  # two files, each of which is there on its own
            assert {(program, name, exchange.OUT), (program, name, exchange.BACK)} <= directions
