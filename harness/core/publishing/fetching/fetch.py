"""A publication by its DOI, address or path -> its golden files, compared with all their digests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import RefusedError, UsageError
from harness.core.publishing.fetching.download import download
from harness.core.publishing.fetching.origin import parse_origin
from harness.core.publishing.fetching.published import read_published
from harness.core.publishing.layout import DIGEST, SUMS
from harness.core.storage.atomic import make_directory
from harness.core.storage.digest import sha256_file

if TYPE_CHECKING:
    from harness.core.publishing.fetching.published import Published

_HEXADECIMAL = re.compile("(?:sha256:)?([0-9a-fA-F]{64})")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A publication, where it comes from as the records say it, and its source as messages show it."""

    published: Published
    origin: str
    shown: str


def fetched(source: str, folder: Path, *, digest: str | None = None, timeout: float = 30.0) -> Fetched:
    """Return the golden files of a publication.

    Parameters
    ----------
    source : str
        A DOI, an address of http or https, or the path of a directory or .zip archive.
    folder : Path
        An empty directory for what is downloaded and unpacked.
    digest : str, optional
        SHA-256 that the archive must have; of a directory, that of its list of sums.
    timeout : float, optional
        Seconds to wait for an answer.

    Raises
    ------
    UsageError
        If *source* or *digest* is not valid.
    UnreadableError, RefusedError, DependencyError
        As :func:`~harness.core.publishing.fetching.download.download` and
        :func:`~harness.core.publishing.fetching.published.read_published`; also if the archive has another
        digest.
    """
    wanted = _digest(digest) if digest is not None else ""
    origin = parse_origin(source)
    shown = str(origin) if isinstance(origin, Path) else origin.shown
    path = origin if isinstance(origin, Path) else download(origin, folder, timeout=timeout)
    found = sha256_file(path / SUMS if path.is_dir() else path) if not _lacks_sums(path) else ""
    if wanted and found != wanted:
        raise RefusedError(
            shown,
            expected=wanted,
            found=found or f"no {SUMS}",
            remedy="Nothing was changed. Get it again from where it was published.",
        )
    place = folder / "files"
    make_directory(place)
    published = read_published(path, place, shown=shown)
    return Fetched(published, _origin(origin, found), shown)


def _lacks_sums(path: Path) -> bool:
    return path.is_dir() and not (path / SUMS).is_file()


def _origin(origin: object, digest: str) -> str:
    """Return where a publication comes from; a path is of one machine and says nothing elsewhere."""
    if isinstance(origin, Path):
        return f"{'a directory with ' + SUMS if origin.is_dir() else 'an archive'} {digest}"
    return f"{getattr(origin, 'shown', '')}, {digest}"


def _digest(given: str) -> str:
    match = _HEXADECIMAL.fullmatch(given)
    if match is None:
        raise UsageError(
            "--sha256",
            expected="sha256: and 64 hexadecimal digits",
            found=repr(given),
            remedy="Copy what `harness publish` printed.",
        )
    return f"{DIGEST}{match[1].lower()}"
