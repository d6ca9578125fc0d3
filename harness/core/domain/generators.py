"""Running the generators that manifests record, in this process."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from harness.core.domain.import_path import importing
from harness.core.domain.parameters import is_path, parameters_of, read_recorded
from harness.core.domain.recorded_calls import call_with, load_recorded
from harness.core.errors import RemakeError, SourceMissingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from harness.core.fixtures.fixture import Fixture
    from harness.core.fixtures.manifest import Generator, Manifest

SOURCE = "source"
"""Name of the parameter that takes a source file. It may also be the name of an ordinary parameter."""

SIMULATED = "simulated"
"""Name of the source of a fixture that is not made from a file."""


_ALGORITHMS = ("xxh128", "sha256")


def reads_source(generator: Callable[..., Fixture]) -> bool:
    """Whether a generator reads a source file: its parameter ``source`` is a path, or has no annotation."""
    source = parameters_of(generator).get(SOURCE)
    return source is not None and (source.annotation is Any or is_path(source.annotation))


def is_simulated(manifest: Manifest, root: Path) -> bool:
    """Whether a manifest's generator can run again without a source file.

    Raises
    ------
    NotImportableError, DependencyError
        As :func:`harness.core.domain.recorded_calls.load_recorded`.
    """
    with importing(root, _path(manifest.generator)):
        return not _needs_file(load_recorded(manifest.generator, root), manifest)


def rerun(manifest: Manifest, root: Path, source: Path | None = None) -> Fixture:
    """Run the generator that a manifest records, with its parameters, in this process.

    Parameters
    ----------
    manifest : Manifest
    root : Path
        The project's root.
    source : Path, optional
        The source file, for a generator that reads one. A manifest has only its name and digest.

    Raises
    ------
    NotImportableError, DependencyError
        If the generator cannot be imported, or must not be.
    SourceMissingError
        If a source is needed and not given.
    RemakeError
        If the manifest does not record a parameter that has no default.
    UsageError
        If the generator's parameters have changed.
    """
    with importing(root, _path(manifest.generator)):
        generator = load_recorded(manifest.generator, root)
        return call_with(generator, _arguments(generator, manifest, source))


def recorded_generator(manifest: Manifest, root: Path) -> Callable[..., Fixture]:
    """Return the generator that a manifest records, without calling it. Raises as :func:`is_simulated`."""
    with importing(root, _path(manifest.generator)):
        return load_recorded(manifest.generator, root)


def _path(generator: Generator) -> str | None:
    return generator.path if isinstance(generator.path, str) else None


def _arguments(generator: Callable[..., Fixture], manifest: Manifest, source: Path | None) -> dict[str, Any]:
    """The recorded parameters in their own types, and the source file if the generator reads one."""
    recorded = dict(manifest.generator.parameters)
    file: dict[str, Any] = {}
    if _needs_file(generator, manifest):
        recorded.pop(SOURCE, None)
        file = read_recorded(generator, {SOURCE: str(_require_source(manifest, source))})
    _require_recorded(generator, manifest, {*recorded, *file})
    return read_recorded(generator, recorded) | file


def _needs_file(generator: Callable[..., Fixture], manifest: Manifest) -> bool:
    """Whether ``source`` is a file here: the manifest is of a file, and the parameter can be its path.

    A parameter that is a text is the path only if the manifest records nothing else for it.
    """
    parameter = parameters_of(generator).get(SOURCE)
    if parameter is None:
        return False
    recorded, simulated = manifest.generator.parameters, manifest.source.name == SIMULATED
    if recorded.get(SOURCE, "") is None:
        return False
    if reads_source(generator):
        return not simulated or (SOURCE not in recorded and parameter.default is parameter.empty)
    return not simulated and recorded.get(SOURCE, manifest.source.name) == manifest.source.name


def _require_recorded(
    generator: Callable[..., Fixture], manifest: Manifest, given: Mapping[str, Any] | set[str]
) -> None:
    """Raise :class:`RemakeError` unless all parameters without a default are given."""
    missing = [
        name
        for name, p in parameters_of(generator).items()
        if p.default is inspect.Parameter.empty and name not in given
    ]
    if missing:
        names = ", ".join(missing)
        raise RemakeError(
            f"fixture {manifest.name!r}",
            expected=f"the parameters of {manifest.generator.call} in its manifest",
            found=f"not recorded: {names}",
            message=f"the manifest of fixture {manifest.name!r} does not record the parameter {names} of "
            f"{manifest.generator.call}",
            remedy="Add it to the parameters of the Generator that the fixture is made with.",
        )


def _require_source(manifest: Manifest, source: Path | None) -> Path:
    if source is None:
        algorithm = manifest.source.digest.partition(":")[0]
        unknown = "" if algorithm in _ALGORITHMS else f" ({algorithm!r} is not xxh128 or sha256)"
        raise SourceMissingError(
            f"fixture {manifest.name!r}",
            expected=f"its source file {manifest.source.name} with digest {manifest.source.digest}",
            found="no file with this name and digest",
            message=f"the source of fixture {manifest.name!r} was not found: no file is named "
            f"{manifest.source.name} and has the digest {manifest.source.digest}{unknown}",
            remedy='List its directory in pyproject.toml, [tool.harness] sources = ["PATH"], or run '
            f"`harness generate --source PATH/{manifest.source.name}`.",
        )
    return source
