"""``harness convert``: a dataset in another format of the field, with what was lost on the way."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.commands.datasets.reading_options import reading_options
from harness.commands.group import verb
from harness.commands.options import emit, json_option

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.data_files import Conversion, DataFiles, FileFormat

SMALLEST_SHOWN = 1e-15
"""Differences below this are the last bits of a unit's conversion."""


def _list_formats(context: click.Context, _: click.Parameter, value: bool) -> None:
    """Print the table of formats, and end the command."""
    if not value or context.resilient_parsing:
        return
    from harness.report.terminal.screen import show_lines

    show_lines(_format_lines([form for files in _all_files() for form in files.formats()]))
    context.exit()


@verb("convert")
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--to", metavar="FORMAT", help="The new file's format.  [default: by the suffix of TARGET]")
@click.option(
    "--pixel-size", type=float, metavar="METRES", help="Size of an object pixel, if SOURCE does not have it."
)
@reading_options
@click.option(
    "--formats", is_flag=True, is_eager=True, expose_value=False, callback=_list_formats,
    help="List all formats and exit.",
)  # fmt: skip
@json_option
def command(source: Path, target: Path, *, to: str | None, as_json: bool, **options: Any) -> int:
    """Reads SOURCE, whose format is recognised by its content, and writes TARGET.

    Lists what was changed, what had to be assumed, and what was lost. The new file is read back before it
    gets its name; differences are listed too. Nothing is written over.

    \b
    Examples:
      harness convert scan.cxi scan.npz
      harness convert patterns.h5 scan.npz --join product.h5
      harness convert scan.npz scan.h5 --to ptychodus-product --pixel-size 1e-8
    """
    conversion = _files_for(source).convert(source, target, to=to, **options)
    plain = {"path": target, **asdict(conversion)}
    emit(plain, as_json=as_json, render=lambda: _show(source, target, conversion))
    return 0


def _all_files() -> Sequence[DataFiles]:
    from harness.core.domain.catalogue import find_catalogue

    return find_catalogue(None).load_files()


def _files_for(source: Path) -> DataFiles:
    """Return the domain that recognises the file, else the first, which says what it expected.

    Raises
    ------
    UsageError
        If no installed domain has files.
    """
    from harness.core.errors import UsageError

    known = _all_files()
    if not known:
        raise UsageError(
            "convert", expected="an installed domain that reads files", found="none", remedy="Install one."
        )
    return next((files for files in known if files.format_of(source) is not None), known[0])


def _show(source: Path, target: Path, conversion: Conversion) -> None:
    from harness.report.plain_lines import plain_line
    from harness.report.terminal.screen import show_lines

    show_lines(map(plain_line, _lines(source, target, conversion)))


def _lines(source: Path, target: Path, conversion: Conversion) -> Iterator[str]:
    """Yield what was read and written, then what happened on the way."""
    yield f"{source.name}: {conversion.source}"
    yield from (f"  {note}" for note in conversion.transformations)
    yield f"wrote {target}: {conversion.target}"
    yield from (f"  assumed: {note}" for note in conversion.assumed)
    yield from (f"  lost: {note}" for note in conversion.lost)
    for part, difference in conversion.changed.items():
        if difference > SMALLEST_SHOWN:
            yield f"  rounded: {part}, by at most {difference:.2g}{_unit(part)}"
    yield "read back: the same" if not conversion.changed else "read back: the same but for rounding"
    yield f"next: harness check {target}"


def _unit(part: str) -> str:
    return " pixels" if part[0] in "xy" else " of the largest value"


def _format_lines(formats: Sequence[FileFormat]) -> Iterator[str]:
    """Yield one line a format: its name, its suffixes, what it is."""
    width = max(len(form.name) for form in formats)
    for form in formats:
        suffixes = f" ({', '.join(form.suffixes)})" if form.suffixes else ""
        only = "" if form.is_written else "; only read"
        yield f"{form.name.ljust(width)}  {form.title}{suffixes}{only}"
