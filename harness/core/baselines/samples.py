"""Samples: how far the arrays and metrics of one pytest session are from their golden values.

``pytest --golden-samples FILE`` writes them on any machine, ``harness calibrate`` makes tolerances of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.core.errors import StaleFormatError, UnreadableError
from harness.core.storage.documents import decode_document, encode_document, read_text
from harness.core.storage.json_limits import Limit

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SCHEMA = 1

LIMIT = Limit(mebibytes=64, values=1 << 21)
"""A session may have many more arrays than one golden file."""


_AGAIN = "Write it again: `pytest --golden-samples FILE`."


class Spread(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How far an array is from its golden copy: in one session, or at most in several.

    Attributes
    ----------
    differing : int
        Number of elements that differ.
    absolute : float
        Largest difference. Dates and durations are counted in the unit of their dtype; text has none.
    relative : float or None
        Largest difference relative to the golden value; None if an element differs whose golden value is 0.
    ulp : int
        Largest number of representable values between two elements.
    index : tuple of int or None
        Index of the element with the largest difference.
    change : float
        Norm of all differences, relative to the norm of the larger array; at most 2.
    moved : bool
        Whether positions of NaN, NaT or infinity, or text, differ: no tolerance holds that.
    amplification : float or None
        Relative change of the array by that of the inputs, where only the inputs had noise in the last bit;
        None if the test declares no inputs.
    """

    differing: int = 0
    absolute: float = 0.0
    relative: float | None = 0.0
    ulp: int = 0
    index: tuple[int, ...] | None = None
    change: float = 0.0
    moved: bool = False
    amplification: float | None = None


class Deviation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One array in one session.

    Attributes
    ----------
    dtype : str
        Of the values: ``bfloat16`` where the golden array stores such values as float32.
    shape : tuple of int
    scale : float
        Largest finite magnitude in the golden array.
    spread : Spread
    accepted : bool
        Whether the test's own check accepts the array.
    unlike : str or None
        How name, dtype or shape differ, so that there is nothing to measure.
    """

    dtype: str
    shape: tuple[int, ...]
    scale: float = 0.0
    spread: Spread = msgspec.field(default_factory=Spread)
    accepted: bool = True
    unlike: str | None = None


class ArraySample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arrays of one golden archive: digest of the golden arrays, the tests, and each array."""

    golden: str
    tests: tuple[str, ...]
    arrays: dict[str, Deviation]


class MetricValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A metric's golden value, the new one (None if it is not finite), and whether the check accepts it."""

    golden: float
    value: float | None
    accepted: bool = True


class MetricSample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The metrics of one golden baseline, and the tests that check them."""

    tests: tuple[str, ...]
    metrics: dict[str, MetricValue]


class Samples(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one session measured, and in which environment.

    Attributes
    ----------
    schema : int
    environment : dict of str to str
        Fingerprint: versions, processor and settings. No host, user or path.
    arrays : dict of str to ArraySample
        By golden name.
    metrics : dict of str to MetricSample
        Likewise.
    """

    schema: int
    environment: dict[str, str]
    arrays: dict[str, ArraySample]
    metrics: dict[str, MetricSample]


def encode_samples(samples: Samples) -> bytes:
    """Return the canonical JSON of *samples*."""
    return encode_document(samples, limit=LIMIT)


def read_samples(path: Path) -> Samples:
    """Read samples from a file.

    Raises
    ------
    UnreadableError
        If the file is missing or damaged.
    StaleFormatError
        If another version wrote it.
    """
    try:
        return decode_document(read_text(path, LIMIT), Samples, name=str(path), schema=SCHEMA, limit=LIMIT)
    except UnreadableError as error:
        raise UnreadableError(
            str(path), expected="samples that pytest wrote", found=error.found, remedy=_AGAIN
        ) from error
    except StaleFormatError as error:
        raise StaleFormatError(
            str(path), expected=error.expected, found=error.found, remedy=f"{_AGAIN[:-1]} with this version."
        ) from error


def largest(spreads: Iterable[Spread]) -> Spread:
    """Return what covers all of *spreads*: of each figure the largest.

    >>> spread = largest([Spread(1, 0.5, 0.1, index=(0,)), Spread(4, 2.0, 0.2, index=(3,))])
    >>> spread.differing, spread.absolute, spread.index
    (4, 2.0, (3,))
    """
    known = list(spreads) or [Spread()]
    grown = [each.amplification for each in known if each.amplification is not None]
    relative = [each.relative for each in known]
    return Spread(
        differing=max(each.differing for each in known),
        absolute=max(each.absolute for each in known),
        relative=None if None in relative else max(filter(None, relative), default=0.0),
        ulp=max(each.ulp for each in known),
        index=max(known, key=lambda each: each.absolute).index,
        change=max(each.change for each in known),
        moved=any(each.moved for each in known),
        amplification=max(grown, default=None),
    )


def joined(one: ArraySample, other: ArraySample) -> ArraySample:
    """Return one sample for an archive that several checks of a session compare with."""
    arrays = dict(one.arrays)
    for name, new in other.arrays.items():
        known = arrays.get(name, new)
        arrays[name] = msgspec.structs.replace(
            new,
            spread=largest([known.spread, new.spread]),
            accepted=known.accepted and new.accepted,
            unlike=known.unlike or new.unlike,
        )
    return ArraySample(one.golden, tuple(dict.fromkeys((*one.tests, *other.tests))), arrays)
