"""The table ``[tool.harness.engines.NAME]`` of pyproject.toml: command lines, and what they leave.

::

    [tool.harness.engines.ptychopinn]
    train = "ptycho_train --train_data_file {fixture} --output_dir {output} --n_images {positions}"
    infer = "ptycho_inference --model_path {output} --test_data {fixture} --output_dir {output}/inference"
    object = "{output}/inference/reconstruction.npz:object"
    probe = "{output}/inference/reconstruction.npz:probe"

A command line is split into words as a shell does it, but no shell runs it. Placeholders are replaced after
that, so a path with spaces stays one word.
"""

from __future__ import annotations

import re
import shlex
import string
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from harness.core.errors import UsageError
from harness.ptycho.engines.start import DEFOCUS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STAGES = ("prepare", "train", "infer", "reconstruct", "export")
"""Keys of the command lines that make a reconstruction, in the order in which they run."""

TRAIN, UNTRAINED = "train", "untrained"
"""Key of the command line that trains, and of the one that replaces it in the control."""

PREDICT = "predict"
"""Key of the command line that predicts diffraction, for the handshake."""

PLACEHOLDERS = {
    "fixture": "the fixture's file, in the format of fixture_format",
    "output": "an empty folder for what the program writes",
    "positions": "the number of positions",
    "seed": "the seed of all random numbers",
    "threads": "the number of CPU threads",
    "python": "the Python interpreter that runs harness",
    "root": "the project's directory",
}
"""What may stand in braces, in command lines, outputs and variables; ``{{`` and ``}}`` are braces."""

TIME_LIMIT = 45.0
"""Seconds for all command lines together, unless the table says otherwise."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class Polar(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where amplitude and phase (radians) of an object or a probe are, if the program leaves them apart."""

    amplitude: str
    phase: str


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One table of ``[tool.harness.engines]``.

    Parameters
    ----------
    prepare, train, infer, reconstruct, export : str, optional
        Command lines, at least one of them. They run in this order, each after the end of the one before.
    untrained : str, optional
        Command line that replaces ``train`` in another run, for a control: the same without training.
    predict : str, optional
        Command line for the handshake: it is given the stored object and probe, and predicts diffraction.
    object, probe : str or Polar
        Where the result is: ``PATH:NAME`` for one array, ``PATH`` for a .npy file or a file of a format that
        harness reads, or a table of two such places, ``amplitude`` and ``phase`` in radians. Without *probe*,
        the program is taken to leave the probe as it was.
    prediction : str, optional
        Where ``predict`` leaves the amplitudes.
    fixture_format : str
        In which format the fixture is written for the program, as typed for ``harness convert --to``. Its
        object is flat, and its probe is the start probe: the program never has the answer.
    defocus : float, optional
        Error of the start probe in radians; by default 0.3 if the program leaves a *probe*, else 0.
    packages : list of str
        Installed distributions whose versions are recorded with each result.
    environment : mapping of str to str
        Variables in addition to those of the caller.
    time_limit : float
        Seconds for all command lines together.
    """

    object: str | Polar
    probe: str | Polar | None = None
    prepare: str | None = None
    train: str | None = None
    infer: str | None = None
    reconstruct: str | None = None
    export: str | None = None
    untrained: str | None = None
    predict: str | None = None
    prediction: str | None = None
    fixture_format: str = "npz"
    defocus: float | None = None
    packages: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    time_limit: Annotated[float, msgspec.Meta(gt=0)] = TIME_LIMIT

    @property
    def stages(self) -> dict[str, str]:
        """The command lines that make a reconstruction, by their keys, in order."""
        return self._lines(STAGES)

    @property
    def untrained_stages(self) -> dict[str, str]:
        """The command lines of the control, in order; empty if there is none."""
        return self._lines(tuple({TRAIN: UNTRAINED}.get(s, s) for s in STAGES)) if self.untrained else {}

    @property
    def start_defocus(self) -> float:
        """Error of the start probe in radians."""
        if self.defocus is not None:
            return self.defocus
        return DEFOCUS if self.probe else 0.0

    @property
    def lines(self) -> dict[str, str]:
        """All command lines by their keys."""
        return self._lines((*STAGES, UNTRAINED, PREDICT))

    def places(self) -> Iterator[tuple[str, str]]:
        """Every declared output, with its key."""
        for key in ("object", "probe", "prediction"):
            place = getattr(self, key)
            if isinstance(place, Polar):
                yield from ((f"{key}.{part}", getattr(place, part)) for part in ("amplitude", "phase"))
            elif place is not None:
                yield key, place

    def _lines(self, keys: tuple[str, ...]) -> dict[str, str]:
        return {key: line for key in keys if (line := getattr(self, key)) is not None}

    def texts(self) -> Iterator[tuple[str, str]]:
        """Every text in which placeholders are replaced, with its key."""
        yield from self.lines.items()
        yield from self.places()
        for name, value in self.environment.items():
            yield f"environment.{name}", value


def read_settings(name: str, table: Mapping[str, Any]) -> Settings:
    """Return the checked settings of the engine *name*.

    Raises
    ------
    UsageError
        The name cannot be one; a key is unknown, missing or of another type; a command line cannot be split
        into words; a placeholder is unknown; or the keys do not fit each other. The message names the key.

    Examples
    --------
    >>> table = {"reconstruct": "mine {fixture} {output}", "object": "{output}/o.npz:object"}
    >>> read_settings("mine", table).stages
    {'reconstruct': 'mine {fixture} {output}'}
    """
    if not _NAME.fullmatch(name):
        raise _wrong(name, "a name of letters, digits, _ and -", repr(name))
    try:
        settings = msgspec.convert(dict(table), Settings)
    except msgspec.ValidationError as error:
        expected = f"some of {', '.join(Settings.__struct_fields__)}"
        raise _wrong(name, expected, str(error)) from None
    for key, text in settings.texts():
        _require_replaceable(name, key, text)
    for key, line in settings.lines.items():
        _require_words(name, key, line)
    _require_fitting(name, settings)
    return settings


def words_of(line: str, values: Mapping[str, str]) -> list[str]:
    """Return the words of a command line, with its placeholders replaced.

    >>> words_of("run {fixture} --title 'two words'", {"fixture": "a b.npz"})
    ['run', 'a b.npz', '--title', 'two words']
    """
    return [replaced(word, values) for word in shlex.split(line)]


def replaced(text: str, values: Mapping[str, str]) -> str:
    """Return *text* with each placeholder replaced by its value.

    >>> replaced("{output}/{{x}}.npz", {"output": "out"})
    'out/{x}.npz'
    """
    parts = string.Formatter().parse(text)
    return "".join(literal + (values[field] if field else "") for literal, field, _, _ in parts)


def _require_replaceable(name: str, key: str, text: str) -> None:
    """Require that each pair of braces in *text* holds the name of a placeholder and nothing else."""
    expected = f"one of {', '.join(f'{{{one}}}' for one in PLACEHOLDERS)} ({{{{ and }}}} are braces)"
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        raise _wrong(f"{name}: {key}", expected, str(error)) from None
    for _, field, form, conversion in parts:
        if field is not None and (field not in PLACEHOLDERS or form or conversion):
            found = (
                "{" + field + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "") + "}"
            )
            raise _wrong(f"{name}: {key}", expected, found)
    if "\0" in text:
        raise _wrong(f"{name}: {key}", "text without null characters", repr(text))


def _require_words(name: str, key: str, line: str) -> None:
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise _wrong(f"{name}: {key}", "words, with quotes in pairs", f"{line!r} ({error})") from None
    if not words or not words[0]:
        raise _wrong(f"{name}: {key}", "a program and its arguments", repr(line))


def _require_fitting(name: str, settings: Settings) -> None:
    if not settings.stages:
        raise _wrong(name, f"a command line: {', '.join(STAGES)}", "none")
    for one, other in ((PREDICT, "prediction"), ("prediction", PREDICT), (UNTRAINED, TRAIN)):
        if getattr(settings, one) is not None and getattr(settings, other) is None:
            raise _wrong(name, f"{other} beside {one}", f"{one} alone")
    for key, place in settings.places():
        if not place.startswith("{output}/"):
            raise _wrong(f"{name}: {key}", "a path that begins with {output}/", repr(place))


def _wrong(thing: str, expected: str, found: str) -> UsageError:
    return UsageError(
        f"[tool.harness.engines] {thing}",
        expected=expected,
        found=found,
        remedy="Correct pyproject.toml.",
    )
