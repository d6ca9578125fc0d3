"""Checkpoints between processes: tensors and plain values, and reading one never runs code from the file."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch

from harness.core.errors import StaleFormatError, UnreadableError
from harness.core.storage.atomic import replacing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCHEMA = 1


def write_checkpoint(path: Path, kind: str, state: dict[str, Any]) -> Path:
    """Write the *state* of a pipeline of this *kind*, and return *path*.

    An interrupted write leaves *path* as it was.
    """
    with replacing(path) as draft:
        torch.save({"schema": SCHEMA, "kind": kind, "state": state}, draft)
    return path


def read_checkpoint(path: Path, kind: str) -> dict[str, Any]:
    """Return the state that :func:`write_checkpoint` wrote.

    Raises
    ------
    UnreadableError
        The file is missing, truncated, of another kind, or holds more than tensors and plain values.
    StaleFormatError
        The file was written by a newer version.
    """
    content = _load(path, kind)
    schema, found_kind = content.get("schema"), content.get("kind")
    if isinstance(schema, int) and schema > SCHEMA:
        raise StaleFormatError(
            str(path),
            expected=f"schema {SCHEMA}",
            found=f"schema {schema}",
            remedy="Update golden-harness.",
        )
    if (schema, found_kind) != (SCHEMA, kind) or not isinstance(content.get("state"), dict):
        raise checkpoint_error(path, kind, f"schema {schema!r} of kind {found_kind!r}")
    state: dict[str, Any] = content["state"]
    return state


def restore_checkpoint(path: Path, kind: str, restore: Callable[[dict[str, Any]], None]) -> None:
    """Call *restore* with the state that :func:`write_checkpoint` wrote.

    Raises
    ------
    UnreadableError
        As :func:`read_checkpoint`; or *restore* cannot use the state, which is of another experiment.
    """
    try:
        restore(read_checkpoint(path, kind))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise checkpoint_error(path, kind, f"{type(error).__name__}: {error}") from None


def checkpoint_error(path: Path, kind: str, found: str) -> UnreadableError:
    """Return the error for a file that is not a checkpoint of a pipeline of this *kind*."""
    return UnreadableError(
        str(path),
        expected=f"a complete checkpoint of the {kind} pipeline",
        found=found,
        remedy=f"Run the pipeline again: `harness reconstruct --pipeline {kind}`.",
    )


def _load(path: Path, kind: str) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns about foreign files, which are refused below
            content = torch.load(path, weights_only=True)
    except FileNotFoundError:
        raise checkpoint_error(path, kind, "no such file") from None
    except Exception as error:  # noqa: BLE001 - on damaged bytes, torch raises nearly anything
        raise checkpoint_error(path, kind, f"{type(error).__name__}: {_first_line(error)}") from None
    return content if isinstance(content, dict) else {}


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]
