"""Calling generators: by name with parameters as a user types them, and again as a manifest records them."""

from __future__ import annotations

import inspect
import typing
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec

from harness.core.domain.catalogue import load_reference
from harness.core.errors import SourceMissingError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.core.fixtures.fixture import Fixture
    from harness.core.fixtures.manifest import Manifest

SOURCE = "source"


def parameters_of(generator: Callable[..., Fixture]) -> dict[str, inspect.Parameter]:
    """Keyword parameters of a generator by name, with their annotations evaluated.

    Raises
    ------
    UsageError
        If an annotation names something that is not there at run time.
    """
    parameters = inspect.signature(generator).parameters
    written = {name: p.annotation for name, p in parameters.items() if p.annotation is not p.empty}
    known = getattr(inspect.unwrap(generator), "__globals__", {})
    try:  # what a generator returns is left out: the name may be there for type checkers alone
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
    """Whether a generator reads a source file, rather than simulating its data."""
    return SOURCE in inspect.signature(generator).parameters


def read_parameters(generator: Callable[..., Fixture], given: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as the generator's annotations have them, from text.

    Raises
    ------
    UsageError
        If a name is no parameter's, or a value is of another type.
    """
    known = parameters_of(generator)
    return {name: _convert(name, value, known) for name, value in given.items()}


def make_again(manifest: Manifest, source: Path | None = None) -> Fixture:
    """Run the generator that a manifest records, with its parameters.

    Parameters
    ----------
    manifest : Manifest
    source : Path, optional
        The source file, for a generator that reads one: a manifest knows its name and digest only.

    Raises
    ------
    SourceMissingError
        If a source is needed and not given.
    UsageError
        If the generator is not what it was: gone, or with other parameters.
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
            expected=f"its source, {manifest.source.name}, {manifest.source.digest}",
            found="no file of this name and digest",
            remedy='List its directory in pyproject.toml, [tool.harness] sources = ["PATH"], or run '
            f"`harness generate --source PATH/{manifest.source.name}`.",
        )
    return source


def _convert(name: str, value: Any, known: Mapping[str, inspect.Parameter]) -> Any:
    if name not in known:
        raise UsageError(
            f"parameter {name!r}",
            expected=f"one of {', '.join(known)}",
            found="no such parameter of this generator",
            remedy="See `harness generate --help`.",
        )
    hint = known[name].annotation
    given = None if value == "none" else value
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
