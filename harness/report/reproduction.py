"""Reproductions as lines of plain text: the word, the cause, and what differs besides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.provenance.reproduce import Cause, Result
from harness.report.drift import drift_lines

if TYPE_CHECKING:
    from harness.core.provenance.inert_parameters import Parameter
    from harness.core.provenance.reproduce import Reproduction


def reproduction_lines(made: Reproduction) -> list[str]:
    """The result and its leading cause, then all that is not as recorded, then where the arrays drifted."""
    lines = [f"{made.name}: {_headline(made)}"]
    if made.detail:
        lines.append(f"  {made.detail}")
    if made.cause is Cause.NONDETERMINISM:
        lines.append("  two runs in a row made different arrays: seed every random number, fix every order")
    lines += [f"  {d.cause.value}: {d.thing}: {d.recorded} -> {d.today}" for d in made.differing]
    if made.cause is Cause.DATA and not made.differing:
        lines.append("  nothing that was recorded differs: the generator reads what its manifest leaves out")
    lines += [f"  {line}" for line in (drift_lines(made.drift, shown=3) if made.drift else ())]
    return lines


def parameter_lines(parameters: tuple[Parameter, ...]) -> list[str]:
    """One line per recorded number: live or inert, and what says so."""
    return [f"  {'live' if p.live else 'inert'}: {p.name} = {p.value!r}: {p.why}" for p in parameters]


def _headline(made: Reproduction) -> str:
    words = made.result.value
    if made.result is Result.TOLERATED and made.farthest:
        far = made.farthest
        words += f", {far.ulp} ULP at most, at {far.array}{list(far.index)}"
    return f"{words}: {made.cause.value}" if made.cause else words
