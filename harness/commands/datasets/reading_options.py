"""Options of the verbs that read a dataset: what the caller adds to what its file says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

OPTIONS = (
    click.option(
        "--join",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="A second file with the positions that belong to the patterns, or the reverse.",
    ),
    click.option(
        "--reduce",
        multiple=True,
        type=click.Choice(["modes", "layers", "mask"]),
        help="Reduce several modes, layers or masks to one (repeatable).",
    ),
    click.option("--axes", type=click.Choice(["nhw", "hwn"]), help="Order of the axes, if it is not clear."),
    click.option("--step", type=float, metavar="PIXELS", help="Scan step of a 4-D datacube, in pixels."),
    click.option(
        "--rotation",
        type=float,
        metavar="DEGREES",
        help="Angle of a 4-D datacube's scan to the columns.",
    ),
)


def reading_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, in the order of :data:`OPTIONS`."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function
