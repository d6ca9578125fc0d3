"""One page: short, at most 80 columns wide, and the command to type at its end."""

from __future__ import annotations

from harness.core.registry.status import Recording, Status
from harness.core.verdict import Outcome, Verdict
from harness.report.status import status_lines

SAME = Verdict("golden/a.npz", Outcome.SAME)


def status(**parts) -> Status:
    given = {
        "verdicts": (SAME,),
        "recordings": (Recording("2031-01-01T10:20:30Z", "Ada", "first light", ("golden/a.npz",)),),
        "unreferenced": (),
        "uncalibrated": (),
        "obstacle": "",
        "next": "pytest",
    }
    return Status(**(given | parts))


def test_all_well_is_six_lines():
    assert status_lines(status()) == [
        "golden files: 1 same",
        "recordings:   1",
        "  2031-01-01 10:20  Ada: first light",
        "    golden/a.npz",
        "unreferenced: none",
        "uncalibrated: none",
        "next: pytest",
    ]


def test_what_differs_is_listed_as_verify_lists_it():
    odd = Verdict("golden/b.npz", Outcome.MISSING, "expected 3 bytes, found no file", "Restore it.")
    lines = status_lines(status(verdicts=(SAME, odd)))
    assert lines[:3] == [
        "golden files: 1 same, 1 missing",
        "  missing: golden/b.npz: expected 3 bytes, found no file",
        "    Restore it.",
    ]


def test_long_lists_are_cut_and_shown_in_full_on_request():
    odd = tuple(Verdict(f"golden/{n:02}", Outcome.UNREGISTERED, "new") for n in range(40))
    many = tuple(Recording(f"2031-01-01T10:20:{n:02}Z", "Ada", "r", ("golden/a.npz",)) for n in range(30))
    names = tuple(f"golden/n{n:02}.json" for n in range(9))
    page = status(verdicts=odd, recordings=many, unreferenced=names, uncalibrated=names)
    lines = status_lines(page)
    assert len(lines) < 40
    assert "  ... and 30 more, see `harness verify`" in lines
    assert "recordings:   the newest 5 of 30 recordings" in lines
    text = " ".join(" ".join(lines).split())
    assert "unreferenced: 9: golden/n00.json, " in text
    assert "golden/n04.json, ... and 4 more uncalibrated: 9: " in text
    every = "\n".join(status_lines(page, every=True))
    assert "more" not in every
    assert all(verdict.name in every for verdict in odd)


def test_no_line_is_wider_than_80_columns_unless_a_word_is():
    long = Recording("2031-01-01T10:20:30Z", "Ada Lovelace", "a reason " * 30, ("golden/" + "x" * 90,))
    odd = Verdict("golden/b.npz", Outcome.DRIFTED, "expected these and found those " * 9, "Do it. " * 30)
    lines = status_lines(status(verdicts=(odd,), recordings=(long,), obstacle=""))
    assert all(len(line) <= 80 or " " not in line.strip() for line in lines)


def test_what_is_not_known_is_said():
    lines = status_lines(status(unreferenced=None, obstacle="line 3: found junk", recordings=(), verdicts=()))
    assert "golden files: none" in lines
    assert "records:      cannot be read: line 3: found junk" in lines
    assert "unreferenced: not known; `pytest --golden-unreferenced=warn` finds out" in lines


def test_an_interruption_has_a_line():
    stopped = Verdict("regeneration", Outcome.INTERRUPTED, "partly old", "Run `harness recover`.")
    lines = status_lines(status(verdicts=(SAME, stopped)))
    assert lines[0] == "golden files: 1 same"
    assert "interrupted:  a regeneration has begun and not ended" in lines


def test_text_of_others_cannot_command_a_terminal():
    evil = Recording("2031-01-01T10:20:30Z", "\x1b[31mEve", "::error::x\nnext: rm -rf", ("golden/a.npz",))
    lines = status_lines(status(recordings=(evil,)))
    assert all(line.isprintable() for line in lines)
    assert [line for line in lines if line.startswith("next")] == ["next: pytest"]


def test_a_removal_is_marked():
    gone = Recording("2031-01-01T10:20:30Z", "Ada", "r", ("golden/a.npz",), "removed")
    assert "    removed: golden/a.npz" in status_lines(status(recordings=(gone,)))
