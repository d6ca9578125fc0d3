"""The tests of a project, collected by pytest in a new process: what takes over their files needs to know.

Collecting imports the project's test modules. No test is run.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.core.errors import UsageError
from harness.core.fixtures.manifest import Generator  # noqa: TC001 - msgspec reads it
from harness.core.rerun.environment import clean_environment
from harness.core.rerun.pytest_process import run_pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

VARIABLE = "HARNESS_COLLECTED_TESTS"
"""Environment variable with the path of the new process's :class:`Errand`."""

_PLUGIN = "harness.plugin.children.collected_tests"
_COLLECTED = {0, 5}
"""pytest's exit codes: all was collected, or there are no tests."""


class ArrayCompare(msgspec.Struct, frozen=True):
    """What the mark ``array_compare`` of pytest-arraydiff says; empty or None where it says nothing."""

    filename: str = ""
    reference_dir: str = ""
    extension: str = ""
    single_reference: bool = False
    rtol: float | None = None
    atol: float | None = None


class CollectedTest(msgspec.Struct, frozen=True):
    """One test.

    Attributes
    ----------
    test : str
        Its id, relative to the project's root.
    golden : str
        The golden name of what it hands over.
    generator : Generator
        The test, as in a manifest.
    file : str
        Path of its module.
    name, function, owner : str
        Its name with parameters, that of its function, and that of its class or empty.
    fixtures : tuple of str
        Fixtures that it uses, directly or by others.
    texts : tuple of str
        Texts in its code, if it gives a check a name.
    array_compare : ArrayCompare or None
    """

    test: str
    golden: str
    generator: Generator
    file: str
    name: str
    function: str
    owner: str
    fixtures: tuple[str, ...]
    texts: tuple[str, ...]
    array_compare: ArrayCompare | None = None


class Errand(msgspec.Struct, frozen=True):
    """What the new process is to do: write the tests of the project at *root* to *answer*."""

    root: str
    answer: str


def collect_tests(root: Path, places: Iterable[Path]) -> tuple[CollectedTest, ...]:
    """Return the tests in *places*, files or directories of the project at *root*.

    Raises
    ------
    UsageError
        If they cannot be collected.
    """
    chosen = sorted({str(place) for place in places})
    if not chosen:
        return ()
    with tempfile.TemporaryDirectory() as folder:
        errand, answer = Path(folder) / "errand.json", Path(folder) / "tests.json"
        errand.write_bytes(msgspec.json.encode(Errand(str(root), str(answer))))
        ended = run_pytest(
            ["--collect-only", "-q", "-p", "no:cacheprovider", "-p", _PLUGIN, *chosen],
            folder=root,
            places=[str(root)],
            environment={**clean_environment(), VARIABLE: str(errand)},
        )
        if ended.code not in _COLLECTED or not answer.is_file():
            raise UsageError(
                "tests",
                expected="a collection without errors",
                found=ended.last_line,
                message=f"the tests that own the files cannot be collected: {ended.last_line}",
                remedy="Run `pytest --collect-only` and correct what it reports.",
            )
        return msgspec.json.decode(answer.read_bytes(), type=tuple[CollectedTest, ...])
