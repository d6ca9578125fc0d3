"""A run of mutants as a section of a Markdown page, which later runs replace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.sensitivity.mutants.verdicts import Fate
from harness.report.mutants.lines import MEANINGS, caught_line, count_line, moved_text, noise_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.sensitivity.mutants.verdicts import MutantRun

BEGIN, END = "<!-- mutants: begin -->", "<!-- mutants: end -->"


def with_section(page: str, section: str) -> str:
    r"""Return a page with *section* in place of its section of mutants, or at its end.

    >>> with_section("# Page\n", "one\n") == f"# Page\n\n{BEGIN}\none\n{END}\n"
    True
    """
    before, begin, rest = page.partition(f"{BEGIN}\n")
    _, end, after = rest.partition(f"{END}\n")
    if not (begin and end):
        before, after = f"{page.rstrip()}\n\n" if page.strip() else "", ""
    return f"{before}{BEGIN}\n{section}{END}\n{after}"


def section_of(page: str) -> str:
    """Return a page's section of mutants with its marks; empty if it has none."""
    _, begin, rest = page.partition(f"{BEGIN}\n")
    text, end, _ = rest.partition(f"{END}\n")
    return f"{begin}{text}{end}" if begin and end else ""


def mutants_section(run: MutantRun, *, command: str) -> str:
    """Return the section: what was tried, what came of it, and each survivor with its diff."""
    return "\n".join(_lines(run, command)) + "\n"


def _lines(run: MutantRun, command: str) -> Iterator[str]:
    yield from ("## Mutants", "", f"This section is generated: `{command}`.", "")
    yield f"- {count_line(run)}"
    yield f"- {caught_line(run)}"
    yield from (f"- {line}" for line in noise_lines(run))
    yield from ("", "| result | mutants | what it means |", "|---|---|---|")
    for fate in Fate:
        if found := run.of(fate):
            yield f"| {fate.value} | {len(found)} | {MEANINGS[fate]} |"
    yield ""
    for result in run.survivors:
        text = moved_text(result)
        yield f"**Survived: `{result.mutant.place}`.** {text[0].upper()}{text[1:]}."
        yield from ("", "```diff", *result.mutant.diff.splitlines(), "```", "")
