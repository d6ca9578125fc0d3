"""A pytest plugin for ``harness import``: it writes down the tests that were collected.

Only the process that :mod:`harness.core.exchange.collected_tests` starts loads it.
"""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from harness.core.exchange.collected_tests import VARIABLE, ArrayCompare, CollectedTest, Errand
from harness.plugin.arrays_check import generator_of
from harness.plugin.children.switched_off import switch_off
from harness.plugin.node_names import golden_name, node_id

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMES = frozenset({"basename", "name"})
"""Arguments that give a check a name."""


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Switch off what the project's configuration may ask for: reports, and a choice of tests."""
    switch_off(config)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Write all tests, also those that options of the project's configuration leave out later."""
    errand = msgspec.json.decode(Path(os.environ[VARIABLE]).read_bytes(), type=Errand)
    tests = [_collected(item, Path(errand.root)) for item in items if isinstance(item, pytest.Function)]
    Path(errand.answer).write_bytes(msgspec.json.encode(tests))


def _collected(item: pytest.Function, root: Path) -> CollectedTest:
    test = node_id(item, root)
    return CollectedTest(
        test=test,
        golden=golden_name(test),
        generator=generator_of(item, root),
        file=str(item.path),
        name=item.name,
        function=item.originalname or item.name,
        owner=item.cls.__name__ if item.cls is not None else "",
        fixtures=tuple(item.fixturenames),
        texts=_texts(item.function),
        array_compare=_array_compare(item),
    )


def _texts(function: Any) -> tuple[str, ...]:
    """The texts in a function's code, if the code names a check."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    constants = list(_constants(code)) if code is not None else []
    words = {word for constant in constants if isinstance(constant, tuple) for word in constant}
    if not words & _NAMES:
        return ()
    return tuple(sorted({constant for constant in constants if isinstance(constant, str)}))


def _constants(code: CodeType) -> Iterator[Any]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _constants(constant)
        else:
            yield constant


def _array_compare(item: pytest.Item) -> ArrayCompare | None:
    mark = item.get_closest_marker("array_compare")
    if mark is None:
        return None
    given = {
        key: mark.kwargs[key] for key in ArrayCompare.__struct_fields__ if mark.kwargs.get(key) is not None
    }
    return msgspec.convert(given, ArrayCompare, strict=False)
