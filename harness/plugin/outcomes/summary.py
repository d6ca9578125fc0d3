"""The session's summary: how many golden files are identical, within tolerance, drifted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.plugin.outcomes.array_results import worst

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.core.obtained.results import CheckResult

_WORDS = ("identical", "recorded", "within tolerance", "report-only", "drifted", "missing")
"""From the best to the worst: a file that several tests compare with counts by its worst outcome."""
_RARE = ("report-only", "missing", "recorded")


def outcome_line(results: Iterable[CheckResult]) -> str:
    """Return one line about all golden files that a session compared with.

    Examples
    --------
    >>> from harness.core.obtained.results import ArrayResult, CheckResult
    >>> from harness.core.verdict import Outcome
    >>> power = ArrayResult("power", Outcome.TOLERATED, share=0.4)
    >>> outcome_line([
    ...     CheckResult("test_a", "a", "fixture", Outcome.SAME, "identical"),
    ...     CheckResult("test_b", "b", "fixture", Outcome.TOLERATED, "within tolerance", (power,)),
    ... ])
    'golden files: 1 identical, 1 within tolerance (worst 0.4 of it: b.power), 0 drifted'
    """
    by_path: dict[str, CheckResult] = {}
    for result in results:
        known = by_path.get(result.path)
        if known is None or _rank(result) > _rank(known):
            by_path[result.path] = result
    counts = {word: sum(result.word == word for result in by_path.values()) for word in _WORDS}
    farthest = max((r for r in by_path.values() if r.word == "within tolerance"), key=_rank, default=None)
    where = "" if farthest is None else f" (worst {_share(farthest):.1g} of it: {_label(farthest)})"
    line = (
        f"golden files: {counts['identical']} identical, "
        f"{counts['within tolerance']} within tolerance{where}, {counts['drifted']} drifted"
    )
    return line + "".join(f", {counts[word]} {word}" for word in _RARE if counts[word])


def _rank(result: CheckResult) -> tuple[int, float]:
    return _WORDS.index(result.word), _share(result)


def _share(result: CheckResult) -> float:
    array = worst(result.arrays)
    return 0.0 if array is None or array.share is None else min(array.share, 1.0)


def _label(result: CheckResult) -> str:
    array = worst(result.arrays)
    return result.stem if array is None else f"{result.stem}.{array.name}"
