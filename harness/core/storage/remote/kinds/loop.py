"""fsspec's file systems and their event loop, as one thread waits for it."""

from __future__ import annotations

import asyncio
import concurrent.futures
from typing import TYPE_CHECKING, Any, TypeVar

from harness.core.errors import DependencyError, UsageError
from harness.core.storage.remote.trouble import Cancelled, scrubbed

if TYPE_CHECKING:
    import threading
    from collections.abc import Coroutine

Result = TypeVar("Result")

_LOOK_SECONDS = 0.2
_EXTRAS = {"s3": "s3", "s3a": "s3"}


def file_system(protocol: str, **options: Any) -> Any:
    """Return fsspec's file system of a protocol, made from fsspec's own settings and *options*.

    Raises
    ------
    DependencyError
        If fsspec is not installed, or the package that it needs for the protocol.
    UsageError
        If fsspec does not know the protocol, or refuses its settings.
    """
    known = file_system_class(protocol)
    try:
        return known(**options, skip_instance_cache=True)
    except ImportError as error:
        raise _absent(protocol, scrubbed(error)) from None
    except (TypeError, ValueError, KeyError, OSError) as error:
        raise UsageError(
            f"a store of {protocol}://",
            expected="settings of fsspec that its file system accepts",
            found=scrubbed(error),
            remedy="Correct them: ~/.config/fsspec, or variables FSSPEC_...",
        ) from None


def file_system_class(protocol: str) -> Any:
    """Return fsspec's class for a protocol. Raises as :func:`file_system`."""
    try:
        import fsspec
    except ImportError:
        raise _absent(protocol, "fsspec is not installed") from None
    try:
        return fsspec.get_filesystem_class(protocol)
    except ImportError as error:
        raise _absent(protocol, scrubbed(error)) from None
    except ValueError:
        raise UsageError(
            f"a store of {protocol}://",
            expected="a protocol of fsspec, such as s3, gs, az, https, ssh or file",
            found=repr(protocol),
            remedy="Correct `store` in [tool.harness] of pyproject.toml.",
        ) from None


def own_settings(protocol: str, key: str) -> dict[str, Any]:
    """Return a table of fsspec's settings for a protocol, to be merged with ours."""
    import fsspec.config

    settings = fsspec.config.conf.get(protocol, {}).get(key, {})
    return dict(settings) if isinstance(settings, dict) else {}


def _absent(protocol: str, found: str) -> DependencyError:
    extra = _EXTRAS.get(protocol, "stores")
    return DependencyError(
        f"a store of {protocol}://",
        expected=f"the packages that fsspec needs for {protocol}://",
        found=found,
        message=f"a store of {protocol}:// needs packages that are not installed ({found})",
        remedy=f"Install them: `pip install 'golden-harness[{extra}]'`"
        + (
            ", and the package that is named above."
            if extra == "stores" and "fsspec is" not in found
            else "."
        ),
    )


def wait_for(loop: Any, work: Coroutine[Any, Any, Result], stopped: threading.Event) -> Result:
    """Return the result of a coroutine that runs in fsspec's loop, another thread.

    Raises
    ------
    Cancelled
        If the transfer is stopped in the meantime.
    """
    future = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        while not concurrent.futures.wait([future], _LOOK_SECONDS).done:
            if stopped.is_set():
                raise Cancelled
        return future.result()
    finally:
        future.cancel()
