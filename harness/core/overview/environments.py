"""Environments compared: where golden files were recorded, and where they were compared last."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class EnvironmentRow(NamedTuple):
    """One setting: its value now, and those that golden files were recorded with, with their numbers.

    Examples
    --------
    >>> EnvironmentRow("numpy", "2.4.0", {"2.3.1": 4, "2.4.0": 1}).changed
    True
    """

    name: str
    now: str
    recorded: Mapping[str, int]

    @property
    def changed(self) -> bool:
        """Whether a golden file was recorded with another value, if the value now is known."""
        return bool(self.now) and any(value != self.now for value in self.recorded)


def compare_environments(
    now: Mapping[str, str], recorded: Iterable[Mapping[str, str]]
) -> tuple[EnvironmentRow, ...]:
    """Return a row for each setting, those that changed first.

    Parameters
    ----------
    now : mapping of str to str
        The environment of the last session; empty if there was none.
    recorded : iterable of mapping
        One environment for each golden file.

    Examples
    --------
    >>> for row in compare_environments({"numpy": "2.4.0"}, [{"numpy": "2.3.1", "cpu": "avx2"}]):
    ...     print(row.name, row.changed)
    cpu True
    numpy True
    """
    counts: dict[str, Counter[str]] = {}
    for environment in recorded:
        for name, value in environment.items():
            counts.setdefault(name, Counter())[value] += 1
    names = sorted(now.keys() | counts.keys())
    absent = "not set" if now else ""
    rows = [
        EnvironmentRow(name, now.get(name, absent), dict(counts.get(name, {"not set": 1}))) for name in names
    ]
    return tuple(sorted(rows, key=lambda row: not row.changed))
