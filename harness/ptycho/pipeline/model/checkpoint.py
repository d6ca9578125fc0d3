"""State on its way between processes: tensors and plain values alone, read without running anything."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch

from harness.core.errors import StaleFormatError, UnreadableError

if TYPE_CHECKING:
    from pathlib import Path

FILE = "checkpoint.pt"
SCHEMA = 1


def write_checkpoint(path: Path, kind: str, state: dict[str, Any]) -> Path:
    """Write *state* of a pipeline of this *kind*; the file appears whole or not at all."""
    scratch = path.with_suffix(".part")
    try:
        torch.save({"schema": SCHEMA, "kind": kind, "state": state}, scratch)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
    return path


def read_checkpoint(path: Path, kind: str) -> dict[str, Any]:
    """Read what :func:`write_checkpoint` wrote.

    Raises
    ------
    UnreadableError
        The file is missing, truncated, holds more than tensors and plain values, or is of another kind.
    StaleFormatError
        It was written by a newer harness.
    """
    content = _loaded(path, kind)
    found = content.get("schema"), content.get("kind")
    if isinstance(found[0], int) and found[0] > SCHEMA:
        raise StaleFormatError(
            str(path),
            expected=f"schema {SCHEMA}",
            found=f"schema {found[0]}",
            remedy="Update golden-harness.",
        )
    if found != (SCHEMA, kind) or not isinstance(content.get("state"), dict):
        raise refused(path, kind, f"schema {found[0]!r} of kind {found[1]!r}")
    state: dict[str, Any] = content["state"]
    return state


def refused(path: Path, kind: str, found: str) -> UnreadableError:
    """Build the refusal of a checkpoint that is not what a pipeline of this *kind* wrote."""
    return UnreadableError(
        str(path),
        expected=f"a whole checkpoint of the {kind} pipeline",
        found=found,
        remedy=f"Run the pipeline again: `harness reconstruct --pipeline {kind}`.",
    )


def _loaded(path: Path, kind: str) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a foreign file, which is refused below
            content = torch.load(path, weights_only=True)
    except FileNotFoundError:
        raise refused(path, kind, "no such file") from None
    except Exception as error:  # noqa: BLE001 - damaged bytes make the reader raise nearly anything
        raise refused(path, kind, f"{type(error).__name__}: {_first_line(error)}") from None
    return content if isinstance(content, dict) else {}


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]
