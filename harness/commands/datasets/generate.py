"""``harness generate``: call a generator by name and write its fixture."""

from __future__ import annotations

import enum
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from harness.commands.group import verb
from harness.commands.options import code_root, emit, json_option, output_to_error
from harness.core.domain.catalogue import Catalogue, find_catalogue
from harness.core.domain.generators import SOURCE, reads_source
from harness.core.domain.parameters import NONE, parameters_of, read_typed
from harness.core.domain.recorded_calls import call_with
from harness.core.errors import DependencyError, HarnessError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from inspect import Parameter

    from harness.core.fixtures.fixture import Fixture

_OWN = {"generator", "output", "json", "as_json", "help", "quiet", "verbose", SOURCE}
_PREFIX = "parameter_"  # of a parameter whose option would be one of the command's own


class GenerateCommand(click.Command):
    """A command that also has the parameters of all generators as options."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's own options, then one for each parameter of a generator; --help comes last."""
        own = super().get_params(ctx)
        with output_to_error():  # standard output may be for JSON, whatever the project's modules print
            options = _parameter_options(find_catalogue(code_root(None)))
        return [*own[:-1], *options, own[-1]]


def _parameter_options(catalogue: Catalogue) -> list[click.Option]:
    """Return one option per parameter name; generators with a parameter of the same name share it.

    A generator that cannot be imported has no options; naming it says why.
    """
    users: dict[str, list[str]] = {}
    seen: dict[str, Parameter] = {}
    for generator, make in sorted(_load_all(catalogue).made.items()):
        for name, parameter in parameters_of(make).items():
            users.setdefault(name, []).append(generator)
            seen[name] = parameter
    return [_option(name, seen[name], users[name]) for name in seen if name != SOURCE]


class _Loaded(NamedTuple):
    """The generators that could be imported, and why the others could not, by name."""

    made: dict[str, Callable[..., Fixture]]
    broken: dict[str, BaseException]

    def lines(self) -> list[str]:
        """Return a line for each generator that is broken; one that lacks a package only waits for it."""
        return [
            f"generator {name!r} was left out: "
            + (str(error) if isinstance(error, HarnessError) else _raised(error))
            for name, error in self.broken.items()
            if not isinstance(error, DependencyError)
        ]


def _load_all(catalogue: Catalogue) -> _Loaded:
    """Import every generator; a module that is broken must not keep anybody from the others."""
    loaded = _Loaded({}, {})
    for name in catalogue.generators:
        _load(catalogue, name, loaded)
    return loaded


def _load(catalogue: Catalogue, name: str, loaded: _Loaded) -> None:
    try:
        loaded.made[name] = catalogue.load("generators", name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the project's code may raise anything
        loaded.broken[name] = error


def _raised(error: BaseException) -> str:
    return f"its module raised {type(error).__name__}" + (f": {error}" if str(error) else "")


def _option(name: str, parameter: Parameter, users: list[str]) -> click.Option:
    shown = _PREFIX + name if name in _OWN else name
    default = parameter.default
    known = "" if default is parameter.empty or default is None else f"  [default: {_as_typed(default)}]"
    return click.Option(
        [f"--{shown.replace('_', '-')}", _PREFIX + name],
        help=f"For {' and '.join(users)}.{known}",
        metavar=_metavar(parameter.annotation),
    )


def _as_typed(value: Any) -> str:
    """Return a default as a user would type it."""
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, (tuple, list)):
        return ",".join(map(_as_typed, value))
    return str(value)


def _metavar(hint: Any) -> str:
    """Return what an annotation allows as click writes it: the values of a Literal or enum, or the types."""
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return f"[{'|'.join(member.name for member in hint)}]"
    if typing.get_origin(hint) in {tuple, list, set, frozenset}:
        return "VALUE,..."
    parts = [part for part in typing.get_args(hint) if part is not type(None)] or [hint]
    if typing.get_origin(hint) is typing.Literal:
        return f"[{'|'.join(NONE if part is None else str(part) for part in typing.get_args(hint))}]"
    if len(parts) == 1 and parts[0] is not hint:
        return _metavar(parts[0])
    return "|".join({int: "INTEGER", float: "FLOAT", str: "TEXT"}.get(part, "VALUE") for part in parts)


@verb("generate", cls=GenerateCommand)
@click.argument("generator", required=False)
@click.option("--source", type=click.Path(path_type=Path), help="Data file to make the fixture from.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Directory for the two files.  [default: the current directory]",
)
@json_option
def command(
    *, generator: str | None, source: Path | None, output: Path, as_json: bool, **parameters: str | None
) -> int:
    """Calls GENERATOR and writes the fixture that it returns.

    GENERATOR can be left out if only one generator reads a source file (with --source) or needs none (without
    it). A fixture that violates its contract or contradicts its physics is refused and not written. If
    another generator cannot be imported, that is reported, and the exit status is 2 where GENERATOR was left
    out. This command runs code of the project.

    \b
    Examples:
      harness generate minimal_v1 --output /tmp/fixture
      harness generate --source scan.npz --positions 64 --output /tmp/fixture
    """
    from harness.core.fixtures.fixture import write_fixture
    from harness.core.storage.pytest_settings import wants_compression
    from harness.report.plain_lines import plain_line

    catalogue = find_catalogue(code_root(None))
    loaded = _load_all(catalogue)
    make = _choose(loaded, source) if generator is None else _named(catalogue, generator, source)
    given = {key.removeprefix(_PREFIX): text for key, text in parameters.items() if text is not None}
    if source is not None:
        given[SOURCE] = str(source)
    fixture = call_with(make, read_typed(make, given))
    paths = write_fixture(fixture, output, compress=wants_compression(code_root(None)))
    emit(
        {"files": paths, "manifest": fixture.manifest},
        as_json=as_json,
        render=lambda: _show(fixture, paths),
    )
    for line in loaded.lines():
        click.echo(plain_line(line), err=True)
    return 2 if generator is None and loaded.lines() else 0


def _named(catalogue: Catalogue, name: str, source: Path | None) -> Callable[..., Fixture]:
    """Return the generator called *name*."""
    named: Callable[..., Fixture] = catalogue.load("generators", name)
    if source is not None and SOURCE not in parameters_of(named):
        raise UsageError(
            "--source",
            expected="a generator that reads a source file",
            found=f"{name}, which reads none",
            message=f"generator {name!r} reads no source file",
            remedy="Omit --source, or name another generator.",
        )
    return named


def _choose(loaded: _Loaded, source: Path | None) -> Callable[..., Fixture]:
    """Return the only generator that fits; one that waits for a package might fit too."""
    for error in loaded.broken.values():
        if isinstance(error, DependencyError):
            raise error
    fitting = {key: f for key, f in loaded.made.items() if reads_source(f) == (source is not None)}
    if len(fitting) != 1:
        raise UsageError(
            "GENERATOR",
            expected=f"one of {', '.join(sorted(fitting or loaded.made))}",
            found="none",
            remedy="Name one: `harness generate GENERATOR`.",
        )
    return next(iter(fitting.values()))


def _show(fixture: Fixture, paths: tuple[Path, Path]) -> None:
    for path in paths:
        click.echo(f"wrote {path}")
    for key, spec in fixture.manifest.arrays.items():
        shape = " x ".join(map(str, spec.shape)) or "scalar"
        click.echo(f"  {key:14} {spec.dtype:10} {shape:14} {spec.digest}")
    for key, value in fixture.manifest.checks.items():
        click.echo(f"  {key}: {value:.4g}")
