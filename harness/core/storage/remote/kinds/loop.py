"""fsspec's file systems and their event loop, as one thread waits for it."""

from __future__ import annotations

import asyncio
import concurrent.futures
from typing import TYPE_CHECKING, Any, TypeVar

from harness.core.errors import DependencyError, UsageError
from harness.core.storage.remote.kinds.access import BLOCK_BYTES
from harness.core.storage.remote.trouble import Cancelled, Trouble, scrubbed

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Coroutine

Result = TypeVar("Result")

_LOOK_SECONDS = 0.2
_LEAST_BYTES = 1 << 14
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


async def next_block(
    read: Callable[[int], Coroutine[Any, Any, bytes]], content: Any, seconds: float
) -> bytes:
    """Return the next bytes of an answer: about a block, or what comes in *seconds*; none at its end.

    Parameters
    ----------
    read : callable
        Returns up to so many bytes, once there are any.
    content : aiohttp.StreamReader
        That it reads from.
    seconds : float

    Raises
    ------
    Trouble
        If hardly anything comes: single bytes would keep a transfer going for ever.
    Exception
        What *read* raises, once all bytes that came before are returned.
    """
    loop, block = asyncio.get_running_loop(), bytearray()
    end = loop.time() + seconds
    while len(block) < BLOCK_BYTES and loop.time() < end:
        try:
            part = await asyncio.wait_for(read(BLOCK_BYTES - len(block)), seconds)
        except Exception:
            block += _before_the_end(content)
            if block:  # the next attempt goes on from there; the next call raises the error again
                return bytes(block)
            raise
        if not part:
            return bytes(block)
        block += part
    if len(block) < _LEAST_BYTES:
        raise Trouble(f"only {len(block)} bytes within {seconds:g} s")
    return bytes(block)


def _before_the_end(content: Any) -> bytes:
    """Return bytes that came before an answer ended early; aiohttp has them and raises the error instead."""
    try:
        return bytes(content._read_nowait(-1))  # noqa: SLF001 - it has no public way to them
    except Exception:  # noqa: BLE001 - without them, the next attempt begins a little earlier
        return b""


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
