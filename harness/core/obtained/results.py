"""The outcome of every check of one pytest session: ``.harness/obtained/results.json``.

It may come from another machine and is read strictly: no name in it leads out of the directory, and no number
is one that JSON lacks.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from harness.core.errors import StaleFormatError, UnreadableError, UnwritableError, UsageError
from harness.core.obtained.obtained_files import directory_to_write, obtained_directory, plain_file
from harness.core.storage.atomic import replace_file
from harness.core.storage.documents import decode_document, encode_document, read_text
from harness.core.storage.json_limits import Limit
from harness.core.storage.names import require_golden_name
from harness.core.verdict import Outcome  # noqa: TC001 - msgspec evaluates the annotations

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from harness.core.storage.project import Project

SCHEMA = 1
RESULTS = "results.json"

LIMIT = Limit(mebibytes=64, values=1 << 21)
"""A session may have many more checks than one golden file has arrays."""

_LARGEST = sys.float_info.max
_LARGEST_INTEGER = (1 << 63) - 1
_AGAIN = "Run pytest again; from CI, download the whole directory again."

Word = Literal["identical", "within tolerance", "report-only", "drifted", "missing", "recorded"]
Kind = Literal["fixture", "baseline"]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"\Asha256:[0-9a-f]{64}\Z")]
_Count = Annotated[int, msgspec.Meta(ge=0)]
_Amount = Annotated[float, msgspec.Meta(ge=0)]
_Date = Annotated[str, msgspec.Meta(pattern=r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")]
_SUFFIXES = {"fixture": (".npz", ".json"), "baseline": (".json",)}


class ArrayResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """One array or metric of a check that is not equal to its golden value.

    Attributes
    ----------
    name : str
    outcome : Outcome
    atol, rtol, ulp : float and int
        What was allowed. Of a metric *atol* is all of it.
    share : float or None
        Largest difference as a share of what is allowed: 1.0 is at the limit. None where that is not a
        number: another name, dtype or shape, NaN on one side, or a difference where none is allowed.
    max_absolute, max_relative : float
        Largest finite differences; at most the largest float.
    max_ulp : int
    worst : tuple of int or None
        Index of the element that differs most, in tolerances where the difference has such a share.
    drifted, size : int
        Number of elements beyond the tolerance, and of all elements.
    text : str
        All of this in a line, as a report prints it.
    expected, found : float or None
        Golden and obtained value of a metric; None for an array, and where there is no finite value.
    """

    name: str
    outcome: Outcome
    atol: _Amount = 0.0
    rtol: _Amount = 0.0
    ulp: _Count = 0
    share: _Amount | None = None
    max_absolute: _Amount = 0.0
    max_relative: _Amount = 0.0
    max_ulp: _Count = 0
    worst: tuple[int, ...] | None = None
    drifted: _Count = 0
    size: _Count = 0
    text: str = ""
    expected: float | None = None
    found: float | None = None


class CheckResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One check of one test.

    Attributes
    ----------
    test : str
        The test's id.
    stem : str
        The golden name: ``tests/test_waves/test_spectrum``.
    kind : {"fixture", "baseline"}
        "fixture" for arrays, "baseline" for metrics.
    outcome : Outcome
    word : str
        The outcome in the words of pytest's summary; "recorded" if the session recorded the new data.
    arrays : tuple of ArrayResult
        The arrays or metrics that are not equal to their golden values.
    lines : tuple of str
        What differs, as the test's failure says it; empty if the check passed.
    golden : dict of str to str
        Digests of the golden files that were compared with, by name below the golden directory. A file
        that is missing is left out.
    files : dict of str to str
        Digests of the files with what was obtained, by name below ``.harness/obtained``. Empty if nothing was
        kept: the data are equal, or could not be written.
    unfit : str
        Why the data must not become golden as they are; empty if they may.
    seconds : float
        How long the test took.
    """

    test: str
    stem: str
    kind: Kind
    outcome: Outcome
    word: Word
    arrays: tuple[ArrayResult, ...] = ()
    lines: tuple[str, ...] = ()
    golden: dict[str, Sha256] = msgspec.field(default_factory=dict)
    files: dict[str, Sha256] = msgspec.field(default_factory=dict)
    unfit: str = ""
    seconds: _Amount = 0.0

    def __post_init__(self) -> None:
        """Raise ValueError, which a decoder reports with the place, unless all names are the check's own."""
        try:
            require_golden_name(self.kind, self.stem, dots=self.kind == "baseline")
        except UsageError as error:
            raise ValueError(str(error)) from error
        wrong = {*self.golden, *self.files} - {self.stem + suffix for suffix in _SUFFIXES[self.kind]}
        if wrong:
            raise ValueError(f"{min(wrong)!r} is not a file of {self.kind} {self.stem!r}")

    @property
    def obtained(self) -> tuple[str, ...]:
        """The files with what was obtained, below ``.harness/obtained``."""
        names = (self.stem + suffix for suffix in _SUFFIXES[self.kind])
        return tuple(name for name in names if name in self.files)

    @property
    def path(self) -> str:
        """The golden file that says whether there is anything golden under this name, below golden/.

        >>> CheckResult("test_a.py::test_a", "test_a/test_a", "fixture", Outcome.SAME, "identical").path
        'test_a/test_a.npz'
        """
        return self.stem + _SUFFIXES[self.kind][0]


class SessionResults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All checks of one pytest session.

    Attributes
    ----------
    at : str
        When it ended, in UTC: ``2026-01-31T12:00:00Z``.
    seconds : float
        How long it took.
    environment : dict of str to str
        Fingerprint: versions, processor and settings. No host, user or path.
    environment_digest : str
        Digest of the environment's line in golden/history.jsonl.
    checks : tuple of CheckResult
        Sorted by name and test.
    complete : bool
        Whether the session ran to its end: it was not interrupted, and no pytest-xdist worker crashed.
    """

    schema: int = SCHEMA
    at: _Date
    seconds: _Amount
    environment: dict[str, str]
    environment_digest: Sha256
    checks: tuple[CheckResult, ...] = ()
    complete: bool = True


def finite(value: float) -> float:
    """Return the magnitude of a difference as JSON can hold it: at most the largest float; 0 for NaN.

    >>> finite(-2.5), finite(float("inf")) == sys.float_info.max, finite(float("nan"))
    (2.5, True, 0.0)
    """
    amount = abs(value)
    if amount > _LARGEST:  # an integer may be too large for a float
        return _LARGEST
    return float(amount) if amount == amount else 0.0  # noqa: PLR0124 - NaN is not equal to itself


def finite_share(value: float) -> float | None:
    """Return a share as JSON can hold it; None if it is not finite."""
    return float(value) if 0 <= value <= _LARGEST else None


def whole(value: float) -> int:
    """Return a count as JSON can hold it."""
    return min(int(value), _LARGEST_INTEGER)


def write_results(project: Project, results: SessionResults) -> None:
    """Write the results of a session, in place of earlier ones; on a read-only checkout nothing is written.

    Raises
    ------
    RefusedError
        If the workspace is not this work tree's own.
    UsageError
        If there are more results than :func:`read_results` reads.
    """
    data = encode_document(results, limit=LIMIT)
    with contextlib.suppress(UnwritableError):
        replace_file(directory_to_write(project) / RESULTS, data)


def read_results(directory: Path) -> SessionResults | None:
    """Return the results in a directory; None if there are none.

    Raises
    ------
    UnreadableError
        If they are damaged, or something in them is not what a session writes.
    StaleFormatError
        If another version wrote them.
    """
    path = plain_file(directory, RESULTS)
    if path is None:
        return None
    name = str(path)
    try:
        return decode_document(read_text(path, LIMIT), SessionResults, name=name, schema=SCHEMA, limit=LIMIT)
    except UnreadableError as error:
        raise UnreadableError(
            name, expected="the results of a pytest session", found=error.found, remedy=_AGAIN
        ) from error
    except StaleFormatError as error:
        raise StaleFormatError(
            name, expected=error.expected, found=error.found, remedy="Run pytest again with this version."
        ) from error


def results_of(project: Project) -> SessionResults | None:
    """Return the results of the project's last session; None if there are none. Raises as read_results."""
    return read_results(obtained_directory(project))


def sorted_checks(checks: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    """Return checks in the order in which results have them."""
    return tuple(sorted(checks, key=lambda check: (check.stem, check.kind, check.test)))
