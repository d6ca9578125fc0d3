"""``store`` and ``store_timeout`` in ``[tool.harness]`` of pyproject.toml: which store a project has.

::

    [tool.harness]
    store = "s3://bucket/prefix"
    store_timeout = 30

Any file system of fsspec. Directories and ``file://`` need nothing, http and https the extra ``stores`` (and
are only read), s3 the extra ``s3``. Others need what fsspec asks for, beside the extra ``stores``: gs needs
gcsfs, az and abfs need adlfs, ssh and sftp need paramiko. Credentials, endpoints and profiles are those of
fsspec and of these packages: ``FSSPEC_...`` variables, files in ``~/.config/fsspec``, ``AWS_...`` and so on.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from harness.core.errors import UsageError
from harness.core.storage.remote.retry import Patience
from harness.core.storage.remote.store import Store
from harness.core.storage.remote.trouble import shown_address

if TYPE_CHECKING:
    from harness.core.storage.project import Project
    from harness.core.storage.remote.kinds.access import Access

KEY, TIMEOUT_KEY = "store", "store_timeout"
_PYPROJECT = "pyproject.toml"
_MOST_SECONDS = 3600.0
_LOCAL = frozenset({"", "file", "local"})
_USERS = frozenset({"ssh", "sftp", "smb", "ftp", "hdfs", "webhdfs", "abfs", "abfss"})
"""Where the part before @ is a user or a container, which is not secret."""
_REMEDY = "Give the URL alone; credentials are fsspec's own: its settings, or variables such as AWS_PROFILE."


def find_store(project: Project, *, timeout: float | None = None) -> Store | None:
    """Return the store that a project's pyproject.toml names; None if it names none.

    Nothing is asked of the store yet.

    Parameters
    ----------
    project : Project
    timeout : float, optional
        Seconds to wait for a connection, for an answer, and for each part of it, in place of
        ``store_timeout`` (30 if it is not given).

    Raises
    ------
    UsageError
        If pyproject.toml is not valid, or the value is not a URL or path, or it has credentials in it.
    DependencyError
        If a package that the store needs is not installed.
    """
    table = _harness_table(project.root / _PYPROJECT)
    if not table.get(KEY) and KEY not in table:
        return None
    seconds = timeout if timeout is not None else _seconds(table.get(TIMEOUT_KEY, Patience().timeout))
    return open_store(require_store_url(table[KEY]), project.root, Patience(timeout=seconds))


def open_store(url: str, root: Path, patience: Patience) -> Store:
    """Return the store at a URL or path; relative paths begin at *root*.

    Raises
    ------
    UsageError, DependencyError
        As :func:`find_store`.
    """
    url, stopped = require_store_url(url), threading.Event()
    return Store(url, _access(url, root, patience, stopped), patience, stopped)


def _access(url: str, root: Path, patience: Patience, stopped: threading.Event) -> Access:
    scheme = _scheme(url)
    if scheme in _LOCAL:
        from harness.core.storage.remote.kinds.folder import Folder

        path = unquote(urlsplit(url).path) if scheme and "://" in url else url.partition(":")[2] or url
        return Folder(root / Path(path).expanduser())
    if scheme in {"http", "https"}:
        from harness.core.storage.remote.kinds.web import Web

        return Web(url, patience, stopped)
    if scheme in {"s3", "s3a"}:
        from harness.core.storage.remote.kinds.bucket import Bucket

        return Bucket(url, patience, stopped)
    from harness.core.storage.remote.kinds.other import FileSystem

    return FileSystem(url)


def require_store_url(value: object) -> str:
    """Return the value of ``store``. Raise unless it is the URL or path of a store, without credentials.

    Raises
    ------
    UsageError
        The message does not show the value.

    Examples
    --------
    >>> require_store_url("s3://bucket/prefix/")
    's3://bucket/prefix'
    """
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise _wrong(
            "the URL or path of a store", "no text" if not isinstance(value, str) else "no URL or path"
        )
    url = value.strip()
    if "::" in url:
        raise _wrong("the URL of one file system", "several, joined by ::")
    scheme = _scheme(url)
    if scheme in _LOCAL:
        return url.rstrip("/") or "/"
    if not url.startswith(f"{scheme}://"):
        raise _wrong("the URL or path of a store", "a scheme without ://")
    _require_no_credentials(url, scheme)
    return url.rstrip("/")


def _require_no_credentials(url: str, scheme: str) -> None:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _wrong("the URL of a store", "one that cannot be read") from None
    user, at, _ = parts.netloc.rpartition("@")
    if at and (":" in user or scheme not in _USERS):
        raise _wrong("a URL without credentials", f"a user or password in that of {shown_address(url)}")
    if "?" in url or "#" in url:
        raise _wrong("a URL without a query", f"one after {shown_address(url)}")
    if not parts.netloc:
        raise _wrong("the URL of a store", f"{scheme}:// without a name after it")


def _scheme(url: str) -> str:
    """Return the scheme of a URL, or nothing for a path; one letter is a drive of Windows."""
    scheme, colon, _ = url.partition(":")
    plain = scheme.replace("+", "").replace("-", "").replace(".", "")
    return scheme.lower() if colon and len(scheme) > 1 and plain.isalnum() else ""


def _seconds(value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= _MOST_SECONDS:
        return float(value)
    raise _wrong(f"seconds, more than 0 and at most {_MOST_SECONDS:g}", repr(value), TIMEOUT_KEY)


def _wrong(expected: str, found: str, key: str = KEY) -> UsageError:
    remedy = _REMEDY if key == KEY else "Correct the entry."
    return UsageError(f"{_PYPROJECT}: [tool.harness] {key}", expected=expected, found=found, remedy=remedy)


def _harness_table(path: Path) -> dict[str, Any]:
    """Return ``[tool.harness]``, empty if there is none. What else it may have is checked elsewhere."""
    try:
        text = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise UsageError(
            str(path),
            expected="a TOML document",
            found=error.strerror or str(error),
            remedy="Correct the file.",
        ) from error
    if KEY.encode() not in text:
        return {}
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        table: Any = tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise UsageError(
            str(path), expected="a TOML document", found=str(error), remedy="Correct the file."
        ) from error
    for key in ("tool", "harness"):
        table = table.get(key, {}) if isinstance(table, dict) else {}
    return table if isinstance(table, dict) else {}
