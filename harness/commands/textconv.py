"""``harness textconv``: an .npz file as text, for ``git diff``."""

from __future__ import annotations

from pathlib import Path

import click

from harness.commands.group import verb
from harness.commands.options import emit, json_option
from harness.core.errors import HarnessError, printable


@verb("textconv")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def command(file: Path, *, as_json: bool) -> int:
    """Prints one line per array with its dtype, shape, range and digest.

    After `harness install-git`, git runs this command so that `git diff` shows which arrays changed. For a
    file that is not a readable .npz it prints a note and exits with 0, because git would otherwise abort the
    whole diff.

    \b
    Example:
      harness textconv golden/minimal_v1.npz
    """
    from harness.core.storage.lfs import read_pointer

    pointer = read_pointer(file)
    if pointer:
        from harness.report.array_summary import pointer_lines

        emit({"pointer": pointer}, as_json=as_json, render=lambda: _show(pointer_lines(pointer)))
        return 0
    _convert(file, as_json=as_json)
    return 0


def _convert(file: Path, *, as_json: bool) -> None:
    """Print the arrays of *file*, or a note that says why it cannot be read."""
    from harness.core.fixtures.summary import summarise
    from harness.core.storage.npz import Arrays
    from harness.report.array_summary import array_lines

    try:
        summaries = summarise(Arrays(file))
    except HarnessError as error:
        note = _note(file, error)
        emit({"unreadable": note}, as_json=as_json, render=lambda: _show([note]))
    else:
        emit({"arrays": summaries}, as_json=as_json, render=lambda: _show(array_lines(summaries)))


def _note(file: Path, error: HarnessError) -> str:
    """Return one line: why *file* cannot be read, its size and its digest.

    The digest makes two damaged files differ in the diff. The file's name is left out: git shows it already,
    and what it passes to this command is a temporary copy under another name.
    """
    from harness.core.storage.digest import digest_file

    return f"unreadable: {printable(error.found)}; {file.stat().st_size} bytes, {digest_file(file)}"


def _show(lines: list[str]) -> None:
    """Print *lines* as UTF-8, which is what git expects whatever the terminal's encoding is."""
    click.echo("".join(f"{line}\n" for line in lines).encode(), nl=False)
