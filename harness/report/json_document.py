"""The one form of all JSON that the command line prints: docs/formats.md describes it, verb by verb."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from harness.core.errors import HarnessError, error_to_parts
from harness.core.storage.documents import plain_json
from harness.report import plain_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCHEMA = 1
"""Version of the documents. It rises when a key is renamed or removed, or changes its meaning."""


def json_document(verb: str, result: Mapping[str, Any]) -> str:
    """Return the document of a verb that has ended: ``schema``, ``verb``, and the keys of its *result*.

    >>> print(json_document("verify", {"verdicts": []}))
    {
      "schema": 1,
      "verb": "verify",
      "verdicts": []
    }
    """
    return plain_lines.plain_json(plain_json({"schema": SCHEMA, "verb": verb, **result}))


def error_document(words: Sequence[str], error: BaseException, message: str, code: int) -> str:
    """Return the document of a verb that could not end: instead of a result it has the key ``error``.

    Parameters
    ----------
    words : sequence of str
        The command line; its first word is the verb.
    error : BaseException
    message : str
        What standard error shows.
    code : int
        The exit code.
    """
    verb = next((word for word in words if not word.startswith("-")), None)
    parts = error_parts(error, message, code)
    return plain_lines.plain_json(plain_json({"schema": SCHEMA, "verb": verb, "error": parts}))


def error_parts(error: BaseException, message: str, code: int) -> dict[str, Any]:
    """Return the value of the key ``error``: its class, its text, the exit code, and what else is known.

    >>> error_parts(KeyError("lens"), "lens", 2)
    {'kind': 'KeyError', 'text': 'lens', 'exit_code': 2}
    """
    parts: dict[str, Any] = {"kind": type(error).__name__, "text": message, "exit_code": code}
    if isinstance(error, HarnessError):
        known = error_to_parts(error)
        parts |= {key: known[key] for key in ("thing", "expected", "found", "remedy")}
    return parts


def asks_for_json(words: Sequence[str]) -> bool:
    """Whether a command line asks for JSON.

    >>> asks_for_json(["verify", "--json"]), asks_for_json(["add", "--", "--json"])
    (True, False)
    """
    options = list(words)[: list(words).index("--")] if "--" in words else list(words)
    return bool({"--json", "--format=json"} & set(options)) or ("--format", "json") in pairwise(options)
