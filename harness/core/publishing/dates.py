"""The date of a publication. No clock is asked: the same golden files make the same publication."""

from __future__ import annotations

import os
from datetime import date, datetime, timezone

from harness.core.errors import UsageError

VARIABLE = "SOURCE_DATE_EPOCH"
"""Environment variable with seconds since 1970, as in https://reproducible-builds.org/specs/source-date-epoch/."""


def chosen_date(given: str | None, newest: str) -> str:
    """Return the date of a publication: the one given, else SOURCE_DATE_EPOCH, else *newest*.

    Parameters
    ----------
    given : str or None
        A day, ``2026-01-31``.
    newest : str
        When the newest of the published records was made, ``2026-01-31T12:00:00Z``.

    Raises
    ------
    UsageError
        If what is given is not a day, or the variable is not a number of seconds.

    Examples
    --------
    >>> chosen_date("2026-01-31", "2025-06-01T12:00:00Z")
    '2026-01-31'
    """
    if given is not None:
        return _day(given)
    seconds = os.environ.get(VARIABLE, "")
    return _of_epoch(seconds) if seconds else newest


def _day(given: str) -> str:
    try:
        return date.fromisoformat(given).isoformat()
    except ValueError as error:
        raise UsageError(
            "--date", expected="a day, such as 2026-01-31", found=repr(given), remedy="Correct it."
        ) from error


def _of_epoch(seconds: str) -> str:
    try:
        moment = datetime.fromtimestamp(int(seconds), timezone.utc)
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(
            VARIABLE, expected="seconds since 1970", found=repr(seconds), remedy="Correct or unset it."
        ) from error
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
