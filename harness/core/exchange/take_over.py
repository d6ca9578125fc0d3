"""Files of other tools, with the tests that own them -> golden files, as one recording.

The next run of pytest compares with what was taken over. It was not made again in new processes: its records
say so.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.containers.flatten import flatten
from harness.core.containers.keys import decode_key
from harness.core.errors import RefusedError, UnreadableError, UsageError
from harness.core.exchange import csv_tables, foreign_files
from harness.core.exchange.owners import Left
from harness.core.fixtures.fixture import make_fixture, write_fixture
from harness.core.fixtures.manifest import Source, describe_arrays, unlike_arrays
from harness.core.recording.commit import commit
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged
from harness.core.storage.npz import Arrays
from harness.core.storage.pytest_settings import wants_compression

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from harness.core.exchange.foreign_files import Read
    from harness.core.exchange.owners import Owned
    from harness.core.fixtures.fixture import Fixture
    from harness.core.recording.plan import Change
    from harness.core.registry.format import Kind
    from harness.core.storage.project import Project

_SOURCE = Source("simulated", "none")  # as that of arrays_regression
_READERS: dict[str, Callable[[Path], Read]] = {
    ".npz": foreign_files.read_npz,
    ".npy": foreign_files.read_npy,
    ".yml": foreign_files.read_yaml,
    ".txt": foreign_files.read_text_array,
    ".fits": foreign_files.read_fits,
}
_ARRAYDIFF_RTOL = 1e-7
_FRAME, _COLUMNS = "dataframe_regression", "num_regression"


@dataclass(frozen=True, slots=True)
class TakenArray:
    """One array: its golden name, its name and dtype in the file, and dtype and shape as read back."""

    name: str
    key: str
    before: str
    after: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that becomes golden.

    Attributes
    ----------
    source, golden, test : str
        Path of the file, golden name, and the test's id.
    arrays : tuple of TakenArray
    notes : tuple of str
        What the file cannot say, and what of the other tool's settings is lost.
    """

    source: str
    golden: str
    test: str
    arrays: tuple[TakenArray, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Takeover:
    """What taking files over changes: nothing was written yet, except to a directory for new files."""

    taken: tuple[Taken, ...]
    left: tuple[Left, ...]
    changes: tuple[Change, ...]
    sources: dict[str, str]


def prepare(project: Project, owned: Sequence[Owned], folder: Path) -> Takeover:
    """Read every file and return what would become golden; new files are in *folder*.

    Raises
    ------
    UnreadableError
        If a file is damaged.
    RefusedError
        If there are other golden files under one of the names.
    """
    taken: list[Taken] = []
    left: list[Left] = []
    staged: list[Staged] = []
    sources: dict[str, str] = {}
    compress = wants_compression(project.root)
    for number, item in enumerate(owned):
        read = _read(item)
        try:
            fixture = _fixture(item, read)
        except UsageError as error:  # sound, but nothing that arrays_regression takes
            left.append(Left(item.path, f"holds something that cannot be compared as arrays: {error}"))
            continue
        files = write_fixture(fixture, folder / str(number), compress=compress)
        taken.append(_taken(project, item, read, fixture, files[0]))
        for file in files:
            path = f"{project.golden_name}/{fixture.name}{file.suffix}"
            kind: Kind = "fixture" if file.suffix == ".npz" else "manifest"
            staged.append(Staged(path, kind, file, item.test.test, item.path.name))
            sources[path] = taken[-1].source
    changes = plan(project, staged)
    _require_new(changes)
    return Takeover(tuple(taken), tuple(left), changes, sources)


def record(
    project: Project, takeover: Takeover, *, reason: str, command: str, say: Callable[[str], None]
) -> None:
    """Record what was prepared, as one transaction; the reason says that nothing was made again."""
    commit(
        project,
        takeover.changes,
        reason=f"{reason} (taken over from other files, not made again)",
        command=command,
        say=say,
        imported_from=takeover.sources,
    )


def label(project: Project, path: Path) -> str:
    """Return a file's path relative to the project, or its name if it is elsewhere."""
    absolute = path.absolute()
    inside = absolute.is_relative_to(project.root)
    name = absolute.relative_to(project.root).as_posix() if inside else path.name
    return os.fsencode(name).decode("utf-8", "replace")  # records hold no undecodable names


def _read(item: Owned) -> Read:
    if item.path.suffix != ".csv":
        return _READERS[item.path.suffix](item.path)
    table, fixtures = csv_tables.read_table(item.path), item.test.fixtures
    if table.index_name or (_FRAME in fixtures and _COLUMNS not in fixtures):
        return csv_tables.as_frame(table)
    read = csv_tables.as_columns(table)
    if _COLUMNS in fixtures:
        return read
    if any(values.dtype.kind == "U" for values in read.data.values()):  # num_regression has numbers alone
        return csv_tables.as_frame(table)
    note = "taken for a table of num_regression: import before you rename dataframe_regression in the test"
    return foreign_files.Read(read.data, read.dtypes, (*read.notes, note))


def _fixture(item: Owned, read: Read) -> Fixture:
    flat = flatten(read.data)
    return make_fixture(
        item.golden, flat.arrays, generator=item.test.generator, source=_SOURCE, transformations=flat.notes
    )


def _taken(project: Project, item: Owned, read: Read, fixture: Fixture, archive: Path) -> Taken:
    """Describe what was written by reading it back."""
    written = Arrays(archive)
    if unlike_arrays(describe_arrays(written), fixture.manifest.arrays):
        raise UnreadableError(
            str(archive), expected="the arrays that were written", found="others", remedy="Check the disk."
        )
    arrays = []
    for name, spec in fixture.manifest.arrays.items():
        key = decode_key(name)
        before = read.dtypes.get(key, spec.dtype)
        arrays.append(TakenArray(name, key, before, spec.dtype, spec.shape))
    notes = (*read.notes, *_lost(item, read))
    return Taken(label(project, item.path), item.golden, item.test.test, tuple(arrays), notes)


def _lost(item: Owned, read: Read) -> Iterator[str]:
    """What of a test's own settings is lost, and what its check needs instead."""
    mark = item.test.array_compare
    if mark is not None or read.rtol:
        rtol = _ARRAYDIFF_RTOL if mark is None or mark.rtol is None else mark.rtol
        given = {"rtol": float(f"{max(rtol, read.rtol):.3g}"), "atol": (mark and mark.atol) or 0.0}
        yield f"the check needs a tolerance, as pytest-arraydiff's: default_tolerance={given}"
    if item.golden != item.test.golden and item.tool != "pytest-regressions":  # which names it likewise
        yield f'the check needs name="{item.golden.removeprefix(item.test.golden + "/")}"'


def _require_new(changes: Sequence[Change]) -> None:
    """Raise if a golden file would be replaced."""
    known = [change.path for change in changes if change.before is not None]
    if known:
        more = f" and {len(known) - 1} more" if known[1:] else ""
        raise RefusedError(
            known[0],
            expected="a name without golden files",
            found="other content",
            message=f"golden files exist and differ from those to be imported: {known[0]}{more}",
            remedy="Nothing was imported. Remove them first with `harness rm`, or leave their source out.",
        )
