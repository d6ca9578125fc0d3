"""A sound dataset, to see that no check speaks against it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.fixture import Fixture


@dataclass(frozen=True, slots=True)
class Specimen:
    """One sound dataset of a domain: what it is, and what makes it."""

    name: str
    make: Callable[[], Fixture] = field(compare=False)
