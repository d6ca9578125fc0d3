"""Reproductions as lines of text: the result, its cause, and everything that differs from the record."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from harness.core.provenance.reproduce import Cause, Result
from harness.report.drift import drift_lines
from harness.report.terminal.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.provenance.inert_parameters import Parameter
    from harness.core.provenance.reproduce import Reproduction

_PIPED = Screen()


def reproduction_lines(reproduction: Reproduction, screen: Screen = _PIPED) -> list[str]:
    """Return the result and its cause, then what differs from the record, then where the arrays drifted.

    Parameters
    ----------
    reproduction : Reproduction
    screen : Screen, optional
        Where the lines are shown.
    """
    headline = f"{reproduction.name}: {_headline(reproduction)}"
    return [headline, *map("  {}".format, _details(reproduction, screen))]


def next_lines(reproductions: Sequence[Reproduction]) -> list[str]:
    """Return the command that shows the records of the first fixture that drifted."""
    drifted = [made.name for made in reproductions if made.result is Result.DRIFTED]
    return [f"next: harness audit {shlex.quote(name)}" for name in drifted[:1]]


def parameter_lines(parameters: Sequence[Parameter]) -> list[str]:
    """Return a line for each recorded number: live if the arrays depend on it, else inert, and why."""
    return [f"  {'live' if p.live else 'inert'}: {p.name} = {p.value!r}: {p.why}" for p in parameters]


def _headline(reproduction: Reproduction) -> str:
    words, farthest = reproduction.result.value, reproduction.farthest
    if reproduction.result is Result.TOLERATED and farthest:
        words += f", at most {farthest.ulp} ULP, at {farthest.array}{list(farthest.index)}"
    return f"{words}: {reproduction.cause.value}" if reproduction.cause else words


def _details(reproduction: Reproduction, screen: Screen) -> Iterator[str]:
    cause, differing = reproduction.cause, reproduction.differing
    if reproduction.detail:
        yield reproduction.detail
    if cause is Cause.NONDETERMINISM:
        yield "two runs in a row gave different arrays: seed all random numbers, fix the order of operations"
    yield from (f"{d.cause.value}: {d.thing}: {d.recorded} -> {d.today}" for d in differing)
    if cause is Cause.DATA and not differing:
        yield "source, code and environment are as recorded: the generator reads data not in its manifest"
    if reproduction.drift:
        yield from drift_lines(reproduction.drift, shown=3, screen=screen)
