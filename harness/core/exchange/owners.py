"""Which tests own a file of pytest-regressions, pytest-arraydiff or pytest-regtest, and its golden names.

A file's name is made from a test's by each tool's own rule, which loses brackets and other marks. So the rule
is applied to every collected test, and compared with the file's name.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from harness.core.errors import UsageError
from harness.core.exchange.file_lists import is_list
from harness.core.storage.names import require_golden_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harness.core.exchange.collected_tests import CollectedTest

Tool: TypeAlias = Literal["pytest-regressions", "pytest-arraydiff", "pytest-regtest"]

_OURS = "arrays_regression"
_USES: dict[str, frozenset[str]] = {
    ".npz": frozenset({"ndarrays_regression"}),
    ".csv": frozenset({"num_regression", "dataframe_regression"}),
    ".yml": frozenset({"data_regression"}),
}
_COMPARED_AS_FILES = "is not of arrays; file_regression and image_regression compare such files"
_NAMES = "give each check a name, and import the files one by one with --name"
_REGTEST = "_regtest_outputs"
_REFERENCE = "reference"
_MOST_CHARACTERS, _KEPT_CHARACTERS = 100, 88  # of a name, in pytest-regtest
_HDF5 = frozenset({".h5", ".hdf5"})
_NOT_READ = "is HDF5, as pytest-arraydiff writes tables of pandas; check the table with arrays_regression"
_ENVIRONMENT = "pyvenv.cfg"
_TEST_MODULE = re.compile(r"test_.*\.py|.*_test\.py")  # as pytest has them
_SKIPPED = frozenset({"__pycache__", "node_modules"})


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file, the tool that wrote it, and the file or directory with the tests that may own it."""

    path: Path
    tool: Tool
    tests: Path

    def places(self, root: Path) -> Path:
        """Return what pytest collects to find the tests.

        It collects a file that it is given whatever its name is, ``setup.py`` too, but a directory by the
        patterns of the project's configuration.
        """
        if self.tests.is_file() and not _TEST_MODULE.fullmatch(self.tests.name):
            return _inside(self.tests.parent, root)
        return self.tests


@dataclass(frozen=True, slots=True)
class Owned:
    """A file, a test that owns it, and the golden name of what it holds."""

    path: Path
    tool: Tool
    test: CollectedTest
    golden: str


@dataclass(frozen=True, slots=True)
class Left:
    """A file that is not taken over, and why."""

    path: Path
    why: str


def find_files(source: Path, root: Path, golden: Path | None = None) -> tuple[list[SourceFile], list[Left]]:
    """Return the files at *source*, a file or directory, and those that hold no arrays.

    What is in the directory *golden*, hidden or in a virtual environment is neither.
    """
    found: list[SourceFile] = []
    left: list[Left] = []
    for path in [source] if source.is_file() else _walk(source):
        inside = golden is not None and path.absolute().is_relative_to(golden)
        item = None if inside else _classify(path, root)
        if isinstance(item, Left):
            left.append(item)
        elif item is not None:
            found.append(item)
    return found, left


def _walk(folder: Path) -> Iterator[Path]:
    for above, folders, names in os.walk(folder):
        if _ENVIRONMENT in names:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        yield from (Path(above, name) for name in sorted(names) if not name.startswith("."))


def _classify(path: Path, root: Path) -> SourceFile | Left | None:
    """What a file is, by where it is and by its suffix; None for what no tool keeps as a reference."""
    folder, module = path.parent, _module(path, root)
    if path.suffix in {".py", ".pyc", ".item"}:
        return None
    if _REGTEST in {folder.name, folder.parent.name}:
        return _snapshot(path, root)
    if path.suffix in _USES:
        return SourceFile(path, "pytest-regressions", module or root)
    if is_list(path):
        return Left(path, "may be a list of hashes, which is imported by itself")
    if path.suffix in {".txt", ".fits"} and module is None:
        return SourceFile(path, "pytest-arraydiff", _inside(folder.parent, root))
    is_table = path.suffix in _HDF5 and folder.name == _REFERENCE
    why = _COMPARED_AS_FILES if module is not None else _NOT_READ if is_table else ""
    return Left(path, why) if why else None


def _snapshot(path: Path, root: Path) -> SourceFile | Left:
    if path.name == "arrays.npy":
        return SourceFile(path, "pytest-regtest", _inside(path.parents[2], root))
    if path.suffix in {".pkl", ".pickle", ".gz"}:
        return Left(path, "is a pickle, which could run code: check its arrays with arrays_regression")
    return Left(path, "is text or an object, not an array: pytest-regtest still compares it")


def _module(path: Path, root: Path) -> Path | None:
    """The test module beside a data directory in the project: ``test_x.py`` for ``test_x/...``."""
    folders = (folder for folder in path.absolute().parents if folder != root and folder.is_relative_to(root))
    modules = (folder.with_name(f"{folder.name}.py") for folder in folders)
    return next((module for module in modules if module.is_file()), None)


def _inside(folder: Path, root: Path) -> Path:
    return folder if folder.absolute().is_relative_to(root) else root


def find_owners(
    files: Sequence[SourceFile], tests: Sequence[CollectedTest], name: str | None = None
) -> tuple[list[Owned], list[Left]]:
    """Return the owners of every file, sorted as *files*, and the files without.

    Parameters
    ----------
    files, tests : sequence
    name : str, optional
        The golden name of the only file: that of a test, or below it.
    """
    owned: list[Owned] = []
    left: list[Left] = []
    for file in files:
        owners = _named(tests, name) if name is not None else _RULES[file.tool](file, tests)
        if isinstance(owners, str):
            left.append(Left(file.path, owners))
        else:
            owned += (Owned(file.path, file.tool, test, golden) for test, golden in owners)
    return _unambiguous(_numbered(owned), left)


def _named(tests: Sequence[CollectedTest], name: str) -> list[tuple[CollectedTest, str]]:
    fitting = [test for test in tests if name == test.golden or name.startswith(f"{test.golden}/")]
    if not fitting:
        raise UsageError(
            f"--name {name}",
            expected="the golden name of a test, or a name below it",
            found=f"none of {len(tests)} tests with that name",
            message=f"no test hands over arrays called {name!r}",
            remedy="`pytest --collect-only -q` lists the tests, one of which must own the file.",
        )
    require_golden_name("golden file", name)
    return [(max(fitting, key=lambda test: len(test.golden)), name)]


def mangled(name: str) -> str:
    """Return a test's name as pytest-regressions has it in a file's name.

    >>> mangled("test_power[64-hann]")
    'test_power_64_hann_'
    """
    return re.sub(r"[\W]", "_", name)


def _of_regressions(
    file: SourceFile, tests: Sequence[CollectedTest]
) -> list[tuple[CollectedTest, str]] | str:
    is_module = file.tests.is_file()
    folder = file.tests.with_suffix("") if is_module else file.path.parent
    stem = file.path.absolute().relative_to(folder.absolute()).with_suffix("").as_posix()
    module = str(file.tests.absolute())
    near = [
        test for test in tests if (test.file == module if is_module else Path(test.file).stem == folder.name)
    ]
    own = [
        test for test in near if stem in {mangled(test.name), f"{mangled(test.owner)}_{mangled(test.name)}"}
    ]
    named = [test for test in near if stem in test.texts]
    uses = _USES[file.path.suffix] | {_OURS}
    for fitting, suffix in ((own, ""), (named, f"/{stem}")):
        using = [test for test in fitting if not uses.isdisjoint(test.fixtures)]
        if using:
            return [(test, f"{test.golden}{suffix}") for test in using]
    if own or named:
        return f"belongs to {(own or named)[0].test}, which uses none of {', '.join(sorted(uses))}"
    return "belongs to no test that was collected"


def _of_arraydiff(file: SourceFile, tests: Sequence[CollectedTest]) -> list[tuple[CollectedTest, str]] | str:
    named = [test for test in tests if _reference(test, file.path.suffix) == file.path.name]
    marked = [test for test in named if test.array_compare is not None]
    fitting = marked or [test for test in named if _OURS in test.fixtures]
    near = [test for test in fitting if _folder(test) == file.path.absolute().parent]
    if not near and len({test.file for test in fitting}) > 1:
        return f"may belong to {fitting[0].test} or {fitting[-1].test}"
    owners = near or fitting
    return [(test, test.golden) for test in owners] or "belongs to no test that was collected"


def _folder(test: CollectedTest) -> Path:
    given = test.array_compare.reference_dir if test.array_compare else ""
    return Path(os.path.normpath(Path(test.file).parent / (given or _REFERENCE)))


def _reference(test: CollectedTest, suffix: str) -> str:
    """The name of a test's reference file."""
    mark = test.array_compare
    if mark and mark.filename:
        return mark.filename
    ending = f".{mark.extension}" if mark and mark.extension else suffix
    if mark and mark.single_reference:
        return f"{test.function}{ending}"
    name = f"{test.name}{ending}".replace("[", "_").replace("]", "_")
    return name.replace(f"_{ending}", ending)


def _of_regtest(file: SourceFile, tests: Sequence[CollectedTest]) -> list[tuple[CollectedTest, str]] | str:
    folder = file.path.parent.name
    near = [test for test in tests if Path(test.file).parent == file.tests.absolute()]
    fitting = [test for test in near or tests if folder.startswith(f"{_regtest_name(test)}__")]
    if not fitting:
        return "belongs to no test that was collected"
    longest = max(len(_regtest_name(test)) for test in fitting)
    owners = [test for test in fitting if len(_regtest_name(test)) == longest]
    if owners[1:]:
        return f"may belong to {owners[0].test} or {owners[-1].test}"
    version, _, number = folder[longest:].removeprefix("__").rpartition("__")
    name = version if version and number == "0" else "-".join(filter(None, (version, number)))
    return [(owners[0], f"{owners[0].golden}/{name}")]


def _regtest_name(test: CollectedTest) -> str:
    file, _, name = test.test.partition("::")
    plain = re.sub(r"[/\\:*\"'?<>|]", "-", name)
    if len(plain) > _MOST_CHARACTERS:
        digest = hashlib.sha512(plain.encode()).hexdigest()[:10]
        plain = f"{plain[:_KEPT_CHARACTERS]}__{digest}"
    return f"{Path(file).stem}.{plain.replace(' ', '_')}"


def _numbered(owned: Iterable[Owned]) -> list[Owned]:
    """The same, but a test's only snapshot without a version of its own has the test's name."""
    every = list(owned)
    count: dict[str, int] = defaultdict(int)
    for item in every:
        count[item.test.golden] += 1
    return [
        Owned(item.path, item.tool, item.test, item.test.golden)
        if item.tool == "pytest-regtest" and count[item.test.golden] == 1 and item.golden.endswith("/0")
        else item
        for item in every
    ]


def _unambiguous(owned: Sequence[Owned], left: list[Left]) -> tuple[list[Owned], list[Left]]:
    """Leave out files of which two would have one golden name, and names that a check cannot have."""
    by_name = defaultdict(set)
    for item in owned:
        by_name[item.golden].add(item.path)
    kept: list[Owned] = []
    for item in owned:
        others = sorted(path.name for path in by_name[item.golden] - {item.path})
        try:
            require_golden_name("check", item.golden)
        except UsageError as error:
            left.append(Left(item.path, f"would have a name that is not valid: {error}"))
            continue
        if others:
            why = f"has the same golden name as {', '.join(others)}, that of {item.test.test}; {_NAMES}"
            left.append(Left(item.path, why))
        else:
            kept.append(item)
    return kept, left


_RULES = {
    "pytest-regressions": _of_regressions,
    "pytest-arraydiff": _of_arraydiff,
    "pytest-regtest": _of_regtest,
}
