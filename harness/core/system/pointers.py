"""What git keeps in place of a file's content: pointers of Git LFS, and keys of git-annex.

Git LFS commits a small text with the content's SHA-256. Git-annex commits a link to ``.git/annex/objects``,
or a small text, with the content's key: for the backends SHA256 and SHA256E, its name has the SHA-256.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_BYTES = 1024
"""Size of a pointer, by the specification of Git LFS; a key of git-annex is shorter."""

_LFS_START = b"version https://git-lfs"
_ANNEX_TEXT = re.compile(rb"/annex/objects/([^/\n\0]+)(?:\n.*)?", re.DOTALL)
_ANNEX_LINK = re.compile(rb"(?:.*/)?\.git/annex/objects/((?!\.)[^/\0]+/)*((?!\.)[^/\n\0]+)", re.DOTALL)
_SHA256_KEY = re.compile(rb"SHA256E?(?:-[a-zA-Z]\d+)*--([0-9a-f]{64})(?:\.[^/]*)?")
_SIZE = re.compile(rb"-s(\d{1,19})(?=-)")


@dataclass(frozen=True, slots=True)
class Pointer:
    """Digest (``sha256:...``) and size in bytes of the content; None if not given."""

    digest: str | None
    size: int | None


def parse_pointer(text: bytes) -> Pointer | None:
    """Return the Git LFS pointer that a file's first bytes are, or None if they are something else."""
    if not text.startswith(_LFS_START):
        return None
    digest = re.search(rb"^oid (\w+:[0-9a-f]+)$", text, re.MULTILINE)
    size = re.search(rb"^size (\d{1,19})$", text, re.MULTILINE)
    return Pointer(digest[1].decode() if digest else None, int(size[1]) if size else None)


def parse_annex_pointer(text: bytes) -> Pointer | None:
    """Return what the text of an unlocked file of git-annex says of its content; None if it is no such text.

    Examples
    --------
    >>> parse_annex_pointer(b"/annex/objects/MD5E-s12--0123456789abcdef0123456789abcdef.npz")
    Pointer(digest=None, size=12)
    """
    found = _ANNEX_TEXT.fullmatch(text)
    return _of_key(found[1]) if found else None


def parse_annex_link(target: bytes) -> Pointer | None:
    """Return what a link of git-annex says of its content; None if *target* is another link's."""
    found = _ANNEX_LINK.fullmatch(target)
    return _of_key(found[2]) if found else None


def _of_key(key: bytes) -> Pointer:
    """Return what a key says, which is ``BACKEND[-sSIZE ...]--NAME``."""
    digest, size = _SHA256_KEY.fullmatch(key), _SIZE.search(key.partition(b"--")[0] + b"-")
    return Pointer(
        f"sha256:{digest[1].decode()}" if digest else None,
        int(size[1]) if size else None,
    )
