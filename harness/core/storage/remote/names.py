"""The name of an object in a store, from its digest and back: ``sha256/<2 hex digits>/<the other 62>``."""

from __future__ import annotations

import re

from harness.core.errors import UsageError

FOLDER = "sha256"
"""The only folder that a store has."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NAME = re.compile(rf"{FOLDER}/([0-9a-f]{{2}})/([0-9a-f]{{62}})")


def object_name(sha256: str) -> str:
    """Return the path of an object below the store, with / between its parts.

    Raises
    ------
    UsageError
        If *sha256* is not ``sha256:`` and 64 hex digits.

    Examples
    --------
    >>> object_name("sha256:" + "ab" * 32)[:16]
    'sha256/ab/ababab'
    """
    if not _DIGEST.fullmatch(sha256):
        raise UsageError(
            "the digest of an object",
            expected="sha256: and 64 hex digits",
            found=repr(sha256),
            remedy="Restore the registry with git.",
        )
    digits = sha256.partition(":")[2]
    return f"{FOLDER}/{digits[:2]}/{digits[2:]}"


def digest_named(name: str) -> str | None:
    """Return the digest of the object that a path below the store names; None if it is not an object's.

    >>> digest_named("sha256/ab/../../etc/passwd") is None
    True
    """
    match = _NAME.fullmatch(name)
    return f"sha256:{match[1]}{match[2]}" if match else None
