"""Measured tolerances of golden arrays: ``golden/<name>.tolerances.json`` beside ``golden/<name>.npz``.

The document holds the spread on each platform, and a class and a tolerance per array that follow from it. It
belongs to one version of the golden arrays, named by their digest.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from harness.core.baselines.platforms import Platform  # noqa: TC001 - msgspec reads it
from harness.core.baselines.samples import Spread, largest
from harness.core.baselines.tolerance_rule import RULE, ToleranceClass, factor, judge_spread
from harness.core.errors import UsageError
from harness.core.storage.documents import encode_document, read_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from harness.core.baselines.samples import Deviation

SCHEMA = 1

SUFFIX = ".tolerances.json"
"""In place of an archive's ``.npz``."""

_ROUNDING = 1e-9
"""Relative difference of two tolerances that were computed from the same spread."""


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was measured on one platform.

    Attributes
    ----------
    platform : Platform
    runs : int
        Number of runs, or of sessions that sent samples.
    perturbations : tuple of dict
        What was varied in each.
    arrays : dict of str to Spread
        The largest figures of all runs, by array.
    """

    platform: Platform
    runs: int
    perturbations: tuple[dict[str, str], ...]
    arrays: dict[str, Spread]


class ArrayTolerance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Class and tolerance of one array, and what they follow from.

    Attributes
    ----------
    kind : {"exact", "measured", "report-only"}
        ``class`` in the file. An array that is only reported does not fail a test.
    atol, rtol : float
    dtype : str
        Of the values.
    scale : float
        Largest finite magnitude in the golden array.
    spread : Spread
        The largest figures of all platforms.
    reason : str or None
        Why somebody chose another class than the measured one.
    """

    kind: ToleranceClass = msgspec.field(name="class")
    atol: float
    rtol: float
    dtype: str
    scale: float
    spread: Spread
    reason: str | None = None


class ToleranceCertificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the tolerances follow from the spread: the rule, the number of all runs, and the date."""

    rule: str
    runs: int
    date: str


class ToleranceDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tolerances of one golden archive.

    Attributes
    ----------
    schema : int
    golden : str
        Digest of the golden arrays that the spread was measured from, as in their manifest.
    arrays : dict of str to ArrayTolerance
    platforms : dict of str to Row
        By the platform's digest.
    certificate : ToleranceCertificate
    """

    schema: int
    golden: str
    arrays: dict[str, ArrayTolerance]
    platforms: dict[str, Row]
    certificate: ToleranceCertificate


class Problem(NamedTuple):
    """What is wrong with the tolerance of one array; ``contradicts`` if no run of harness writes that."""

    array: str
    detail: str
    contradicts: bool = False


def encode_tolerances(document: ToleranceDocument) -> bytes:
    """Return the canonical JSON of *document*."""
    return encode_document(document)


def read_tolerance_document(path: Path) -> ToleranceDocument:
    """Read tolerances from a file. Raises as :func:`harness.core.storage.documents.decode_document`."""
    return read_document(path, ToleranceDocument, schema=SCHEMA)


def row_of(
    platform: Platform, perturbations: Sequence[dict[str, str]], runs: Sequence[Mapping[str, Deviation]]
) -> Row:
    """Return the row of a platform from the deviations of each run, by array."""
    names = sorted({name for run in runs for name in run})
    spreads = {name: largest(run[name].spread for run in runs if name in run) for name in names}
    return Row(platform, len(runs), tuple(perturbations), spreads)


def merged(
    golden: str,
    described: Mapping[str, Deviation],
    rows: Iterable[Row],
    before: ToleranceDocument | None = None,
) -> ToleranceDocument:
    """Return the document with *rows*, each in place of its platform's former row.

    Parameters
    ----------
    golden : str
        Digest of the golden arrays.
    described : mapping of str to Deviation
        One for each golden array: its dtype and scale.
    rows : iterable of Row
    before : ToleranceDocument, optional
        The document as it is. It counts only if it is about the same golden arrays; classes that somebody
        chose with a reason are kept.
    """
    current = before if before is not None and before.golden == golden else None
    platforms = dict(current.platforms if current else {}) | {row.platform.digest: row for row in rows}
    runs = sum(row.runs for row in platforms.values())
    arrays = {}
    for name, array in described.items():
        spread = _spread(name, platforms.values())
        chosen = current.arrays.get(name) if current else None
        tolerance = _tolerance(spread, runs, array.dtype, array.scale)
        arrays[name] = tolerance if chosen is None or chosen.reason is None else _chosen(tolerance, chosen)
    return ToleranceDocument(SCHEMA, golden, arrays, platforms, _certificate(runs))


def with_class(
    document: ToleranceDocument, arrays: Iterable[str], kind: ToleranceClass | None, reason: str
) -> ToleranceDocument:
    """Return the document with another class for *arrays*; None is the measured one.

    Raises
    ------
    UsageError
        If a class that needs a tolerance is chosen for an array that no tolerance can hold.
    """
    runs = document.certificate.runs
    changed = dict(document.arrays)
    for name in arrays:
        known = document.arrays[name]
        tolerance = _tolerance(known.spread, runs, known.dtype, known.scale)
        if kind == "measured" and known.spread.moved:
            raise UsageError(
                f"array {name!r}",
                expected="differences that a tolerance can hold",
                found="other positions of NaN or infinity, or other text",
                remedy="Keep report-only, or make the test independent of rounding.",
            )
        changed[name] = (
            tolerance
            if kind is None
            else _chosen(tolerance, msgspec.structs.replace(known, kind=kind, reason=reason))
        )
    return msgspec.structs.replace(document, arrays=changed, certificate=_certificate(runs))


def problems(document: ToleranceDocument) -> Iterator[Problem]:
    """Yield what does not follow from the rows: somebody changed it by hand."""
    runs = sum(row.runs for row in document.platforms.values())
    if runs != document.certificate.runs:
        detail = f"the certificate says {document.certificate.runs} runs, the platforms have {runs}"
        yield Problem("certificate", detail, contradicts=True)
    for name, stored in document.arrays.items():
        spread = _spread(name, document.platforms.values())
        if spread != stored.spread:
            yield Problem(name, "its spread is not the largest of its platforms", contradicts=True)
            continue
        measured = _tolerance(spread, runs, stored.dtype, stored.scale)
        yield from _tolerance_problems(name, stored, measured, factor(runs))


def explaining(document: ToleranceDocument, array: str, found: Spread, here: Platform) -> Platform | None:
    """Return another platform whose recorded spread holds a difference; None if there is none, or this does.

    Parameters
    ----------
    document : ToleranceDocument
    array : str
    found : Spread
        Of the new array.
    here : Platform
        On which it was computed.
    """
    own = document.platforms.get(here.digest)
    if own is not None and _holds(own.arrays.get(array), found):
        return None
    others = (row for key, row in document.platforms.items() if key != here.digest)
    return next((row.platform for row in others if _holds(row.arrays.get(array), found)), None)


def _holds(recorded: Spread | None, found: Spread) -> bool:
    if recorded is None or not recorded.differing or (found.moved and not recorded.moved):
        return False
    return found.absolute <= recorded.absolute and found.change <= recorded.change * (1 + _ROUNDING)


def _spread(array: str, rows: Iterable[Row]) -> Spread:
    return largest(row.arrays[array] for row in rows if array in row.arrays)


def _tolerance(spread: Spread, runs: int, dtype: str, scale: float) -> ArrayTolerance:
    kind, atol, rtol = judge_spread(spread, runs, dtype=dtype, scale=scale)
    return ArrayTolerance(kind, atol, rtol, dtype, scale, spread)


def _chosen(measured: ArrayTolerance, chosen: ArrayTolerance) -> ArrayTolerance:
    """Return the measured tolerance, but of the class that somebody chose."""
    zero = {"atol": 0.0, "rtol": 0.0} if chosen.kind == "exact" else {}
    return msgspec.structs.replace(measured, kind=chosen.kind, reason=chosen.reason, **zero)


def _tolerance_problems(
    name: str, stored: ArrayTolerance, measured: ArrayTolerance, by: float
) -> Iterator[Problem]:
    """Yield how a tolerance differs from the one that is *by* times its spread."""
    if stored.reason is not None:
        measured = _chosen(measured, stored)
    elif stored.kind != measured.kind:
        detail = f"the class was changed by hand: {stored.kind}, where the spread gives {measured.kind}"
        yield Problem(name, detail)
    for key in ("atol", "rtol"):
        found, expected = getattr(stored, key), getattr(measured, key)
        if abs(found - expected) > _ROUNDING * max(found, expected):
            how = "widened" if found > expected else "narrowed"
            detail = (
                f"the tolerance was {how} by hand: {key} {found:.3g}, where the spread gives {expected:.3g}"
            )
            yield Problem(name, detail, contradicts=found * by < expected * (1 - _ROUNDING))


def _certificate(runs: int) -> ToleranceCertificate:
    return ToleranceCertificate(RULE, runs, datetime.now(timezone.utc).date().isoformat())
