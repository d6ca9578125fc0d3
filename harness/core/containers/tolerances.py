"""Tolerances as users write them, by key or column or container -> by array."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar

from harness.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.core.containers.flatten import Flattened

_Value = TypeVar("_Value")


def tolerances_by_array(given: Mapping[Any, _Value], flattened: Flattened) -> dict[str, _Value]:
    """Return what is given for keys by the names of the arrays that it applies to.

    A key of one array applies to it. A key of a container (a nested mapping, a table) applies to the
    floating-point arrays in it, but neither to its index nor to its coordinates, which are exact unless they
    are given by their own names. Of two keys the longer path wins.

    Parameters
    ----------
    given : mapping
        Tolerances, or anything else, by key: as in the data, ``"a.b"`` for what is nested, or by the name of
        an array. Integers and tuples, which tables have as labels, are taken too.
    flattened : Flattened
        The arrays.

    Raises
    ------
    UsageError
        If a key is unknown, or could mean two arrays, or has no floating-point array, or one is given twice.

    Examples
    --------
    >>> from harness.core.containers.flatten import flatten
    >>> flattened = flatten({"fit": {"slope": 2.5, "steps": 3}})
    >>> tolerances_by_array({"fit": {"rtol": 1e-3}}, flattened)
    {'fit.slope': {'rtol': 0.001}}
    """
    names: dict[str, str] = {}
    for key in given:
        name = _meant(key, flattened)
        if name in names.values():
            raise _given_twice(name, key)
        names[key] = name
    expanded: dict[str, _Value] = {}
    for key, name in sorted(names.items(), key=lambda item: item[1].count(".")):
        expanded |= dict.fromkeys(_arrays(key, name, flattened), given[key])
    return expanded


def _meant(key: object, flattened: Flattened) -> str:
    """The array or container that a key means."""
    parts = key if isinstance(key, tuple) else (key,)
    known = flattened.tolerance_keys
    name = known.get(".".join(map(str, parts)))
    if name is None:
        close = get_close_matches(str(key), known, n=1)
        raise UsageError(
            f"tolerance for {key!r}",
            expected=f"one of the arrays {', '.join(sorted(flattened.arrays))}",
            found="no array of that name, or more than one",
            remedy=f"Did you mean {close[0]!r}?" if close else "Correct the name.",
        )
    return name


def _arrays(key: object, name: str, flattened: Flattened) -> list[str]:
    """The names of the arrays that a tolerance applies to."""
    own = [name] if name in flattened.arrays else []
    below = [
        each
        for each, array in flattened.arrays.items()
        if each.startswith(f"{name}.")
        and array.dtype.kind in "fc"
        and (each not in flattened.exact or name in flattened.exact)
    ]
    if not own and not below:
        raise UsageError(
            f"tolerance for {key!r}",
            expected="a container with floating-point arrays",
            found="none in it",
            remedy="Leave it out: all other arrays must be equal.",
        )
    return own + below


def _given_twice(name: str, key: object) -> UsageError:
    return UsageError(
        f"tolerance for {key!r}",
        expected="one tolerance for each array",
        found="two",
        message=f"two tolerances are given for {name!r}, one of them as {key!r}",
        remedy="Leave one out.",
    )
