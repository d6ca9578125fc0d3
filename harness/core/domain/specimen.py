"""A sound dataset, to see that no check speaks against it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.fixtures.fixture import Fixture


@dataclass(frozen=True, slots=True)
class Specimen:
    """One sound dataset of a domain: its name, what makes it, and the pipelines that can run on it.

    No pipelines stand for all.
    """

    name: str
    make: Callable[[], Fixture] = field(compare=False)
    pipelines: tuple[str, ...] = ()
