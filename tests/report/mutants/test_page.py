"""The section of mutants on a Markdown page: replaced by the next run, kept by other runs."""

from __future__ import annotations

import pytest

from harness.core.sensitivity.mutants.choice import Mutant
from harness.core.sensitivity.mutants.verdicts import Fate, MutantResult, MutantRun
from harness.report.mutants.page import BEGIN, END, mutants_section, section_of, with_section

MUTANT = Mutant("waves.py", 1, "NumberReplacer", "x = 2\n", "-x = 1\n+x = 2", ("t",))
SURVIVOR = MutantResult(MUTANT, Fate.SURVIVED, "t", "golden/x.npz", "power", 0.5)
RUN = MutantRun(4, 2, (MutantResult(MUTANT, Fate.DIFFERED), SURVIVOR), ("t",), ())


def test_the_section_has_the_command_the_counts_and_the_diffs():
    section = mutants_section(RUN, command="harness sensitivity --mutants 2")
    assert "`harness sensitivity --mutants 2`" in section
    assert "- 1 of 2 mutants that change an output caught: 50.0 %" in section
    assert "| golden difference | 1 |" in section
    assert "```diff\n-x = 1\n+x = 2\n```" in section
    assert "**Survived: `waves.py:1`.** It moved power in golden/x.npz by 0.5 tolerances at most." in section


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("", f"{BEGIN}\nnew\n{END}\n"),
        ("# Page\n", f"# Page\n\n{BEGIN}\nnew\n{END}\n"),
        (f"# Page\n\n{BEGIN}\nold\n{END}\n\nAfter.\n", f"# Page\n\n{BEGIN}\nnew\n{END}\n\nAfter.\n"),
    ],
)
def test_a_section_replaces_the_former_one_or_is_added(page, expected):
    made = with_section(page, "new\n")
    assert made == expected
    assert with_section(made, "new\n") == made
    assert section_of(made) == f"{BEGIN}\nnew\n{END}\n"


def test_a_page_without_a_section_has_none():
    assert section_of("# Page\n") == ""
    assert section_of(f"# Page\n{BEGIN}\nunfinished\n") == ""
