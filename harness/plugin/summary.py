"""The session's summary: how many golden files are identical, within tolerance, drifted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.plugin.session import GoldenOutcome

_WORDS = ("identical", "within tolerance", "report-only", "drifted", "missing")
"""From the best to the worst: a file that several tests compare with counts by its worst outcome."""


def outcome_line(outcomes: Mapping[tuple[str, str], GoldenOutcome]) -> str:
    """Return one line about all golden files that a session compared with.

    Examples
    --------
    >>> from harness.plugin.session import GoldenOutcome
    >>> outcome_line({
    ...     ("test_a", "golden/a.npz"): GoldenOutcome("identical"),
    ...     ("test_b", "golden/b.npz"): GoldenOutcome("within tolerance", 0.4, "b.power"),
    ... })
    'golden files: 1 identical, 1 within tolerance (worst 0.4 of it: b.power), 0 drifted'
    """
    by_path: dict[str, GoldenOutcome] = {}
    for (_, path), outcome in outcomes.items():
        known = by_path.get(path)
        if known is None or _rank(outcome) > _rank(known):
            by_path[path] = outcome
    counts = {word: sum(outcome.word == word for outcome in by_path.values()) for word in _WORDS}
    worst = max((o for o in by_path.values() if o.word == "within tolerance"), key=_rank, default=None)
    where = f" (worst {worst.share:.1g} of it: {worst.label})" if worst is not None else ""
    line = (
        f"golden files: {counts['identical']} identical, "
        f"{counts['within tolerance']} within tolerance{where}, {counts['drifted']} drifted"
    )
    more = [f", {counts[word]} {word}" for word in ("report-only", "missing") if counts[word]]
    return line + "".join(more)


def _rank(outcome: GoldenOutcome) -> tuple[int, float]:
    return _WORDS.index(outcome.word), outcome.share
