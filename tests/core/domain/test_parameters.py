"""Parameters are converted from text and from recorded JSON to the types of the generator's parameters."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from harness.core.domain.parameters import parameters_of, read_recorded, read_typed, unrecorded
from harness.core.errors import UsageError
from harness.core.fixtures.fixture import Fixture  # noqa: TC001 - annotations of generators are evaluated

FIELDS = """
from __future__ import annotations
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from harness.core.fixtures.fixture import Fixture  # noqa: TC001 - annotations of generators are evaluated

def lattice(*, size: int = 3, scale: float | None = 1.0, shape: tuple[int, ...] = (1,)) -> Fixture: ...

def misty(*, size: Fixture = 3): ...
"""


@pytest.fixture
def fields(module):
    """A user's module of generators, annotated for type checkers."""
    module("fields", FIELDS)
    import fields

    return fields


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
    assert read_typed(anything, typed) == {
        "number": 3,
        "ratio": 1e6,
        "limit": None,
        "flag": True,
        "text": "3",
        "path": Path("a/b"),
        "free": "3",
    }
    assert read_typed(anything, {"limit": "0.5", "flag": "false"}) == {"limit": 0.5, "flag": False}


def test_recorded_values_are_kept():
    """As JSON returns them: whole floats, None, lists."""
    recorded = {"number": 3, "ratio": 1000000.0, "limit": None, "path": "a"}
    assert read_recorded(anything, recorded) == recorded | {"path": Path("a")}


@pytest.mark.parametrize(
    ("name", "value"),
    [("number", "3.5"), ("number", "many"), ("ratio", "none"), ("flag", "perhaps")],
)
def test_a_value_of_another_type_is_refused_with_the_name_of_the_parameter(name, value):
    with pytest.raises(UsageError, match="Correct the value") as caught:
        read_typed(anything, {name: value})
    assert caught.value.thing == f"parameter {name!r}"
    assert repr(value) in caught.value.found


def test_an_unknown_parameter_is_refused_and_the_known_ones_are_listed():
    with pytest.raises(
        UsageError, match="no parameter 'nmuber'; it has number, ratio, limit, flag, text, path, free"
    ):
        read_typed(anything, {"nmuber": "3"})


def test_the_return_annotation_may_exist_for_type_checkers_only(fields):
    parameters = parameters_of(fields.lattice)
    assert list(parameters) == ["size", "scale", "shape"]
    assert parameters["size"].annotation is int
    assert parameters["scale"].default == 1.0


def test_a_parameter_whose_annotation_cannot_be_evaluated_is_refused(fields):
    with pytest.raises(UsageError, match="Import the name at run time") as caught:
        parameters_of(fields.misty)
    assert caught.value.thing == "generator fields:misty"


class Mode(enum.Enum):
    """Plain values, as enum.auto() gives them, and one that JSON has as a list."""

    FAST = 1
    FINE = 2
    WIDE = (3, 4)


def typed(  # noqa: PLR0913 - one parameter of each type
    *,
    word: str = "all",
    name: str | None = None,
    mode: Mode = Mode.FAST,
    shape: tuple[int, ...] = (1,),
    pair: tuple[int, str] = (1, "a"),
    unit: Literal["counts", 2] | None = None,
    either: int | Path = 1,
    table: dict[int, float] | None = None,
    bare=(1, 2),
    plain=Mode.FINE,
    count=8,
    **others: float,
) -> Fixture:
    """A signature whose values JSON does not have, or has in another form."""


VALUES = {
    "word": "none",
    "name": "none",
    "mode": Mode.WIDE,
    "shape": (3, 4),
    "pair": (2, "3"),
    "unit": 2,
    "either": 3,
    "table": {1: 0.5},
    "bare": (3, 4),
    "plain": Mode.FAST,
    "count": 0.5,
    "more": 1.5,
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_returns_from_json_as_it_was(name):
    """In its own type: a text is never another value, a tuple is a tuple, a member is a member."""
    recorded = msgspec.json.decode(msgspec.json.encode({name: VALUES[name]}))
    (value,) = read_recorded(typed, recorded).values()
    assert (value, type(value)) == (VALUES[name], type(VALUES[name]))


@pytest.mark.parametrize(("name", "value"), [("shape", "12"), ("mode", 9), ("word", 3), ("more", "1.5")])
def test_a_recorded_value_of_another_type_is_refused(name, value):
    with pytest.raises(UsageError, match=f"parameter '{name}'"):
        read_recorded(typed, {name: value})


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("word", "none", "none"),
        ("name", "none", "none"),
        ("unit", "none", None),
        ("unit", "2", 2),
        ("mode", "FINE", Mode.FINE),
        ("mode", "2", Mode.FINE),
        ("shape", "3,4", (3, 4)),
        ("shape", "[3, 4]", (3, 4)),
        ("pair", "2,3", (2, "3")),
        ("either", "a/b", Path("a/b")),
        ("table", '{"1": 0.5}', {1: 0.5}),
        ("table", "none", None),
        ("bare", "3,4", (3, 4)),
        ("count", "9", 9),
        ("more", "1.5", 1.5),
    ],
)
def test_text_is_converted_by_the_annotation_only(name, text, value):
    """``none`` is None only where that is allowed and a text is not."""
    (found,) = read_typed(typed, {name: text}).values()
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(("name", "text"), [("mode", "none"), ("pair", "2"), ("unit", "3"), ("shape", "a")])
def test_a_text_of_another_type_is_refused(name, text):
    with pytest.raises(UsageError, match=f"parameter '{name}'"):
        read_typed(typed, {name: text})


def test_parameters_that_are_not_recorded_are_listed():
    assert unrecorded(anything, ["number", "flag", "free"]) == ("ratio", "limit", "text", "path")
    assert "others" not in unrecorded(typed, [])


class Side(enum.Flag):
    LEFT = 1
    RIGHT = 2


def test_several_flags_are_one_value():
    """Their sum is no member, but a value of the enum."""

    def sides(*, of: Side = Side.LEFT) -> Fixture: ...

    for value in (Side.RIGHT, Side.LEFT | Side.RIGHT, Side(0)):
        assert read_recorded(sides, {"of": value.value}) == {"of": value}
        assert read_typed(sides, {"of": str(value.value)}) == {"of": value}
    assert read_typed(sides, {"of": "LEFT|RIGHT"}) == {"of": Side.LEFT | Side.RIGHT}
    with pytest.raises(UsageError, match="of"):
        read_recorded(sides, {"of": 8})
