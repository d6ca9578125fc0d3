"""``harness diff``: compare two .npz files, or the golden files of two git revisions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from harness.commands.datasets.reading_options import reading_options
from harness.commands.group import verb
from harness.commands.options import (
    chosen_form,
    code_root,
    emit,
    fetch_named,
    format_option,
    json_option,
    project_to_write,
    root_option,
)
from harness.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from harness.core.fixtures.compare import ArrayDrift
    from harness.core.fixtures.tolerance import Tolerance
    from harness.core.revisions.values import Comparison
    from harness.report.ci.pictures import Album
    from harness.report.drift import ArrayReport

_BOTH = 2
_ZIP = b"PK"


class _Wanted(NamedTuple):
    """How to compare, and how to show it: a tolerance for all arrays, and the other options."""

    tolerance: Tolerance | None
    shown: int
    form: str
    pictures: Path | None


@verb("diff")
@click.argument("words", metavar="ONE [OTHER]", nargs=-1, required=True)
@click.option("--atol", type=click.FloatRange(min=0), help="Absolute tolerance for every array.")
@click.option("--rtol", type=click.FloatRange(min=0), help="Relative tolerance for every array.")
@click.option(
    "--exact", is_flag=True, help="Allow no difference.  [default: by each array's dtype and scale]"
)
@click.option("--shown", default=10, show_default=True, help="Differing elements to show per array.")
@format_option("text", "json", "markdown", text="Output format; markdown: a comment for a pull request.")
@click.option(
    "--pictures",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory for pictures of the arrays that differ between two revisions.",
)
@reading_options
@root_option
@json_option
def command(  # noqa: PLR0913 - one parameter an option
    *,
    words: tuple[str, ...],
    root: Path | None,
    atol: float | None,
    rtol: float | None,
    shown: int,
    form: str,
    pictures: Path | None,
    exact: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Compares names, dtypes, shapes and positions of NaN exactly, then every element.

    ONE and OTHER are two .npz files, or datasets of any formats that `harness convert --formats` lists; or
    else two git revisions: then all golden files are compared, with who changed them and why. ONE alone is
    compared with the work tree, or is a range such as main...HEAD. Nothing is checked out, and nothing of the
    project is run.

    Exits with 1 if an array of two files differs by more than its tolerance, or if any golden file of two
    revisions differs; with 2 if harness cannot tell.

    \b
    Examples:
      harness diff golden/minimal_v1.npz /tmp/minimal_v1.npz --rtol 1e-6
      harness diff main...HEAD
      harness diff main...HEAD --format markdown --pictures pictures > comment.md
    """
    from harness.core.fixtures.tolerance import Tolerance

    chosen = exact or atol is not None or rtol is not None
    limit = Tolerance(atol or 0, rtol or 0) if chosen else None
    wanted = _Wanted(limit, shown, chosen_form(form, as_json=as_json), pictures)
    fetch_named(words)
    if _are_files(words, code_root(root)):
        return _compare_files(Path(words[0]), Path(words[1]), wanted, options)
    _require_none(options)
    return _compare_revisions(root, words, wanted)


def _are_files(words: tuple[str, ...], folder: Path) -> bool:
    """Whether the words are two files; also if one of them is missing and no revision has its name.

    Raises
    ------
    UsageError
        If there are more than two, or one is a file and the other a revision.
    """
    if len(words) > _BOTH:
        raise UsageError(
            "arguments",
            expected="one or two",
            found=str(len(words)),
            message=f"two files or revisions can be compared, and there are {len(words)} arguments",
            remedy="Give two .npz files, or two revisions.",
        )
    there = [_is_file(word) for word in words]
    if len(words) < _BOTH or all(there) or not any(there):
        return len(words) == _BOTH and all(there)
    from harness.core.revisions.names import is_revision

    file, other = words[there.index(True)], words[there.index(False)]
    if not is_revision(folder, other):
        return True  # a file that is missing
    raise UsageError(
        other,
        expected="two files, or two revisions",
        found="one of each",
        message=f"{file!r} is a file, and {other!r} is a revision",
        remedy="Give two .npz files, or two revisions.",
    )


def _is_file(word: str) -> bool:
    try:
        return Path(word).is_file() or _is_store(Path(word))
    except (OSError, ValueError):  # no path can be like this
        return False


def _is_store(path: Path) -> bool:
    """Whether a directory holds arrays, as zarr keeps them: any other may have the name of a branch."""
    return any((path / name).is_file() for name in ("zarr.json", ".zgroup", ".zarray"))


def _compare_files(expected: Path, found: Path, wanted: _Wanted, options: Mapping[str, Any]) -> int:
    """Compare two archives; return the exit code."""
    if wanted.form == "markdown" or wanted.pictures:
        option = "--pictures" if wanted.pictures else "--format markdown"
        raise UsageError(
            option,
            expected="two revisions",
            found="two files",
            message=f"{option} is about the golden files of two revisions, not about two files",
            remedy="Leave the option out, or give two revisions.",
        )
    one, other = _both(expected, found, options)
    names = sorted(one.keys() | other.keys())
    results = [_compare(name, one, other, wanted.tolerance, wanted.shown) for name in names]
    emit(_summary(results), as_json=wanted.form == "json", render=lambda: _show(results, expected))
    return 0 if all(result.accepted for result in results) else 1


def _both(
    expected: Path, found: Path, options: Mapping[str, Any]
) -> tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]]:
    """Return the arrays of two files: of two archives as they are, else as the files' domain reads them.

    Raises
    ------
    UsageError
        If options are given that concern neither file.
    """
    from harness.commands.datasets.reading import open_data, require_reader
    from harness.core.domain.catalogue import find_catalogue
    from harness.core.storage.npz import Arrays

    given = any(options.values())
    if _is_zip(expected) and _is_zip(found) and not given:
        return Arrays(expected), Arrays(found)
    catalogue = find_catalogue(None)
    if given:
        require_reader((expected, found), catalogue, options)
    return open_data(expected, catalogue, **options), open_data(found, catalogue, **options)


def _require_none(options: Mapping[str, Any]) -> None:
    """Refuse options about datasets where golden files of two revisions are compared.

    Raises
    ------
    UsageError
        The message names the first.
    """
    for name in (name for name, value in options.items() if value):
        raise UsageError(
            f"--{name}",
            expected="two files",
            found="revisions",
            message=f"--{name} is about datasets in files, not about golden files of revisions",
            remedy="Leave the option out, or give two files.",
        )


def _is_zip(path: Path) -> bool:
    """Whether a file begins as an archive does; so does one that is missing, which gives the better error."""
    if not path.is_file():
        return not path.is_dir()
    with path.open("rb") as stream:
        return stream.read(len(_ZIP)) == _ZIP


def _compare_revisions(root: Path | None, words: tuple[str, ...], wanted: _Wanted) -> int:
    """Compare the golden files of two revisions; return the exit code."""
    from harness.core.revisions.compare import compare_revisions
    from harness.core.revisions.compare_files import ArrayOptions
    from harness.core.revisions.names import find_revisions

    before, after = find_revisions(code_root(root), words)
    album = None
    if wanted.pictures is not None:
        from harness.report.ci.pictures import Album

        album = Album(wanted.pictures)
    options = ArrayOptions(wanted.tolerance, wanted.shown, album.draw if album else None)
    comparison = compare_revisions(project_to_write(root), before, after, options)
    _show_comparison(comparison, wanted, album)
    return comparison.exit_code


def _show_comparison(comparison: Comparison, wanted: _Wanted, album: Album | None) -> None:
    if wanted.form == "markdown":
        from harness.report.ci.review_comment import review_comment

        made = album.pictures if album else ()
        click.echo(review_comment(comparison, made, folder=str(wanted.pictures or "")), nl=False)
        return
    from harness.report.ci.comparison_text import comparison_document, comparison_lines
    from harness.report.terminal.screen import show_lines

    document = comparison_document(comparison)
    emit(document, as_json=wanted.form == "json", render=lambda: show_lines(comparison_lines(comparison)))


@dataclass(frozen=True, slots=True)
class _Result:
    """What is printed about one array, which itself is not kept."""

    accepted: bool
    unequal_bits: int
    report: ArrayReport
    figures: dict[str, object]


def _compare(
    name: str,
    one: Mapping[str, np.ndarray],
    other: Mapping[str, np.ndarray],
    limit: Tolerance | None,
    shown: int,
) -> _Result:
    from harness.core.fixtures.compare import compare_arrays
    from harness.report.drift import array_report
    from harness.report.terminal.screen import screen_of

    array = compare_arrays(name, one.get(name), other.get(name), limit)
    report = array_report(array, shown=shown, screen=screen_of())
    return _Result(array.accepted, array.unequal_bits, report, _figures(array))


def _show(results: list[_Result], expected: Path) -> None:
    from harness.report.drift import detail_lines, drift_table
    from harness.report.terminal.screen import show_lines
    from harness.report.terminal.table import show_table

    reports = [result.report for result in results]
    table = drift_table(reports)
    if table is not None:
        show_table(table)
        show_lines([""])
    show_lines(detail_lines(reports))
    arrays = _count(len(results), "array")
    unequal = _count(sum(result.unequal_bits for result in results), "element")
    drifted = sum(not result.accepted for result in results)
    if _identical(results):
        show_lines([f"{arrays}, all bits equal."])
    elif not drifted:
        show_lines([f"{arrays}, within tolerance; {unequal} not equal."])
    else:
        show_lines([f"{drifted} of {arrays} drifted.", *_next(expected)])


def _next(expected: Path) -> list[str]:
    """Return the command to type next, if a golden file has drifted."""
    from harness.core.storage.project import nearest_registry

    root = nearest_registry(expected.resolve().parent)
    return ["next: harness report"] if root is not None else []


def _summary(results: list[_Result]) -> dict[str, object]:
    """Return the results for JSON: all figures, without the single elements."""
    return {
        "accepted": all(result.accepted for result in results),
        "identical": _identical(results),
        "arrays": [result.figures for result in results],
    }


def _identical(results: list[_Result]) -> bool:
    return all(result.accepted and not result.unequal_bits for result in results)


def _figures(array: ArrayDrift) -> dict[str, object]:
    from harness.core.fixtures.difference_text import largest_difference

    return {
        "name": array.name,
        "aspect": array.aspect,
        "expected": array.expected,
        "found": array.found,
        "tolerance": _limits(array.tolerance),
        "size": array.size,
        "differing": array.drifted,
        "unequal_bits": array.unequal_bits,
        "incomparable": array.incomparable,
        "largest": largest_difference(array),
        "max_absolute": array.max_absolute,
        "max_relative": array.max_relative,
        "max_ulp": array.max_ulp,
        "worst": array.worst,
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _limits(tolerance: Tolerance) -> dict[str, float]:
    return {"atol": tolerance.atol, "rtol": tolerance.rtol, "ulp": tolerance.ulp}
