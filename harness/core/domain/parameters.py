"""Parameters of generators: from text that a user types, and from the JSON that a manifest records.

Text is converted by the parameter's annotation only. A recorded value returns to the parameter's own type, as
it was before it became JSON; a recorded text stays a text, whatever it says.
"""

from __future__ import annotations

import enum
import functools
import inspect
import json
import operator
import types
import typing
from pathlib import Path, PurePath
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec

from harness.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from harness.core.fixtures.fixture import Fixture

NONE = "none"
"""What a user types for None, where a parameter can be None and cannot be a text."""

_LISTS = (tuple, list, set, frozenset)
_OPEN = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
_FAILURES = (msgspec.ValidationError, TypeError, ValueError)


def parameters_of(generator: Callable[..., Fixture]) -> dict[str, inspect.Parameter]:
    """Return a generator's named parameters, with their annotations evaluated.

    Raises
    ------
    UsageError
        If an annotation cannot be evaluated at run time.
    """
    return {name: p for name, p in _signature(generator).items() if p.kind not in _OPEN}


def read_typed(generator: Callable[..., Fixture], given: Mapping[str, str]) -> dict[str, Any]:
    """Convert parameters from text to the types in the generator's annotations.

    ``none`` is None for a parameter that can be None and cannot be a text. Lists are JSON, or values with
    commas between them; members of an enum are given by name or by value. Without an annotation, the type
    of the default decides.

    Raises
    ------
    UsageError
        If the generator has no parameter of a given name, or a value has the wrong type.
    """
    return _read(generator, given, lambda p, value: _from_text(_hint(p, _BY_DEFAULT_OF_TEXT), value))


def read_recorded(generator: Callable[..., Fixture], given: Mapping[str, Any]) -> dict[str, Any]:
    """Convert parameters that a manifest records, from JSON to the types of the generator's parameters.

    Raises
    ------
    UsageError
        As :func:`read_typed`.
    """
    return _read(generator, given, lambda p, value: _from_json(_hint(p, _BY_DEFAULT_OF_JSON), value))


def unrecorded(generator: Callable[..., Fixture], recorded: Iterable[str]) -> tuple[str, ...]:
    """Return the parameters of a generator that are not among the *recorded* ones."""
    names = inspect.signature(generator).parameters
    known = set(recorded)
    return tuple(name for name, p in names.items() if name not in known and p.kind not in _OPEN)


def is_path(hint: Any) -> bool:
    """Whether a parameter with this annotation can be a path."""
    return any(isinstance(arm, type) and issubclass(arm, PurePath) for arm in _arms(hint) or (hint,))


def _signature(generator: Callable[..., Fixture]) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(generator).parameters
    written = {name: p.annotation for name, p in parameters.items() if p.annotation is not p.empty}
    known = getattr(inspect.unwrap(generator), "__globals__", {})
    # The return annotation is left out: it may name something that is imported for type checkers only.
    try:
        hints = typing.get_type_hints(SimpleNamespace(__annotations__=written), known)
    except NameError as error:
        raise UsageError(
            f"generator {generator.__module__}:{generator.__qualname__}",
            expected="parameters whose annotations can be evaluated",
            found=str(error),
            remedy="Import the name at run time, not under TYPE_CHECKING.",
        ) from error
    return {name: p.replace(annotation=hints.get(name, Any)) for name, p in parameters.items()}


def _read(
    generator: Callable[..., Fixture],
    given: Mapping[str, Any],
    convert: Callable[[inspect.Parameter, Any], Any],
) -> dict[str, Any]:
    signature = _signature(generator)
    known = {name: p for name, p in signature.items() if p.kind not in _OPEN}
    others = next((p for p in signature.values() if p.kind is p.VAR_KEYWORD), None)
    read = {}
    for name, value in given.items():
        parameter = known.get(name, others)
        if parameter is None:
            raise UsageError(
                f"parameter {name!r}",
                expected=f"one of {', '.join(known)}",
                found="no such parameter",
                message=f"the generator has no parameter {name!r}; it has {', '.join(known) or 'none'}",
                remedy="See `harness generate --help`.",
            )
        try:
            read[name] = convert(parameter, value)
        except _FAILURES as error:
            raise UsageError(
                f"parameter {name!r}",
                expected=str(getattr(parameter.annotation, "__name__", parameter.annotation)),
                found=f"{value!r} ({error})",
                remedy="Correct the value.",
            ) from error
    return read


_BY_DEFAULT_OF_TEXT = (bool, int, float, enum.Enum, PurePath, *_LISTS)
_BY_DEFAULT_OF_JSON = (enum.Enum, PurePath, bytes, *_LISTS)


def _hint(parameter: inspect.Parameter, kinds: tuple[type, ...]) -> Any:
    """The annotation; without one, the type of the default if it is one of *kinds*, else anything."""
    if parameter.annotation is not Any or parameter.default is parameter.empty:
        return parameter.annotation
    kind = type(parameter.default)
    if not issubclass(kind, kinds):
        return Any
    if issubclass(kind, PurePath):
        return Path
    return int | float if kind is int else kind


def _arms(hint: Any) -> tuple[Any, ...]:
    """The types of a union, without None; empty if *hint* is not a union."""
    if typing.get_origin(hint) not in {typing.Union, types.UnionType}:
        return ()
    return tuple(arm for arm in typing.get_args(hint) if arm is not types.NoneType)


def _can_be_none(hint: Any) -> bool:
    return hint in {None, types.NoneType} or types.NoneType in typing.get_args(hint)


def _from_json(hint: Any, value: Any) -> Any:
    if arms := _arms(hint):
        if value is None and _can_be_none(hint):
            return None
        if type(value) in arms:
            return value
        return _first(arms, lambda arm: _from_json(arm, value))
    if isinstance(hint, type) and issubclass(hint, (enum.Enum, PurePath)):
        return _as_own(hint, value)
    return msgspec.convert(value, hint, str_keys=True, dec_hook=_as_own)


def _from_text(hint: Any, text: str) -> Any:
    arms = _arms(hint) or (hint,)
    if hint is Any or str in arms:
        return text
    if text == NONE and _can_be_none(hint):
        return None
    if len(arms) > 1:
        return _first(arms, lambda arm: _from_text(arm, text))
    return _from_text_as(arms[0], text)


def _from_text_as(kind: Any, text: str) -> Any:
    """Convert a text to a type that is not a union."""
    if typing.get_origin(kind) is typing.Literal:
        return _one_of({str(value): value for value in typing.get_args(kind)}, text)
    if isinstance(kind, type) and issubclass(kind, enum.Flag):
        return _flags_from_text(kind, text)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return _one_of({**{str(m.value): m for m in kind}, **{m.name: m for m in kind}}, text)
    if isinstance(kind, type) and issubclass(kind, PurePath):
        return kind(text)
    if (typing.get_origin(kind) or kind) in {*_LISTS, dict}:
        return _list_from_text(kind, text)
    return msgspec.convert(text, kind, strict=False, dec_hook=_as_own)


def _flags_from_text(kind: type[enum.Flag], text: str) -> enum.Flag:
    """Flags from their sum, or from names with | between them."""
    if text.isdecimal():
        return kind(int(text))
    named = (_one_of(kind.__members__, word.strip()) for word in text.split("|"))
    flags: enum.Flag = functools.reduce(operator.or_, named)
    return flags


def _list_from_text(kind: Any, text: str) -> Any:
    """A list from JSON, or from values with commas between them, each by the annotation of its place."""
    if text.lstrip()[:1] in {"[", "{"}:
        return _from_json(kind, json.loads(text))
    made, arguments = typing.get_origin(kind) or kind, typing.get_args(kind)
    words = [word.strip() for word in text.split(",")] if text.strip() else []
    fixed = made is tuple and arguments and Ellipsis not in arguments
    if fixed and len(arguments) != len(words):
        raise ValueError(f"{len(arguments)} values are needed")
    hints = arguments if fixed else (arguments[:1] or (int | float,)) * len(words)
    return made(_from_text(hint, word) for hint, word in zip(hints, words, strict=True))


def _first(arms: Iterable[Any], convert: Callable[[Any], Any]) -> Any:
    """What the first type that can take a value makes of it."""
    last: Exception = ValueError("no type can take it")
    for arm in arms:
        try:
            return convert(arm)
        except _FAILURES as error:  # noqa: PERF203 - the next type may take it
            last = error
    raise last


def _one_of(values: Mapping[str, Any], text: str) -> Any:
    if text not in values:
        raise ValueError(f"expected one of {', '.join(values)}")
    return values[text]


def _as_own(kind: Any, value: Any) -> Any:
    """Convert to the two types that JSON does not have: paths, and enums whose values may be anything."""
    if isinstance(kind, type) and issubclass(kind, PurePath) and isinstance(value, str):
        return kind(value)
    if isinstance(kind, type) and issubclass(kind, enum.Flag):
        return kind(value)  # several flags are no member
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        for member in kind:
            if msgspec.json.decode(msgspec.json.encode(member.value)) == value:
                return member
        raise ValueError(f"no member of {kind.__name__} has this value")
    return value
