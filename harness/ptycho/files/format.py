"""What a file format offers: its name, how a file of it is recognised, read and written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.ptycho.files.content import Content


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a caller may add to what a file says.

    Parameters
    ----------
    axes : {"nhw", "hwn"}, optional
        Order of the diffraction's axes, where neither the format nor the data decide it.
    step : float, optional
        Distance of two neighbouring positions in object pixels, for a datacube, which has no positions.
    rotation : float
        Angle in degrees from the object's columns to the scan's, for a datacube.
    """

    axes: str | None = None
    step: float | None = None
    rotation: float = 0.0


@dataclass(frozen=True, slots=True)
class Written:
    """What a writer did besides writing: what it assumed, and what it could not store.

    Parameters
    ----------
    assumed : tuple of str
        Values that the format needs and the content does not have, such as a pixel size.
    lost : tuple of str
        What the content has and this file has not, with the reason, beyond the parts that the format never
        holds: those are listed for every format alike.
    """

    assumed: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One file format of the field.

    Parameters
    ----------
    name : str
        As typed for ``harness convert --to``.
    title : str
        With its article, for messages: ``a ptychodus product (HDF5)``.
    suffixes : tuple of str
        Suffixes of a new file that mean this format; empty if it must be named. Files are recognised by
        content, never by these.
    holds : frozenset of str
        Parts of a content (:meth:`~harness.ptycho.files.content.Content.parts`) that it can store. What else
        a content has is listed as lost; several modes, layers or masks are refused before ``write`` is
        called, so that a writer need not reduce them.
    canonical : bool
        Whether it stores the keys of the dataset contract, in its dtypes and range.
    uses : frozenset of {"axes", "step", "rotation"}
        Parts of a :class:`Reading` that its reader looks at. Others are refused, so that none is in vain.
    recognise : callable
        Takes a path that exists, and returns whether it is a file (or folder) of this format. Looks at the
        beginning and at names, reads no array, and raises nothing for files of other kinds.
    read : callable
        Takes the path and a :class:`Reading`; returns the content. Raises UnreadableError for a damaged or
        hostile file, RefusedError for arrays that do not fit each other.
    write : callable or None
        Takes a new path and a content, and returns what it :class:`Written`. Raises RefusedError if the
        content lacks a part that the format cannot be without.
    """

    name: str
    title: str
    suffixes: tuple[str, ...] = ()
    holds: frozenset[str] = field(default_factory=frozenset)
    canonical: bool = False
    uses: frozenset[str] = field(default_factory=frozenset)
    recognise: Callable[[Path], bool]
    read: Callable[[Path, Reading], Content]
    write: Callable[[Path, Content], Written] | None = None
