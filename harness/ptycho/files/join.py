"""Patterns and positions that lie in two files, joined by the index of each position."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.ptycho.files.content import Content


def join(one: Content, other: Content) -> Content:
    """Return one content of both."""
    raise NotImplementedError
