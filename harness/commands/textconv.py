"""``harness textconv``: an archive as text, for ``git diff``."""

from __future__ import annotations

from pathlib import Path

import click

from harness.commands.options import emit, json_option
from harness.core.errors import HarnessError, printable


@click.command("textconv")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def command(file: Path, *, as_json: bool) -> int:
    """Print an .npz as text: one line per array with its dtype, shape, range and digest.

    Git calls it once `harness install-git` has told it to, so that `git diff` shows which arrays moved. Files
    that are no archive get a note, and exit code 0: else they would end the whole `git diff`.

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
    from harness.core.fixtures.summary import summarise
    from harness.core.storage.npz import read_archive
    from harness.report.array_summary import summary_lines

    try:
        summaries = summarise(read_archive(file))
    except HarnessError as error:
        note = _note(file, error)
        emit({"unreadable": note}, as_json=as_json, render=lambda: _show([note]))
    else:
        emit({"arrays": summaries}, as_json=as_json, render=lambda: _show(summary_lines(summaries)))


def _note(file: Path, error: HarnessError) -> str:
    """Why there is no table; with the digest, for two damaged files may differ too.

    Without the file's name: git shows it, and hands over a temporary copy of another name.
    """
    from harness.core.storage.digest import digest_file

    return f"unreadable: {printable(error.found)}; {file.stat().st_size} bytes, {digest_file(file)}"


def _show(lines: list[str]) -> None:
    """Bytes, for git reads UTF-8 whatever the terminal's encoding is."""
    click.echo("".join(f"{line}\n" for line in lines).encode(), nl=False)
