"""What the page shows, as plain values: the template only writes them down."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from harness.core.domain.panels import Table
    from harness.core.overview.environments import EnvironmentRow
    from harness.core.sensitivity.stored_result import StoredResult
    from harness.report.drawing.figure import Figure
    from harness.report.page.array_views import ArrayView
    from harness.report.page.strips import Strip
    from harness.report.page.timeline import Timeline


class Count(NamedTuple):
    """How many golden files have one outcome; ``accepted`` if that is well."""

    word: str
    number: int
    accepted: bool


class FileLine(NamedTuple):
    """One file of a group: its path and size, what the registry says of it, and what to do."""

    path: str
    size: str
    word: str
    accepted: bool
    detail: str
    remedy: str


class CheckLine(NamedTuple):
    """What one test found in the last session: its words for it, and the lines of its report."""

    test: str
    word: str
    accepted: bool
    seconds: str
    lines: tuple[str, ...]


class MetricLine(NamedTuple):
    """A metric of a baseline: golden and last value, the accepted interval, samples and controls."""

    name: str
    value: str
    today: str
    interval: str
    share: str
    word: str
    accepted: bool
    better: str
    strip: Strip | None
    controls: tuple[str, ...]


class ToleranceLine(NamedTuple):
    """The measured tolerance of an array on one platform: its spread as a share of the tolerance."""

    array: str
    kind: str
    allowed: str
    platform: str
    runs: str
    spread: str
    strip: Strip | None
    reason: str


class Item(NamedTuple):
    """One group of golden files.

    Attributes
    ----------
    number : int
        Unique on the page.
    name, kind, word : str
    accepted : bool
    headline : str
        The largest difference, or why it is not the same.
    note : str
        What a reader should know about the last session's verdict.
    facts : tuple of (str, str)
    files, checks, metrics, tolerances : tuple
    measured : str
        How the tolerances were measured.
    views : tuple of ArrayView
        Arrays of the golden file.
    figures : tuple of Figure or Table
        Panels of the domain.
    timeline : Timeline or None
    left_out : tuple of str
        What is not on the page, and why.
    is_open : bool
        Whether the details are open at first.
    has_details : bool
        Whether there are details on the page.
    """

    number: int
    name: str
    kind: str
    word: str
    accepted: bool
    headline: str = ""
    note: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    files: tuple[FileLine, ...] = ()
    checks: tuple[CheckLine, ...] = ()
    metrics: tuple[MetricLine, ...] = ()
    measured: str = ""
    tolerances: tuple[ToleranceLine, ...] = ()
    views: tuple[ArrayView, ...] = ()
    figures: tuple[Figure | Table, ...] = ()
    timeline: Timeline | None = None
    left_out: tuple[str, ...] = ()
    is_open: bool = False
    has_details: bool = True


class RecordingLine(NamedTuple):
    """One recording: when, who, why, which files."""

    when: str
    by: str
    reason: str
    what: str
    paths: tuple[str, ...]
    more: int


class BlindSpot(NamedTuple):
    """Something that golden files do not see: a heading, what it means, the things, and what to do."""

    title: str
    text: str
    names: tuple[str, ...]
    more: int
    command: str


class Page(NamedTuple):
    """The whole page.

    Attributes
    ----------
    project : str
        The project's directory, by its name alone.
    version : str
        Of this package.
    counts : tuple of Count
        Of the groups of golden files.
    headline, next_text, next : str
        The state in a sentence; the command to type next and when to type it.
    notices, problems, left_out : tuple of str
    session : tuple of (str, str)
        Facts about the last session.
    environment : tuple of EnvironmentRow
    items : tuple of Item
    recordings : tuple of RecordingLine
    older : int
        Recordings that are not shown.
    sensitivity : StoredResult or None
    blind_spots : tuple of BlindSpot
    is_dataset : bool
        Whether it shows one dataset, and not a project's golden files.
    """

    project: str
    version: str
    counts: tuple[Count, ...]
    headline: str
    next_text: str
    next: str
    notices: tuple[str, ...]
    problems: tuple[str, ...]
    left_out: tuple[str, ...]
    session: tuple[tuple[str, str], ...]
    environment: tuple[EnvironmentRow, ...]
    items: tuple[Item, ...]
    recordings: tuple[RecordingLine, ...]
    older: int
    sensitivity: StoredResult | None
    blind_spots: tuple[BlindSpot, ...]
    is_dataset: bool = False

    @property
    def subject(self) -> str:
        """What the title begins with."""
        return "Dataset" if self.is_dataset else "Golden files of"

    @property
    def listed(self) -> str:
        """The heading of what is listed."""
        return "Arrays and figures" if self.is_dataset else "Golden files"

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of the groups."""
        return tuple(sorted({item.kind for item in self.items}))
