"""The test that makes a golden fixture, under the name that it has since the fixture was renamed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

    from harness.core.fixtures.manifest import Generator


def renamed_test(root: Path, generator: Generator, old: str, new: str) -> Generator:
    """Return the generator of a fixture that is called *new* instead of *old*.

    A test names its golden fixture by its own name, so that its new name follows from *new*. If there is no
    such test, or another function made the fixture, *generator* is returned as it is.

    Parameters
    ----------
    root : Path
        Root of the project.
    generator : Generator
    old, new : str
        Names of the fixture: ``tests/test_waves/test_power``.
    """
    test = _new_id(root, str(generator.test), old, new) if generator.is_test else None
    if test is None:
        return generator
    file, _, name = test.partition("::")
    place, module = (root / file).parent, (root / file).stem
    while (place / "__init__.py").is_file() and place != root:
        place, module = place.parent, f"{place.name}.{module}"
    function = name.partition("[")[0].rpartition("::")[2]
    path = place.relative_to(root).as_posix()
    return msgspec.structs.replace(generator, test=test, call=f"{module}:{function}", path=path)


def _new_id(root: Path, test: str, old: str, new: str) -> str | None:
    """Return the id of the test that *new* is named after; None if there is none."""
    file, _, rest = test.partition("::")
    plain, bracket, parameters = rest.partition("[")
    known, before, after = (
        [*file.removesuffix(".py").split("/"), *plain.split("::")],
        old.split("/"),
        new.split("/"),
    )
    checks = len(before) - len(known)  # the names of several checks in one test follow
    suffix = before[len(known) - 1].removeprefix(known[-1]) if checks >= 0 else None
    body = after[: len(after) - checks] if checks >= 0 else []
    if before[: len(known) - 1] != known[:-1] or suffix is None or not body or not body[-1].endswith(suffix):
        return None
    function = body[-1].removesuffix(suffix)
    for end in range(len(body) - 1, 0, -1):
        found = f"{'/'.join(body[:end])}.py"
        if (root / found).is_file():
            names = "::".join([*body[end:-1], function])
            is_there = _defines(root / found, function)
            return f"{found}::{names}{bracket}{parameters}" if is_there else None
    return None


def _defines(file: Path, function: str) -> bool:
    text = file.read_text("utf-8", errors="replace")
    return re.search(rf"\bdef {re.escape(function)}\(", text) is not None
