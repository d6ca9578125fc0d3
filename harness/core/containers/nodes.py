"""What the readers of this room return: a tree of arrays whose names are not chosen yet."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MOST_LEVELS = 64
"""Of nesting: as many as numpy allows dimensions."""


@dataclass(frozen=True, slots=True)
class Part:
    """The name of what a container has beside its values, such as ``index``. A key never equals a part."""

    name: str


@dataclass(frozen=True, slots=True)
class Node:
    """An array, what belongs to it, or both.

    Attributes
    ----------
    array : ndarray, optional
        The values that get the node's own name; of a plain dtype.
    children : mapping
        What gets a longer name, by key. A key is a user's string or integer, or a :class:`Part`.
    exact : bool
        Whether the values, and those of all children, name or place other values: an index, coordinates.
    note : str
        What was converted, such as ``bfloat16 -> float32``; mostly empty.
    bare : bool
        Whether the children keep their names without a prefix if this is all of the data.
    """

    array: np.ndarray | None = None
    children: Mapping[Any, Node] = field(default_factory=dict)
    exact: bool = False
    note: str = ""
    bare: bool = False

    def having(self, **parts: Node | None) -> Node:
        """Return a node that has more parts, by name; None adds nothing."""
        added = {Part(name): node for name, node in parts.items() if node is not None}
        return replace(self, children={**self.children, **added})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value is, and how the values that it contains are read.

    Attributes
    ----------
    reader : callable
        Returns the node of a value at a place.
    root : str
        Name of the data, for an error about all of them.
    path : tuple of str
        Keys down to this value, as the user wrote them.
    enclosing : tuple of int
        Identities of the containers around the value.
    """

    reader: Callable[[Any, Place], Node]
    root: str
    path: tuple[str, ...] = ()
    enclosing: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """The value's name in an error."""
        return ".".join(self.path) or self.root

    def read(self, value: Any, key: str | int, inside: object = None) -> Node:
        """Return the node of a *value* that is found under *key*, *inside* a container."""
        return self.reader(value, self.at(key, inside))

    def at(self, key: str | int, inside: object = None) -> Place:
        """Return the place of what is found under *key*, *inside* a container."""
        place = self if inside is None else self.within(inside)
        return replace(place, path=(*self.path, str(key)))

    def within(self, container: object) -> Place:
        """Return the same place inside a *container*, which must not contain itself."""
        if id(container) in self.enclosing:
            raise _endless(self.name, "a container that contains itself")
        if len(self.enclosing) >= MOST_LEVELS:
            raise _endless(self.name, f"more than {MOST_LEVELS} levels")
        return replace(self, enclosing=(*self.enclosing, id(container)))


def label_key(label: object) -> str | int:
    """Return a label of an axis or variable, which may be of any type, as a key."""
    if isinstance(label, (int, np.integer)) and not isinstance(label, bool):
        return int(label)
    return str(label)


def texts(values: list[Any]) -> Node:
    """Return strings as one array, also if there are none."""
    return Node(np.array([str(value) for value in values], dtype=np.str_))


def text(value: object) -> Node:
    """Return the text of one value as an array without dimensions."""
    return Node(np.array(str(value)))


def integers(values: Any) -> Node:
    """Return whole numbers as an array of the same dtype on every machine."""
    return Node(np.asarray(values, np.int64))


def _endless(name: str, found: str) -> UsageError:
    return UsageError(
        f"array {name!r}",
        expected="values that are nested in finitely many levels",
        found=found,
        message=f"array {name!r} is nested in {found}",
        remedy="Store the arrays that it contains under names of their own.",
    )
