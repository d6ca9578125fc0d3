"""Read ``golden_*`` and ``pythonpath`` in a project's pytest configuration, for all entry points alike.

They are where pytest looks for its own: in the nearest directory with a configuration, in pytest.toml,
pytest.ini, pyproject.toml, tox.ini or setup.cfg, in this order.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.core.errors import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# As pytest has them, in its order of precedence: https://docs.pytest.org/en/stable/reference/customize.html
_NAMES = (
    "pytest.toml",
    ".pytest.toml",
    "pytest.ini",
    ".pytest.ini",
    "pyproject.toml",
    "tox.ini",
    "setup.cfg",
)
_OWN = frozenset({"pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini"})  # pytest's, even if empty
_PREFIX = "golden_"
_TRUE = frozenset({"y", "yes", "t", "true", "on", "1"})  # as pytest has them
RECORD = "pytest --force-regen"
_WANTED = (_PREFIX, "pythonpath")


class PytestSettings(NamedTuple):
    """The file that configures pytest, if there is one, and its keys ``golden_*`` and ``pythonpath``.

    Values are as in the file: text, or TOML's own types.
    """

    file: Path | None
    values: Mapping[str, Any]


def find_pytest_settings(folder: Path, key: str = _PREFIX) -> PytestSettings:
    """Return the settings that apply in *folder*: those of the nearest configuration there or above.

    Parameters
    ----------
    folder : Path
        Absolute.
    key : str
        The key that is wanted, or a common prefix. If no file contains this text, none is decoded.

    Raises
    ------
    UnreadableError
        If a file that may have the key is damaged.
    """
    texts = {path: text for path in _candidates(folder) if (text := _read(path)) is not None}
    if not any(key.encode() in text for text in texts.values()):
        return PytestSettings(None, {})
    for path, text in texts.items():
        values = _decode(path, text)
        if values is not None:
            return PytestSettings(path, values)
    return PytestSettings(None, {})


def read_pytest_settings(path: Path) -> PytestSettings:
    """Return the settings in a file that pytest was started with.

    Raises
    ------
    UnreadableError
        If it is damaged.
    """
    text = _read(path)
    has_keys = text is not None and _PREFIX.encode() in text
    return PytestSettings(path, (_decode(path, text) if text is not None and has_keys else None) or {})


def with_required_reason(text: str, folder: Path) -> str:
    """Return advice as it has to be typed in *folder*: with ``--golden-reason`` where one is required."""
    if RECORD not in text:
        return text
    try:
        values = find_pytest_settings(folder).values
    except UnreadableError:  # which is not what the advice is about
        return text
    needed = is_true(values.get("golden_require_reason", False)) and not values.get("golden_reason")
    return with_reason(text) if needed else text


def with_reason(text: str) -> str:
    """Return advice with a reason in each command that records golden files.

    >>> with_reason("Record it with `pytest --force-regen`.")
    'Record it with `pytest --force-regen --golden-reason "..."`.'
    """
    return text.replace(f"{RECORD}`", f'{RECORD} --golden-reason "..."`')


def wants_compression(folder: Path) -> bool:
    """Whether new archives of the project in *folder* are compressed: ``golden_compress = true``.

    Raises
    ------
    UnreadableError
        If pytest's configuration cannot be read.
    """
    return is_true(find_pytest_settings(folder, "golden_compress").values.get("golden_compress", False))


def is_true(value: object) -> bool:
    """Whether pytest reads a value as true."""
    return str(value).strip().lower() in _TRUE


def _candidates(folder: Path) -> list[Path]:
    return [above / name for above in (folder, *folder.parents) for name in _NAMES]


def _read(path: Path) -> bytes | None:
    """Return a regular file's bytes; None if there is none that can be read, as for pytest."""
    if not os.path.isfile(path):  # noqa: PTH113 - many paths are tried, and pathlib takes three times as long
        return None
    try:
        return path.read_bytes()
    except OSError:
        return None


def _decode(path: Path, text: bytes) -> dict[str, Any] | None:
    """Return the wanted keys of a configuration; None if it does not configure pytest."""
    table = _toml_table(path, text) if path.suffix == ".toml" else _ini_table(path, text)
    if table is None:
        return {} if path.name in _OWN else None
    return {key: value for key, value in table.items() if key.startswith(_WANTED)}


def _ini_table(path: Path, text: bytes) -> Mapping[str, Any] | None:
    import iniconfig

    section = "tool:pytest" if path.suffix == ".cfg" else "pytest"
    try:
        found = iniconfig.IniConfig(str(path), data=text.decode("utf-8"))
    except (iniconfig.ParseError, UnicodeDecodeError) as error:
        raise _damaged(path, "INI", error) from error
    return dict(found[section].items()) if section in found else None


def _toml_table(path: Path, text: bytes) -> Mapping[str, Any] | None:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        document = tomllib.loads(text.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _damaged(path, "TOML", error) from error
    named = _table(document.get("tool"), "pytest") or {}
    own = {key: value for key, value in named.items() if key != "ini_options"}
    if path.name != "pyproject.toml":
        own = own or dict(_table(document, "pytest") or {})
    return own or _table(named, "ini_options")


def _table(document: Any, key: str) -> Mapping[str, Any] | None:
    found = document.get(key) if isinstance(document, dict) else None
    return found if isinstance(found, dict) else None


def _damaged(path: Path, language: str, error: Exception) -> UnreadableError:
    return UnreadableError(
        str(path),
        expected=f"pytest's configuration in {language}",
        found=str(error),
        remedy="Correct the file.",
    )
