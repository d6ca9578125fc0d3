"""Objects of a store that no commit names any more: which they are, and their removal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from harness.core.registry.stored.references import referenced_digests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from harness.core.storage.project import Project
    from harness.core.storage.remote.store import Store, StoredObject

DAY_SECONDS = 86400.0


class Garbage(NamedTuple):
    """The objects of a store, sorted by digest.

    Attributes
    ----------
    removable : tuple of StoredObject
        No registry and no history of the repository names them, and they are older than the grace period.
    recent : tuple of StoredObject
        Nor these, but they are younger, or of unknown age: a recording or a branch elsewhere may need them.
    named : int
        Number of the other objects.
    """

    removable: tuple[StoredObject, ...]
    recent: tuple[StoredObject, ...]
    named: int


def find_garbage(project: Project, store: Store, *, grace_days: float) -> Garbage:
    """Return which objects of *store* nothing in the repository of *project* names.

    Parameters
    ----------
    project : Project
    store : Store
        Which belongs to this repository alone.
    grace_days : float
        Age in days from which such objects may be removed.

    Raises
    ------
    UnreadableError
        If the store cannot be listed, or it cannot be known what the repository names.
    """
    # Listed first: what is stored and recorded in the meantime is not in the list.
    objects = sorted(store.objects())
    named = referenced_digests(project)
    limit = time.time() - grace_days * DAY_SECONDS
    others = [item for item in objects if item.sha256 not in named]
    removable = tuple(item for item in others if item.modified is not None and item.modified <= limit)
    kept = set(removable)
    recent = tuple(item for item in others if item not in kept)
    return Garbage(removable, recent, len(objects) - len(others))


def remove_objects(
    store: Store, objects: Iterable[StoredObject], removed: Callable[[StoredObject], None]
) -> None:
    """Remove objects one by one; *removed* is called after each.

    Raises
    ------
    UnwritableError
        If one cannot be removed. Those before it are gone, which another run does not mind.
    """
    for item in objects:
        store.remove(item.sha256)
        removed(item)
