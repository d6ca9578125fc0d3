"""An overview of golden files -> all that the page shows, with figures while there is room for them."""

from __future__ import annotations

from collections import Counter
from importlib import metadata
from typing import TYPE_CHECKING

from harness.core.baselines.array_tolerances import read_tolerance_document
from harness.core.errors import HarnessError
from harness.core.verdict import Outcome
from harness.report.page.budget import Budget
from harness.report.page.items import make_item, short_item
from harness.report.page.model import BlindSpot, Count, Page, RecordingLine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.domain.panels import PanelFunction
    from harness.core.overview.collect import GroupState, Overview
    from harness.core.registry.status import Recording
    from harness.core.sensitivity.stored_result import StoredFault, StoredResult
    from harness.report.page.model import Item

FIGURE_BYTES = 2_300_000
FIGURE_GROUPS = 40
"""Groups with figures: of those that are not the same."""

DRAWN_GROUPS = 12
"""Those that are the same have figures too, if there are not more than so many groups before them."""

DETAILED_GROUPS = 150
"""Groups with details: all that are not the same, up to so many, and of the others while there is room."""

LISTED_GROUPS = 2000
"""Groups that are listed at all: a browser shows so many without a delay."""

_RECORDINGS = 50
_NAMES = 20
_PATHS = 8


def build_page(
    overview: Overview,
    *,
    sensitivity: StoredResult | None = None,
    panels: Sequence[PanelFunction] = (),
    problems: Sequence[str] = (),
) -> Page:
    """Return what the page shows.

    Parameters
    ----------
    overview : Overview
    sensitivity : StoredResult, optional
        Of the last run of ``harness sensitivity``.
    panels : sequence of callable
        Of installed domains.
    problems : sequence of str
        What else could not be read, and why.

    Raises
    ------
    DependencyError
        If matplotlib is not installed, and there is an array to show.
    """
    items = tuple(_items(overview, panels))
    status = overview.status
    return Page(
        project=overview.project.root.name,
        version=metadata.version("golden-harness"),
        counts=tuple(_counts(overview)),
        headline=_headline(overview),
        next_text=_next_text(overview),
        next=overview.next,
        notices=tuple(
            f"{notice.name}: {notice.outcome.value}: {notice.detail}. {notice.remedy}"
            for notice in overview.notices
        ),
        problems=(*overview.problems, *problems),
        left_out=(*_left_out(items), *_unlisted(overview.groups[LISTED_GROUPS:])),
        session=tuple(_session(overview)),
        environment=overview.environment,
        items=items,
        recordings=tuple(map(_recording, status.recordings[:_RECORDINGS])),
        older=max(len(status.recordings) - _RECORDINGS, 0),
        sensitivity=sensitivity,
        blind_spots=tuple(_blind_spots(overview, sensitivity)),
    )


def _items(overview: Overview, panels: Sequence[PanelFunction]) -> Iterator[Item]:
    budget, empty = Budget(FIGURE_BYTES, FIGURE_GROUPS), Budget(0, 0)
    for number, state in enumerate(overview.groups[:LISTED_GROUPS]):
        if number < DETAILED_GROUPS:
            is_drawn = number < DRAWN_GROUPS or state.outcome is not Outcome.SAME
            yield make_item(number, state, overview, panels, budget if is_drawn else empty)
        else:
            yield short_item(number, state)


def _counts(overview: Overview) -> Iterator[Count]:
    """Yield how many groups have each outcome, the most severe first."""
    counts = Counter(state.outcome for state in overview.groups)
    yield from (Count(outcome.value, number, outcome.accepted) for outcome, number in counts.items())


def _headline(overview: Overview) -> str:
    groups, files = len(overview.groups), sum(len(state.group.verdicts) for state in overview.groups)
    wrong = sum(not state.outcome.accepted for state in overview.groups)
    if not groups:
        return "There are no golden files yet."
    if not wrong and groups == 1:
        return "The golden file matches."
    if not wrong:
        return f"All {groups} golden files match ({files} files with manifests and arrays)."
    return f"{wrong} of {groups} golden files {'does' if wrong == 1 else 'do'} not match."


def _next_text(overview: Overview) -> str:
    if overview.next == overview.status.next:
        return "Type next:"
    return "If the change is intended, record it with a reason. If it is not, fix the code and run pytest."


def _left_out(items: Sequence[Item]) -> Iterator[str]:
    short = sum(not item.has_details for item in items)
    if short:
        yield (
            f"Details of {short} golden files are left out, to keep the page small: those of files that "
            "differ come first."
        )


def _unlisted(groups: Sequence[GroupState]) -> Iterator[str]:
    """Yield what is said about golden files that are not listed."""
    wrong = sum(not state.outcome.accepted for state in groups)
    which = f"{wrong} of them do not match: run `harness verify`" if wrong else "all of them match"
    if groups:
        yield f"{len(groups)} more golden files are not listed, to keep the page small; {which}."


def _session(overview: Overview) -> Iterator[tuple[str, str]]:
    session = overview.session
    if session is None:
        return
    yield "ended", session.at.replace("T", " ").replace("Z", " UTC")
    yield "took", f"{session.seconds:.1f} s"
    tests = {check.test for check in session.checks}
    yield "compared", f"{len(session.checks)} golden files in {len(tests)} tests"
    slowest = max(session.checks, key=lambda check: check.seconds, default=None)
    if slowest is not None:
        yield "slowest test", f"{slowest.test}, {slowest.seconds:.2f} s"
    if not session.complete:
        yield "not complete", "the session was interrupted, or a worker crashed"


def _recording(recording: Recording) -> RecordingLine:
    when = recording.at[:16].replace("T", " ")
    shown = recording.paths[:_PATHS]
    reason = recording.reason or "no reason"
    more = len(recording.paths) - len(shown)
    return RecordingLine(when, recording.by, reason, recording.what, shown, more)


def _blind_spots(overview: Overview, sensitivity: StoredResult | None) -> Iterator[BlindSpot]:
    """Yield what golden files cannot see in this project."""
    status = overview.status
    if status.unreferenced is None:
        text = "Whether a test uses every golden file is not known: a complete run of pytest finds out."
        yield BlindSpot("Unreferenced files", text, (), 0, "pytest --golden-unreferenced=warn")
    yield from _spot(
        "Unreferenced files",
        "No test of the last complete run compared with these. They cannot fail.",
        status.unreferenced or (),
        "harness rm --unreferenced --dry-run",
    )
    yield from _spot(
        "Files registered as they are",
        "Nothing can make these again: the registry sees when their bytes change, and nothing else.",
        [state.group.name for state in overview.groups if _is_plain(state)],
        "",
    )
    yield from _spot(
        "Arrays that are only reported",
        "Their runs differ by so much that no tolerance can hold them. They do not fail a test.",
        [name for state in overview.groups for name in _report_only(state, overview)],
        "",
    )
    yield from _spot(
        "Tolerances that were not measured",
        "These baselines come from one run, or their tolerances belong to other arrays.",
        status.uncalibrated,
        'harness calibrate --reason "..."',
    )
    yield from _faults(sensitivity)


def _faults(sensitivity: StoredResult | None) -> Iterator[BlindSpot]:
    if sensitivity is None:
        text = "Faults that no check would catch are not known: no result is stored in .harness/."
        yield BlindSpot("Injected faults", text, (), 0, "harness sensitivity")
        return
    missed = [f"{fault.label}: {fault.title}" for fault in sensitivity.faults if _is_missed(fault)]
    yield from _spot("Faults that no check caught", "These bugs were made on purpose and passed.", missed, "")
    blind = [
        f"{move.fault} in {move.name} of {file.path}: {move.why}"
        for file in sensitivity.files
        for move in file.blind
    ]
    text = "Arrays or metrics were moved in these ways, and no test failed."
    yield from _spot("Changes of arrays that no test saw", text, blind, "")
    broken = [f"{file.path}: {file.problem}" for file in sensitivity.files if file.problem]
    yield from _spot("Files in which no change is seen", "No passing test compares them.", broken, "pytest")


def _is_missed(fault: StoredFault) -> bool:
    return not (fault.caught or fault.harmless)


def _spot(title: str, text: str, names: Sequence[str], command: str) -> Iterator[BlindSpot]:
    if names:
        shown = tuple(names[:_NAMES])
        yield BlindSpot(f"{title}: {len(names)}", text, shown, len(names) - len(shown), command)


def _is_plain(state: GroupState) -> bool:
    """Whether a registered file has nothing beside it that says how it was made."""
    paths = state.group.paths
    return "file" in paths or ("fixture" in paths and "manifest" not in paths)


def _report_only(state: GroupState, overview: Overview) -> Iterator[str]:
    path = state.group.paths.get("tolerances")
    if path is None or state.group.outcome in {Outcome.MISSING, Outcome.CORRUPT}:
        return
    try:
        document = read_tolerance_document(overview.project.locate(path))
    except HarnessError:
        return
    for name, tolerance in document.arrays.items():
        if tolerance.kind == "report-only":
            yield f"{name} of {state.group.name}"
