"""The golden name of what a test hands over: a directory for its module, then its name and parameters.

``tests/optics/test_waves.py::test_spectrum[fft-64]`` gives ``tests/optics/test_waves/test_spectrum-fft-64``.
A part that is not a valid name as it is, or whose parameters have upper-case letters, which some file systems
ignore, ends with eight digits of its SHA-256. So no two tests have the same name.

A variant has golden files of its own, in the directory of the name: ``.../test_spectrum/variant-cuda``.
"""

from __future__ import annotations

import hashlib
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import GoldenMissingError, UsageError
from harness.core.storage.names import name_problem, require_golden_name, require_name

if TYPE_CHECKING:
    from collections.abc import Collection

    import pytest

    from harness.core.storage.project import Project

_VARIANT = "variant-"
_MOST_BYTES = 120  # of a part without its digest: file names take 200 with suffixes


def node_id(item: pytest.Item, root: Path) -> str:
    """Return a test's id, relative to the project at *root* and without pytest-xdist's group.

    A test outside the project keeps the id that pytest gives it.
    """
    test = item.nodeid
    if item.get_closest_marker("xdist_group") is not None:
        test = test.rpartition("@")[0] or test
    file, colons, name = test.partition("::")
    path = Path(item.path)
    shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else file
    return f"{shown}{colons}{name}"


def golden_name(test: str) -> str:
    """Return the golden name for a test's id.

    Examples
    --------
    >>> golden_name("tests/test_waves.py::TestFFT::test_power")
    'tests/test_waves/TestFFT/test_power'
    >>> golden_name("test_waves.py::test_power[64-hann]")
    'test_waves/test_power-64-hann'
    >>> golden_name("test_waves.py::test_power[1.5]")
    'test_waves/test_power-1_5-fa7f6ee1'
    """
    file, _, rest = test.partition("::")
    name, bracket, parameters = rest.partition("[")
    *classes, function = name.split("::")
    folders = [*file.removesuffix(".py").split("/"), *classes]
    last = f"{function}-{parameters.removesuffix(']')}" if bracket else function
    is_folded = bool(bracket) and parameters != parameters.lower()
    parts = [*(_part(folder) for folder in folders), _part(last, is_changed=is_folded)]
    return "/".join(parts)


def require_plain_name(name: str) -> None:
    """Raise :class:`UsageError` if the name of a check is one that the golden files of a variant have."""
    if name.rpartition("/")[2].startswith(_VARIANT):
        raise UsageError(
            f"check {name!r}",
            expected=f"a name that does not begin with {_VARIANT}",
            found=repr(name),
            message=f"the name {name!r} begins as the golden files of a variant do",
            remedy=f"Give variant={name.rpartition('/')[2].removeprefix(_VARIANT)!r}, or another name.",
        )


def variant_name(name: str, variant: object) -> str:
    """Return the golden name of a variant: a file in the directory *name*.

    Raises
    ------
    UsageError
        If *variant* is not a name of letters, digits, ``_`` and ``-``.

    Examples
    --------
    >>> variant_name("test_waves/test_power", "cuda")
    'test_waves/test_power/variant-cuda'
    """
    require_name("variant", variant)
    require_golden_name("variant", variant)
    return f"{name}/{_VARIANT}{variant}"


def is_variant_of(path: str, used: Collection[str]) -> bool:
    """Whether a golden file is another variant of one that is *used*, or the one without a variant.

    >>> is_variant_of("golden/test_power/variant-cpu.npz", {"golden/test_power/variant-cuda.npz"})
    True
    >>> is_variant_of("golden/test_power.npz", {"golden/test_power/variant-cuda.npz"})
    True
    >>> is_variant_of("golden/test_power.npz", {"golden/test_power.json"})
    False
    """
    variants = {_family(file) for file in used if _is_variant(file)}
    if _is_variant(path):
        return _family(path) in variants | {_family(file) for file in used}
    return _family(path) in variants


def _is_variant(path: str) -> bool:
    return path.rpartition("/")[2].startswith(_VARIANT)


def _family(path: str) -> str:
    """What the paths of all variants have in common."""
    folder, _, _ = path.rpartition("/")
    return folder if _is_variant(path) else path.removesuffix(".npz").removesuffix(".json")


def missing_variant(
    error: GoldenMissingError, project: Project, name: str, variant: str | None, suffix: str
) -> GoldenMissingError:
    """Return *error*, or one that says which other variants are recorded, if there are any.

    Parameters
    ----------
    error : GoldenMissingError
    project : Project
    name : str
        The golden name without the variant.
    variant : str or None
        That of the check.
    suffix : str
        Of the golden file: ``.npz`` or ``.json``.
    """
    files = sorted((project.golden / name).glob(f"{_VARIANT}*{suffix}"))
    others = [f"of variant {file.name[len(_VARIANT) : -len(suffix)]!r}" for file in files]
    if variant is not None and (project.golden / f"{name}{suffix}").is_file():
        others.insert(0, "without a variant")
    if not others:
        return error
    which = "without a variant" if variant is None else "for this variant"
    return GoldenMissingError(
        error.thing,
        expected=error.expected,
        found=f"none {which}, but golden files {' and '.join(others)}",
        remedy=f"{error.remedy} Golden files of another variant are never used instead.",
    )


def _part(text: str, *, is_changed: bool = False) -> str:
    """Return *text* as one part of a name, with a digest if it is not one as it is."""
    composed = unicodedata.normalize("NFC", text)
    plain = "".join(character if character.isalnum() or character in "_-" else "_" for character in composed)
    while len(plain.encode()) > _MOST_BYTES:
        plain = plain[:-1]
    if not plain[:1].isalnum():
        plain = f"x{plain}"
    if plain == text and not is_changed and name_problem(plain) is None:
        return plain
    return f"{plain}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
