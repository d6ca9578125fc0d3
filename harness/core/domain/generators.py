"""Calling generators: with parameters as a user types them, and with those that a manifest records."""

from __future__ import annotations

import inspect
import typing
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec

from harness.core.domain.references import load_reference
from harness.core.errors import SourceMissingError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.core.fixtures.fixture import Fixture
    from harness.core.fixtures.manifest import Manifest

SOURCE = "source"
"""Name of the parameter that takes a source file."""


def parameters_of(generator: Callable[..., Fixture]) -> dict[str, inspect.Parameter]:
    """Return a generator's parameters by name, with their annotations evaluated.

    Raises
    ------
    UsageError
        If an annotation cannot be evaluated at run time.
    """
    parameters = inspect.signature(generator).parameters
    written = {name: p.annotation for name, p in parameters.items() if p.annotation is not p.empty}
    known = getattr(inspect.unwrap(generator), "__globals__", {})
    # The return annotation is left out: it may name something that is imported for type checkers only.
    try:
        hints = typing.get_type_hints(SimpleNamespace(__annotations__=written), known)
    except NameError as error:
        raise UsageError(
            f"generator {generator.__module__}:{generator.__qualname__}",
            expected="parameters whose annotations can be evaluated",
            found=str(error),
            remedy="Import the name at run time, not under TYPE_CHECKING.",
        ) from error
    return {name: p.replace(annotation=hints.get(name, Any)) for name, p in parameters.items()}


def needs_source(generator: Callable[..., Fixture]) -> bool:
    """Whether a generator reads a source file; one that does not simulates its data."""
    return SOURCE in inspect.signature(generator).parameters


def is_simulated(manifest: Manifest) -> bool:
    """Whether a manifest's generator can run again without a source file.

    Raises
    ------
    UsageError, DependencyError
        If the generator cannot be imported.
    """
    return not needs_source(load_reference(manifest.generator.call))


def read_parameters(generator: Callable[..., Fixture], given: Mapping[str, Any]) -> dict[str, Any]:
    """Convert parameters from text to the types in the generator's annotations; ``none`` is None.

    Raises
    ------
    UsageError
        If the generator has no parameter of a given name, or a value has the wrong type.
    """
    known = parameters_of(generator)
    return {name: _convert(name, value, known) for name, value in given.items()}


def rerun(manifest: Manifest, source: Path | None = None) -> Fixture:
    """Run the generator that a manifest records, with its parameters, in this process.

    Parameters
    ----------
    manifest : Manifest
    source : Path, optional
        The source file, for a generator that reads one. A manifest has only its name and digest.

    Raises
    ------
    SourceMissingError
        If a source is needed and not given.
    UsageError
        If the generator no longer exists, or its parameters have changed.
    """
    generator = load_reference(manifest.generator.call)
    given = dict(manifest.generator.parameters)
    if needs_source(generator):
        given[SOURCE] = _require_source(manifest, source)
    fixture: Fixture = generator(**read_parameters(generator, given))
    return fixture


def _require_source(manifest: Manifest, source: Path | None) -> Path:
    if source is None:
        raise SourceMissingError(
            f"fixture {manifest.name!r}",
            expected=f"its source file {manifest.source.name} with digest {manifest.source.digest}",
            found="no file with this name and digest",
            message=f"the source of fixture {manifest.name!r} was not found: no file is named "
            f"{manifest.source.name} and has the digest {manifest.source.digest}",
            remedy='List its directory in pyproject.toml, [tool.harness] sources = ["PATH"], or run '
            f"`harness generate --source PATH/{manifest.source.name}`.",
        )
    return source


def _convert(name: str, value: Any, known: Mapping[str, inspect.Parameter]) -> Any:
    if name not in known:
        raise UsageError(
            f"parameter {name!r}",
            expected=f"one of {', '.join(known)}",
            found="no such parameter",
            message=f"the generator has no parameter {name!r}; it has {', '.join(known) or 'none'}",
            remedy="See `harness generate --help`.",
        )
    hint = known[name].annotation
    given = None if value == "none" else value  # as a user types None on the command line
    try:
        return msgspec.convert(given, hint, strict=False, dec_hook=_as_path)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"parameter {name!r}",
            expected=str(getattr(hint, "__name__", hint)),
            found=f"{value!r} ({error})",
            remedy="Correct the value.",
        ) from error


def _as_path(hint: type, value: Any) -> Any:
    return Path(value) if isinstance(hint, type) and issubclass(hint, Path) else value
