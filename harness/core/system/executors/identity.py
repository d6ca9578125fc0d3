"""What must be the same on a worker as here, so that its results count: environment, code and files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.system.environment import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

THREADS = "OMP_NUM_THREADS"
HARNESS_CODE = "code of harness"
PROJECT_CODE = "code of the project"
REGISTRY = "registry.json"

_OF_CODE = ("harness", HARNESS_CODE, PROJECT_CODE, REGISTRY)
_CORES = "cores"
_PACKAGE = Path(__file__).parents[3]
_CODE = (".py", ".pyx", ".so", ".pyd")
_SETTINGS = ("pyproject.toml", "setup.cfg", "pytest.ini", "tox.ini")
_SHOWN = 24  # characters of a digest, with its algorithm


def identity(root: Path | None, golden_name: str = "golden") -> dict[str, str]:
    """Return the fingerprint of this process's environment, and digests of the code of both sides.

    Parameters
    ----------
    root : Path or None
        The project, whose modules count, with its settings and its registry; None if there is none.
    golden_name : str
        Its golden directory, where no code is looked for.
    """
    found = {**fingerprint(), HARNESS_CODE: digest_of_code(_PACKAGE)}
    if root is None:
        return found
    return found | {
        PROJECT_CODE: digest_of_code(root, without=golden_name),
        REGISTRY: _digest_of_file(root / REGISTRY),
    }


def differences(here: Mapping[str, str], there: Mapping[str, str]) -> tuple[str, ...]:
    """Return what differs, a line each, as in ``numpy 2.2.0 (2.3.1 here)``.

    The number of cores counts only if no variable sets the number of threads.

    >>> differences({"numpy": "2.3.1", "cores": "8"}, {"numpy": "2.2.0", "cores": "8"})
    ('numpy 2.2.0 (2.3.1 here)',)
    """
    ignored = {_CORES} if THREADS in here and THREADS in there else set()
    return tuple(
        f"{key} {_shown(there.get(key))} ({_shown(here.get(key))} here)"
        for key in sorted((here.keys() | there.keys()) - ignored)
        if here.get(key) != there.get(key)
    )


def is_same_code(here: Mapping[str, str], there: Mapping[str, str]) -> bool:
    """Whether two identities are of the same code and registry, and only the environments may differ."""
    return all(here.get(key) == there.get(key) for key in _OF_CODE)


def environment_of(found: Mapping[str, str]) -> dict[str, str]:
    """Return the fingerprint in an identity."""
    return {key: value for key, value in found.items() if key not in {HARNESS_CODE, PROJECT_CODE, REGISTRY}}


def digest_of_code(folder: Path, without: str | None = None) -> str:
    """Return one digest of all source files and compiled modules below *folder*, and of settings in it.

    Hidden directories, virtual environments and the directory *without* are left out. The digest is the
    SHA-256 of the list of files with theirs, as in :mod:`harness.core.domain.code_digest`.
    """
    listing = "".join(
        f"{_digest_of_file(Path(folder, name)).partition(':')[2]}  {name}\n"
        for name in sorted(_code_below(str(folder), without))
    )
    return f"dirHash:{hashlib.sha256(listing.encode('utf-8', 'surrogateescape')).hexdigest()}"


def _code_below(root: str, without: str | None) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        inner = os.path.relpath(folder, root)
        if folder != root and "pyvenv.cfg" in names:
            folders.clear()
            continue
        folders[:] = [
            name
            for name in folders
            if not name.startswith((".", "__pycache__")) and os.path.normpath(f"{inner}/{name}") != without
        ]
        settings = _SETTINGS if folder == root else ()
        yield from (
            os.path.normpath(f"{inner}/{name}").replace(os.sep, "/")
            for name in names
            if name.endswith(_CODE) or name in settings
        )


def _digest_of_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            digest = hashlib.sha256()
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError:
        return "none"
    return f"sha256:{digest.hexdigest()}"


def _shown(value: str | None) -> str:
    return "not set" if value is None else value[:_SHOWN] if ":" in value else value
