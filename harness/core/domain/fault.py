"""A fault that happened once, as code that makes it happen again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.fixtures.manifest import Manifest

Kind = Literal["fixture", "generator", "pipeline", "repository"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault that shipped somewhere, and the small change that makes it.

    Attributes
    ----------
    id : str
        Its number in the catalogue.
    title : str
    kind : {"fixture", "generator", "pipeline", "repository"}
        Where it lives, and with that what ``inject`` takes.
    inject : callable
        Makes it. A fixture's: arrays by name -> arrays by name. A generator's: a manifest -> a manifest whose
        generator has the fault. A pipeline's: the callable that a pipeline is -> one with the fault. A
        repository's: the :class:`~harness.core.storage.project.Project` of a copy, which it changes in place. What it
        is given otherwise stays as it is. Its docstring says where the fault happened.
    unseen : str
        Why no check of the data alone can see it; empty where one can.
    pipelines : tuple of str
        The pipelines that it can live in; empty for every one.
    applies : callable
        Whether it can happen to a fixture with this manifest; not to one of another field, for instance.
    quick : bool
        Of a pipeline's fault: whether a quick look includes it.
    harmless : bool
        Whether it is none, and nothing may report it.
    """

    id: str
    title: str
    kind: Kind
    inject: Callable[..., Any] = field(compare=False)
    unseen: str = ""
    pipelines: tuple[str, ...] = ()
    applies: Callable[[Manifest], bool] = field(default=lambda _: True, compare=False)
    quick: bool = False
    harmless: bool = False
